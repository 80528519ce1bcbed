"""/account/password and /account/second-factor: what a local user proves themselves by."""

from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.directory import Directory
from airegistry.core.errors import AirError, Invalid, NotFound, RateLimited, Unauthenticated
from airegistry.core.users import LOCAL, BadCredentials, SecondFactorNeeded
from airegistry.oauth.forms import Form
from airegistry.oauth.login.account import Members, Visit
from airegistry.oauth.login.render import Html, fragment, joined, page
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Refused, Visitors, in_words, waiting
from airegistry.oauth.source import source_of

TRIALS = (BadCredentials, SecondFactorNeeded, RateLimited, Invalid)
"""What a person can get wrong, and is told on the same form."""


class AccountSecrets:
    """Pages on which a local user changes the password and has a second factor set up or taken off."""

    def __init__(self, directory: Directory, sessions: Sessions, visitors: Visitors, factor: SecondFactor) -> None:
        self._directory = directory
        self._sessions = sessions
        self._visitors = visitors
        self._factor = factor
        self._members = Members(directory, visitors)

    def routes(self) -> list[Route]:
        """The pages and what their buttons do."""
        members = self._members
        return [
            Route("/account/password", members.shown(self._ask_password), methods=["GET"]),
            Route("/account/password", members.posted(self._change_password), methods=["POST"]),
            Route("/account/second-factor", members.shown(self._show_factor), methods=["GET"]),
            Route("/account/second-factor", members.posted(self._enrol), methods=["POST"]),
            Route("/account/second-factor/confirm", members.posted(self._confirm), methods=["POST"]),
            Route("/account/second-factor/off", members.posted(self._turn_off), methods=["POST"]),
        ]

    async def _ask_password(self, visit: Visit) -> Response:
        _check_local(visit)
        return self._form("account_password", "Change your password", visit, "password")

    async def _change_password(self, visit: Visit, form: Form) -> Response:
        _check_local(visit)
        old, new = form.get("password") or "", form.get("new_password") or ""
        try:
            if new != form.get("new_password_again"):
                raise Invalid("the two new passwords are not the same")
            user = await self._directory.change_password(visit.user.id, old, new, source=source_of(visit.request))
        except TRIALS as error:
            return self._form("account_password", "Change your password", visit, "password", error)
        cookie, _ = await self._sessions.open(user, visit.session.amr)
        return self._visitors.keep_session(self._visitors.go("/account"), cookie)

    async def _show_factor(self, visit: Visit) -> Response:
        _check_local(visit)
        if visit.user.second_factor:
            return self._form("factor_off", "Second factor", visit, "second-factor/off")
        return self._form("factor_on", "Second factor", visit, "second-factor")

    async def _enrol(self, visit: Visit, form: Form) -> Response:
        _check_local(visit)
        id_, password = visit.user.id, form.get("password") or ""
        try:
            secret = await self._directory.enrol_second_factor(id_, password, source=source_of(visit.request))
        except SecondFactorNeeded:  # there is one in force
            return self._visitors.go("/account/second-factor")
        except TRIALS as error:
            return self._form("factor_on", "Second factor", visit, "second-factor", error)
        shown = fragment("factor_secret", qr=Html(self._factor.qr(self._factor.uri(secret, id_))), secret=secret)
        return self._form("factor_confirm", "Second factor", visit, "second-factor/confirm", secret=shown)

    async def _confirm(self, visit: Visit, form: Form) -> Response:
        _check_local(visit)
        try:
            codes = await self._directory.confirm_second_factor(visit.user.id, form.get("code") or "")
        except NotFound:
            return self._visitors.go("/account/second-factor")
        except TRIALS as error:
            return self._form("factor_confirm", "Second factor", visit, "second-factor/confirm", error, secret="")
        listed = joined(fragment("factor_code", code=code) for code in codes)
        return page("factor_codes", "Recovery codes", base=self._visitors.base, codes=listed)

    async def _turn_off(self, visit: Visit, form: Form) -> Response:
        _check_local(visit)
        password, code = form.get("password") or "", form.get("code") or ""
        try:
            await self._directory.disable_second_factor(visit.user.id, password, code, source=source_of(visit.request))
        except TRIALS as error:
            return self._form("factor_off", "Second factor", visit, "second-factor/off", error)
        return self._visitors.go("/account")

    def _form(
        self, template: str, title: str, visit: Visit, action: str, error: AirError | None = None, **values: Html | str
    ) -> Response:
        answer = page(
            template, title, status=_status(error), base=self._visitors.base, csrf=self._members.field(visit, action),
            account=visit.user.id, problem=fragment("alert", text=_told(error)) if error else "", **values,
        )  # fmt: skip
        if isinstance(error, RateLimited):
            answer.headers["retry-after"] = str(waiting(error))
        return answer


def _check_local(visit: Visit) -> None:
    if visit.user.provider != LOCAL:
        raise Refused(
            "Your provider keeps this", f"You sign in through {visit.user.provider}: change it there.", status=404
        )


def _status(error: AirError | None) -> int:
    if error is None:
        return 200
    return 401 if isinstance(error, Unauthenticated) else 429 if isinstance(error, RateLimited) else 400


def _told(error: AirError) -> str:
    if isinstance(error, Unauthenticated):
        return "That is not right. Nothing was changed."
    if isinstance(error, RateLimited):
        return f"Too many attempts. Wait {in_words(waiting(error))}, then try again."
    return f"{error.message[:1].upper()}{error.message[1:]}. Nothing was changed."
