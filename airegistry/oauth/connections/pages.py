"""/account/connections, where persons connect and disconnect accounts, and /oauth/callback, where browsers return."""

import logging
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.credentials import CredentialStore, Personal
from airegistry.core.directory import Directory
from airegistry.core.errors import NotFound, UpstreamFailed
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.egress.oauth_tokens import OAuthRefused
from airegistry.oauth.callers import Callers
from airegistry.oauth.connections.accounts import CALLBACK, PAGE, Accounts
from airegistry.oauth.connections.keeping import Connection
from airegistry.oauth.forms import Form, parse_form
from airegistry.oauth.login import wording
from airegistry.oauth.login.account import Members, SignedOut, Visit
from airegistry.oauth.login.render import Html, fragment, joined, page
from airegistry.oauth.login.visitors import Refused, Visitors, paged, see_other
from airegistry.oauth.resources import Resources

log = logging.getLogger(__name__)

BEGINNINGS = 20
"""Connections that a person may begin in a minute: each asks servers of strangers."""
GONE = ("There is no such server", "It may have been removed, or it does not ask for accounts any more.")
UNREVOKED = "Forgotten here. The other side did not confirm that it ended: remove this registry's access there too."


class ConnectionPages:
    """What a person sees of the accounts they connected."""

    def __init__(
        self, accounts: Accounts, credentials: CredentialStore, callers: Callers, directory: Directory,
        visitors: Visitors, resources: Resources, clock: Clock, *, among: Among = alone,
    ) -> None:  # fmt: skip
        self._accounts = accounts
        self._credentials = credentials
        self._callers = callers
        self._visitors = visitors
        self._resources = resources
        self._members = Members(directory, visitors)
        self._limiter = Limiter(clock, burst=BEGINNINGS, seconds=60, what="connections begun", among=among)

    def routes(self) -> list[Route]:
        """The pages, and what their buttons do."""
        members = self._members
        return [
            Route(PAGE, members.shown(self._show), methods=["GET"]),
            Route(f"{PAGE}/connect", members.shown(self._ask), methods=["GET"]),
            Route(f"{PAGE}/connect", members.posted(self._connect), methods=["POST"]),
            Route(f"{PAGE}/disconnect", members.posted(self._disconnect), methods=["POST"]),
            Route(CALLBACK, paged(self._return), methods=["GET"]),
        ]

    async def _show(self, visit: Visit) -> Response:
        return await self._overview(visit)

    async def _overview(self, visit: Visit, notice: str = "") -> Response:
        held = await self._accounts.of_user(visit.user.id)
        known = {(each.want.ref, each.want.url): each for each in await self._credentials.personal(self._who(visit))}
        connected = [self._connection(visit, each, known.get((each.ref, each.url))) for each in held]
        taken = {(each.ref, each.url) for each in held}
        open_ = [self._form(visit, each) for at, each in known.items() if at not in taken]
        return page(
            "connections", "Connected accounts", base=self._visitors.base,
            notice=fragment("alert", text=notice) if notice else "",
            connected=joined(connected) if connected else fragment("account_none", text="You have connected none."),
            open=joined(open_) if open_ else fragment("account_none", text="Nothing else asks for an account."),
        )  # fmt: skip

    async def _ask(self, visit: Visit) -> Response:
        request = visit.request.query_params.get("request", "")
        personal = await self._personal(visit, *self._accounts.linked(request, visit.user.id))
        return page(
            "connection_ask", "Connect an account", base=self._visitors.base, name=wording.shown(personal.asset.name),
            host=_host(personal.want.url), form=self._form(visit, personal),
        )  # fmt: skip

    async def _connect(self, visit: Visit, form: Form) -> Response:
        self._limiter.take(visit.user.id)
        personal = await self._personal(visit, form.need("backend"), form.need("url"))
        browser = self._visitors.settle_browser(visit.request)
        base = self._resources.base_for(visit.request.headers.get("host", ""))
        try:
            url = await self._accounts.start(personal.want, visit.user.id, browser, base)
        except UpstreamFailed as error:
            log.warning("no connection to %s can begin: %s", personal.want.ref, error.message)
            raise Refused(
                f"{wording.shown(personal.asset.name)} cannot be connected now",
                "Its authorization server cannot be asked. Try again later, or tell whoever registered it.", status=502,
            ) from None  # fmt: skip
        return self._visitors.keep_browser(see_other(url), browser)

    async def _return(self, request: Request) -> Response:
        answer = parse_form(request.scope["query_string"].decode("ascii", "replace"))
        session = await self._visitors.session(request)
        begun, asked = await self._accounts.returned(
            answer.get("state") or "", user=session.user if session else None, browser=self._visitors.browser(request)
        )
        who = self._callers.by_subject(f"user:{begun.user}")
        try:
            personal = None if who is None else await self._credentials.personal_at(who, begun.ref, begun.url)
        except NotFound:
            personal = None
        if personal is None or personal.want.id != begun.credential:
            raise Refused(*GONE, status=404)
        given = {name: value for name in ("state", "iss", "error", "code") if (value := answer.get(name)) is not None}
        try:
            await self._accounts.finish(begun, asked, given)
        except UpstreamFailed as error:
            log.warning("no connection to %s: %s", begun.ref, error.message)
            text = (
                "You or your account's side said no." if isinstance(error, OAuthRefused) else "The answer is not valid."
            )
            raise Refused("Nothing was connected", f"{text} You can start again at your connected accounts.") from None
        return self._visitors.go(PAGE)

    async def _disconnect(self, visit: Visit, form: Form) -> Response:
        if await self._accounts.disconnect(visit.user.id, form.need("connection")):
            return self._visitors.go(PAGE)
        return await self._overview(visit, UNREVOKED)

    async def _personal(self, visit: Visit, ref: str, url: str) -> Personal:
        try:
            return await self._credentials.personal_at(self._who(visit), ref, url)
        except NotFound:
            raise Refused(*GONE, status=404) from None

    def _who(self, visit: Visit) -> Principal:
        who = self._callers.by_subject(visit.user.subject)
        if who is None:  # switched off since the session was looked at
            raise SignedOut(self._visitors.base)
        return who

    def _connection(self, visit: Visit, connection: Connection, personal: Personal | None) -> Html:
        name = connection.ref.partition("/")[2] if personal is None else personal.asset.name
        return fragment(
            "connection", base=self._visitors.base, csrf=self._members.field(visit, "connections/disconnect"),
            id=connection.id, name=wording.shown(name), host=_host(connection.url), issuer=_host(connection.issuer),
            scope=wording.shown(connection.scope or "what it has not said", 300),
            since=f"{connection.connected_at:%d %b %Y, %H:%M} UTC",
        )  # fmt: skip

    def _form(self, visit: Visit, personal: Personal) -> Html:
        return fragment(
            "connection_open", base=self._visitors.base, csrf=self._members.field(visit, "connections/connect"),
            ref=personal.want.ref, url=personal.want.url, name=wording.shown(personal.asset.name),
            host=_host(personal.want.url),
        )  # fmt: skip


def _host(url: str) -> str:
    return wording.shown(urlsplit(url).netloc, 255)
