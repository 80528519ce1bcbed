"""`/api/v1/account`: where else one is signed in, what one allowed and connected, for the web page's own session."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from airegistry.core.assets import Json
from airegistry.core.credentials import CredentialStore
from airegistry.core.errors import AirError, NotFound
from airegistry.core.principals import Principal
from airegistry.oauth.connections.accounts import Accounts
from airegistry.oauth.login.account import Application, applications
from airegistry.oauth.login.consents import Consents
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Refused
from airegistry.oauth.model import Authorization, Consent, Session
from airegistry.oauth.tokens.authorizations import Authorizations
from airegistry.rest.api.answers import answer, refusal
from airegistry.rest.session import session_of

ACCOUNT: Final = "/api/v1/account"
BySubject = Callable[[str], Principal | None]
Act = Callable[[Request, Session], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class AccountRoutes:
    """What a person sees and ends of their own. Every request has to come by a session."""

    sessions: Sessions
    consents: Consents
    authorizations: Authorizations
    accounts: Accounts
    credentials: CredentialStore
    by_subject: BySubject

    def routes(self) -> Sequence[BaseRoute]:
        """Every route of it."""
        ends = {
            "sessions": self._end_session, "applications": self._end_application, "connections": self._end_connection,
        }  # fmt: skip
        more = [
            Route(f"{ACCOUNT}/{name}/{{id:path}}", _by_session(act), methods=["DELETE"]) for name, act in ends.items()
        ]
        return [Route(ACCOUNT, _by_session(self._show), methods=["GET"]), *more]

    async def _show(self, request: Request, session: Session) -> Json:
        user = session.user
        held: list[Consent | Authorization] = [
            *await self.consents.of_user(user),
            *await self.authorizations.of_user(user),
        ]
        connected = await self.accounts.of_user(user)
        who = self.by_subject(f"user:{user}")
        known = [] if who is None else await self.credentials.personal(who)
        names = {each.want.ref: each.asset.title or each.asset.name for each in known}
        taken = {(each.ref, each.url) for each in connected}
        open_ = [each for each in known if (each.want.ref, each.want.url) not in taken]
        return {
            "sessions": [_session(each, session) for each in await self.sessions.of_user(user)],
            "applications": [_application(each) for each in applications(held)],
            "connections": [
                {
                    "id": each.id, "backend": each.ref, "name": names.get(each.ref, each.ref), "host": _host(each.url),
                    "connected_at": each.connected_at.isoformat(),
                }
                for each in connected
            ],
            "unconnected": [
                {"backend": each.want.ref, "name": names[each.want.ref], "host": _host(each.want.url)} for each in open_
            ],
        }  # fmt: skip

    async def _end_session(self, request: Request, session: Session) -> Json:
        found = [each for each in await self.sessions.of_user(session.user) if each.id == request.path_params["id"]]
        if not found:
            raise NotFound("you have no such session")
        await self.sessions.end(found[0], reason="ended from another session")
        return {"ended": True}

    async def _end_application(self, request: Request, session: Session) -> Json:
        await self.consents.revoke(session.user, request.path_params["id"])
        return {"ended": True}

    async def _end_connection(self, request: Request, session: Session) -> Json:
        try:
            return {"ended": True, "confirmed": await self.accounts.disconnect(session.user, request.path_params["id"])}
        except Refused:
            raise NotFound("you have no such connection") from None


def _by_session(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return answer(await act(request, session_of(request.scope)))
        except AirError as error:
            return refusal(error)

    return endpoint


def _session(session: Session, here: Session) -> Json:
    by = session.provider or ("password and code" if len(session.amr) > 1 else "password")
    return {
        "id": session.id, "here": session.id == here.id, "by": by, "signed_in_at": session.auth_time.isoformat(),
        "seen_at": session.seen_at.isoformat(), "expires_at": session.expires_at.isoformat(),
    }  # fmt: skip


def _application(held: Application) -> Json:
    return {
        "client_id": held.client_id, "name": held.name, "scopes": [*sorted(held.scopes)],
        "resources": [*sorted(held.resources)], "used_at": held.used_at.isoformat() if held.used_at else None,
    }  # fmt: skip


def _host(url: str) -> str:
    return urlsplit(url).netloc
