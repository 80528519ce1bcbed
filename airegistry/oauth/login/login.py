"""/login and /logout: the person proves who they are, and the browser gets a session; or gives it back."""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.directory import Directory
from airegistry.core.errors import AirError, RateLimited
from airegistry.core.ports import Clock
from airegistry.core.users import BadCredentials, SecondFactorNeeded
from airegistry.oauth.forms import read_form
from airegistry.oauth.login.pending import PendingRequests
from airegistry.oauth.login.render import Html, fragment, joined, page
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Visitors, in_words, paged, see_other, waiting
from airegistry.oauth.model import Session
from airegistry.oauth.source import source_of

HALF_WAY_SECONDS = 300
MAX_HALF_WAY = 1000

Choices = Callable[[], list[tuple[str, str]]]
"""The identity providers, each with its name and what its button says."""
LogoutUrl = Callable[[Session, str], Awaitable[str | None]]
"""Where a session ends at its provider too, and comes back to the given URL; None where it need not."""


@dataclass(frozen=True, slots=True)
class HalfWay:
    """A login whose password was right and whose code is missing."""

    browser: str
    username: str
    password: str = field(repr=False)
    until: float


class HalfWayLogins:
    """Keeps them in memory, each for five minutes and one browser, so that no page holds a password.

    Another process, or this one after a restart, knows nothing of them: then password and code are asked together.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, HalfWay] = OrderedDict()

    def keep(self, browser: str, username: str, password: str) -> str:
        """Remember a login; returns the name of it for the form that asks for the code."""
        now = self._clock.monotonic()
        while self._kept and (len(self._kept) >= MAX_HALF_WAY or next(iter(self._kept.values())).until <= now):
            self._kept.popitem(last=False)
        step = secrets.token_urlsafe(16)
        self._kept[step] = HalfWay(browser, username, password, now + HALF_WAY_SECONDS)
        return step

    def find(self, step: str | None, browser: str) -> HalfWay | None:
        """The login of that name, if it was begun in this browser and not too long ago."""
        kept = self._kept.get(step or "")
        return kept if kept and kept.browser == browser and self._clock.monotonic() < kept.until else None

    def drop(self, step: str | None) -> None:
        """Forget a login that is done."""
        self._kept.pop(step or "", None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the person sent: where the login leads (`request`, may be empty), who they say they are, and the proof."""

    browser: str
    request: str
    step: str | None
    username: str
    password: str = field(repr=False)
    code: str | None = field(repr=False)


class Login:
    """The login pages. They take no address to go to but that of a view of the web page: a login leads to a request
    that is kept here, to such a view, or to /account."""

    def __init__(
        self,
        directory: Directory,
        sessions: Sessions,
        pending: PendingRequests,
        visitors: Visitors,
        clock: Clock,
        *,
        url: str,
        providers: Choices,
        logout_url: LogoutUrl,
    ) -> None:
        self._directory = directory
        self._sessions = sessions
        self._pending = pending
        self._visitors = visitors
        self._half_way = HalfWayLogins(clock)
        self._url = url
        self._providers = providers
        self._logout_url = logout_url

    def routes(self) -> list[Route]:
        """/login and /logout, for GET and POST."""
        return [
            Route("/login", paged(self._show), methods=["GET"]),
            Route("/login", paged(self._submit), methods=["POST"]),
            Route("/logout", paged(self._ask_logout), methods=["GET"]),
            Route("/logout", paged(self._logout), methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        id_ = request.query_params.get("request", "")
        if id_:
            await self._pending.find(id_, self._visitors.browser(request))
        browser = self._visitors.settle_browser(request)
        answer = self._visitors.keep_browser(self._form(browser, id_), browser)
        onward = request.query_params.get("next")
        return answer if onward is None else self._visitors.keep_onward(answer, onward)

    async def _submit(self, request: Request) -> Response:
        form = await read_form(request)
        id_ = form.get("request") or ""
        browser = self._visitors.check_browser(request, form, _purpose(id_))
        if id_:
            await self._pending.find(id_, browser)
        step = form.get("step")
        half = self._half_way.find(step, browser)
        username = half.username if half else (form.get("username") or "").strip()
        password = half.password if half else form.get("password") or ""
        attempt = Attempt(browser, id_, step if half else None, username, password, form.get("code"))
        if not username or not password:
            text = "Enter your name, your password and the code once more." if step else "Enter your name and password."
            return self._form(browser, id_, username, text, status=401, with_code=step is not None)
        return await self._prove(request, attempt)

    async def _prove(self, request: Request, attempt: Attempt) -> Response:
        try:
            user, amr = await self._directory.authenticate(
                attempt.username, attempt.password, attempt.code, source=source_of(request)
            )
        except SecondFactorNeeded:
            step = attempt.step or self._half_way.keep(attempt.browser, attempt.username, attempt.password)
            return self._code_form(attempt, step)
        except BadCredentials:
            if attempt.step:
                return self._code_form(attempt, attempt.step, "This code is not right. Try the next one.", status=401)
            text = "The name, the password or the code is not right."
            return self._form(
                attempt.browser, attempt.request, attempt.username, text, status=401, with_code=bool(attempt.code)
            )
        except RateLimited as error:
            text = f"Too many attempts. Wait {in_words(waiting(error))}, then try again."
            answer = self._form(attempt.browser, attempt.request, attempt.username, text, status=429)
            answer.headers["retry-after"] = str(waiting(error))
            return answer
        self._half_way.drop(attempt.step)
        await self._visitors.end_session(request)
        cookie, _ = await self._sessions.open(user, amr)
        asked, visitors = attempt.request, self._visitors
        answer = visitors.go(f"/consent?request={asked}") if asked else visitors.go_onward(request)
        return self._visitors.keep_session(answer, cookie)

    async def _ask_logout(self, request: Request) -> Response:
        session = await self._visitors.session(request)
        if session is None:
            return self._signed_out()
        csrf = self._visitors.field(request, "logout")
        return page("logout", "Sign out", base=self._visitors.base, csrf=csrf, account=session.user)

    async def _logout(self, request: Request) -> Response:
        form = await read_form(request)
        session = await self._visitors.session(request)
        if session is None:
            return self._visitors.forget_session(self._signed_out())
        self._visitors.check(request, form, "logout")
        await self._sessions.end(session)
        try:
            elsewhere = await self._logout_url(session, f"{self._url}/logout")
        except AirError:  # the provider is out of reach; here the session is over all the same
            elsewhere = None
        answer = self._signed_out() if elsewhere is None else see_other(elsewhere)
        return self._visitors.forget_session(answer)

    def _signed_out(self) -> Response:
        return page(
            "link", "Signed out", heading="You are signed out",
            text="The session of this browser is over. You can close this window.",
            href=f"{self._visitors.base}/login", label="Sign in",
        )  # fmt: skip

    def _form(
        self, browser: str, id_: str, username: str = "", problem: str = "", *, status: int = 200,
        with_code: bool = False,
    ) -> Response:  # fmt: skip
        return page(
            "login", "Sign in", status=status, base=self._visitors.base, request=id_, username=username,
            csrf=self._visitors.browser_field(browser, _purpose(id_)), problem=_alert(problem),
            lead=fragment("login_lead") if id_ else "", providers=self._buttons(id_),
            code=fragment("login_code_field") if with_code else "",
        )  # fmt: skip

    def _code_form(self, attempt: Attempt, step: str, problem: str = "", *, status: int = 200) -> Response:
        return page(
            "login_code", "Enter your code", status=status, base=self._visitors.base, request=attempt.request,
            csrf=self._visitors.browser_field(attempt.browser, _purpose(attempt.request)), step=step,
            username=attempt.username, problem=_alert(problem), code=fragment("login_code_field"),
            again=f"?request={attempt.request}" if attempt.request else "",
        )  # fmt: skip

    def _buttons(self, id_: str) -> Html:
        query = f"?request={id_}" if id_ else ""
        links = [
            fragment("login_provider", href=f"{self._visitors.base}/login/{quote(name, safe='')}{query}", title=title)
            for name, title in self._providers()
        ]
        return joined([*links, fragment("login_or")]) if links else Html("")


def _purpose(id_: str) -> str:
    return f"login:{id_}"


def _alert(text: str) -> Html:
    return fragment("alert", text=text) if text else Html("")
