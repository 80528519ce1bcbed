"""`/api/v1/session`: the web page's own session, and its ends. It is there for requests that came by one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Invalid, NotFound
from airegistry.core.users import User
from airegistry.oauth.login.cookies import Cookies
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.model import Session
from airegistry.oauth.web_sessions import VISIT, WebSessions
from airegistry.rest.api.answers import answer, refusal

SESSION: Final = "/api/v1/session"
Known = Callable[[str], User | None]
Elsewhere = Callable[[Session], Awaitable[str | None]]
"""Where a session ends at its identity provider too."""


class SessionRoute:
    """Tells a page who is signed in and its token against forgery; signs out, here or everywhere."""

    def __init__(
        self, web: WebSessions, sessions: Sessions, cookies: Cookies, known: Known, elsewhere: Elsewhere
    ) -> None:
        self._web = web
        self._sessions = sessions
        self._cookies = cookies
        self._known = known
        self._elsewhere = elsewhere

    def routes(self) -> Sequence[BaseRoute]:
        """The one route of it."""
        return [Route(SESSION, self._serve, methods=["GET", "DELETE"])]

    async def _serve(self, request: Request) -> Response:
        try:
            session = session_of(request.scope)
            return await (self._end(request, session) if request.method == "DELETE" else self._show(request, session))
        except AirError as error:
            return refusal(error)

    async def _show(self, request: Request, session: Session) -> Response:
        user = self._known(session.user)
        if user is None:
            raise NotFound("there is no session")
        body: Json = {
            "user": {"id": user.id, "name": user.name, "email": user.email, "provider": user.provider},
            "signed_in_at": session.auth_time.isoformat(), "expires_at": session.expires_at.isoformat(),
            "csrf": self._web.proof(request),
        }  # fmt: skip
        return answer(body)

    async def _end(self, request: Request, session: Session) -> Response:
        wanted = request.query_params.get("everywhere", "false")
        if wanted not in {"true", "false"} or request.query_params.keys() - {"everywhere"}:
            raise Invalid("everywhere is true or false", field="everywhere")
        for each in await self._sessions.of_user(session.user) if wanted == "true" else ():
            await self._sessions.end(each, reason="signed out everywhere")
        await self._sessions.end(session)
        try:
            onward = await self._elsewhere(session)
        except AirError:  # the provider is out of reach; here the session is over all the same
            onward = None
        response = answer({"ended": True, "next": onward})
        self._cookies.delete(response, "session")
        return response


def session_of(scope: Scope) -> Session:
    """The session that a request came by.

    Raises:
        NotFound: it came by a token.
    """
    found = scope.get(VISIT)
    if not isinstance(found, Session):
        raise NotFound("there is no session: the request came by a token")
    return found
