"""The web page's session as a way to call the API: a cookie counts for requests of our own pages alone.

Any page may have a browser send its cookies along. So the cookie is looked at only where the browser says that a page
of ours asks (Fetch Metadata, or an Origin that is this very address), and what changes something carries a token of
that session as well, which no other page can read. Whatever is missing counts as no.
"""

from collections import OrderedDict
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import anyio
from starlette.requests import HTTPConnection
from starlette.types import Scope

from airegistry.core.errors import AccessDenied
from airegistry.core.principals import Principal
from airegistry.oauth.callers import Callers
from airegistry.oauth.login.cookies import Cookies, Csrf
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.model import ADMIN_SCOPE, MCP_SCOPE, Session
from airegistry.oauth.resources import Resources

CLIENT: Final = "airegistry-web"
"""The client by which the trail knows what was done at the page."""
HEADER: Final = "x-csrf-token"
VISIT: Final = "airegistry.visit"
"""The key in an ASGI scope under which the session of a request is left."""
TREE: Final = "/api/v1/"
EVERY = 1.0
"""Seconds between two looks whether the sessions of open streams are still there."""
MAX_KNOWN = 20_000
_PURPOSE = "api"
_SAFE = frozenset({"GET", "HEAD"})
_MAX_COOKIE = 512


class Visit(str):
    """What opened a request in place of a token: the id of a session. No token is one of these."""

    __slots__ = ()


class WebSessions:
    """Finds the person behind a request of our page, and knows for how long what it opened may go on."""

    def __init__(
        self, cookies: Cookies, csrf: Csrf, sessions: Sessions, callers: Callers, resources: Resources
    ) -> None:
        self._cookies = cookies
        self._csrf = csrf
        self._sessions = sessions
        self._callers = callers
        self._resources = resources
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._asked: set[str] = set()

    async def resolve(self, scope: Scope) -> tuple[Principal, Visit] | None:
        """Who sent a request to the API without a token; None when that cannot be said.

        Raises:
            AccessDenied: it would change something, and carries no token of its session against forgery.
        """
        if not scope["path"].startswith(TREE):
            return None
        request = HTTPConnection(scope)
        cookie = self._cookies.get(request, "session")
        if cookie is None or len(cookie) > _MAX_COOKIE or not cookie.isascii() or not self._is_ours(request):
            return None
        session = await self._sessions.find(cookie)
        who = None if session is None else self._who(session)
        if session is None or who is None:
            return None
        given = request.headers.getlist(HEADER)
        proof = given[0] if len(given) == 1 else None
        if scope["method"] not in _SAFE and not self._csrf.fits(proof, cookie, _PURPOSE):
            raise AccessDenied("the request carries no CSRF token of this session: load the page again")
        self._keep(session)
        scope[VISIT] = session
        return who, Visit(session.id)

    def proof(self, request: HTTPConnection) -> str:
        """The token against forgery for the session that a request came by."""
        return self._csrf.token(self._cookies.get(request, "session") or "", _PURPOSE)

    def holder(self, visit: Visit) -> Principal | None:
        """Whose request it is that a session opened, while it may go on."""
        session = self._known.get(visit)
        self._asked.add(visit)
        return None if session is None or self._sessions.is_over(session) else self._who(session)

    async def run(self) -> None:
        """Notice the ends of sessions that streams hang on, wherever they were ended, until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            asked, self._asked = self._asked, set()
            for id_ in asked:
                if not await self._sessions.holds(id_):
                    self._known.pop(id_, None)

    def _who(self, session: Session) -> Principal | None:
        found = self._callers.by_subject(f"user:{session.user}", client=CLIENT, scopes=(MCP_SCOPE, ADMIN_SCOPE))
        return None if found is None else replace(found, expires_at=session.expires_at.timestamp())

    def _keep(self, session: Session) -> None:
        self._known[session.id] = session
        self._known.move_to_end(session.id)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def _is_ours(self, request: HTTPConnection) -> bool:
        """Whether a page at this very address sent it."""
        sites, origins = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
        own = urlsplit(self._resources.base_for(request.headers.get("host", "")))
        if origins and [each.lower() for each in origins] != [f"{own.scheme}://{own.netloc}".lower()]:
            return False
        return sites == ["same-origin"] if sites else bool(origins)
