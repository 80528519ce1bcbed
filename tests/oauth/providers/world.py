"""The registry's side of logins at identity providers, served on loopback, and browsers that click through them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from cryptography.fernet import Fernet
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_events import AuditEvent, AuditFilter
from airegistry.core.directory import Directory
from airegistry.core.principals import SYSTEM
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.oauth.login.cookies import Cookies, open_csrf
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Visitors
from airegistry.oauth.model import Session
from airegistry.oauth.providers.id_tokens import IdTokens
from airegistry.oauth.providers.login_states import LoginStates
from airegistry.oauth.providers.provider_client import ProviderClient
from airegistry.oauth.providers.provider_routes import ProviderRoutes
from airegistry.oauth.providers.providers import IdentityProvider, Providers
from airegistry.oauth.providers.relying_party import RelyingParty
from airegistry.oauth.providers.remote_keys import RemoteKeys
from airegistry.oauth.replay import Replay
from airegistry.oauth.resources import Resources
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.people import CountingHasher
from tests.oauth.providers.op import CLIENT, SECRET
from tests.support.asgi import serve
from tests.support.tls import TLS

ALIAS = "http://alias.test"
"""Another name of a registry that does not listen."""


class ShiftedClock:
    """The real time, which the providers' tokens go by, and an offset that tests move."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self._stopped: datetime | None = None

    def now(self) -> datetime:
        return self._stopped or datetime.now(UTC) + self.offset

    def stop(self) -> None:
        """Let time stand still."""
        self._stopped = self.now()

    def monotonic(self) -> float:
        return self.now().timestamp()

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.offset += timedelta(seconds=seconds)


@dataclass
class World:
    """The services of one registry. `app` is its application where it does not listen at `url`."""

    url: str
    store: MemoryStore
    clock: ShiftedClock
    audit: Audit
    directory: Directory
    sessions: Sessions
    providers: Providers
    remote: RemoteKeys
    tokens: IdTokens
    client: ProviderClient
    party: RelyingParty
    app: Starlette | None = None
    ended: list[Session] = field(default_factory=list)
    browsers: list["Browser"] = field(default_factory=list)

    def browser(self) -> "Browser":
        """A new browser, closed with the world."""
        self.browsers.append(Browser(self))
        return self.browsers[-1]

    async def put(self, name: str, issuer: str, **fields: Any) -> IdentityProvider:
        """An identity provider at which this registry is the client `registry`."""
        secret = fields.pop("secret", SECRET)
        known = {"name": name, "issuer": issuer, "client_id": CLIENT, **fields}
        return await self.providers.put(SYSTEM, known, secret=secret)

    async def tell(self, session: Session) -> None:
        """Listen to the end of sessions."""
        self.ended.append(session)

    async def logins(self) -> list[AuditEvent]:
        """The logins in the trail, newest first."""
        found, _ = await self.audit.query(SYSTEM, AuditFilter(action="user:login"))
        return found

    async def login(self, name: str, person: str = "alice", browser: "Browser | None" = None) -> Session:
        """Log in all the way, and return the session that the browser has then."""
        browser = browser or self.browser()
        page = await browser.login(name, person)
        assert urlsplit(str(page.url)).path == "/account", page.text
        session = await browser.session()
        assert session is not None
        return session


class Browser:
    """Follows redirects, keeps cookies, and fills in the provider's forms."""

    def __init__(self, world: World) -> None:
        self._world = world
        app = world.app
        here = {} if app is None else {url: httpx2.ASGITransport(app) for url in (world.url, ALIAS)}
        self.http = httpx2.AsyncClient(trust_env=False, timeout=20, mounts=here, verify=TLS)

    async def login(self, name: str, person: str = "alice", request: str = "") -> httpx2.Response:
        """Click a provider's button, sign in there; returns the page that the registry leads to in the end."""
        query = f"?request={request}" if request else ""
        return await self.walk(await self.get(f"{self._world.url}/login/{name}{query}"), person)

    async def start(self, name: str) -> dict[str, str]:
        """Click a provider's button; returns the parameters it sends to the provider, and goes nowhere."""
        answer = await self.get(f"{self._world.url}/login/{name}")
        assert answer.status_code == 303, answer.text
        return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    async def callback(self, name: str, **params: str) -> httpx2.Response:
        """Come back from a provider with these parameters."""
        return await self.http.get(f"{self._world.url}/callback/{name}", params=params)

    async def get(self, url: str) -> httpx2.Response:
        return await self.http.get(url)

    async def walk(self, page: httpx2.Response, person: str = "alice", *, sign_in: bool = True) -> httpx2.Response:
        """Follow redirects and submit forms until a page is neither; without `sign_in` stop at that form."""
        for _ in range(20):
            if page.status_code in {302, 303, 307}:
                page = await self.get(urljoin(str(page.url), page.headers["location"]))
                continue
            action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
            if action is None:
                return page
            fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', page.text))
            if fields.get("prompt") == "login":
                if not sign_in:
                    return page
                fields |= {"login": person, "password": "any"}
            page = await self.http.post(urljoin(str(page.url), unescape(action[1])), data=fields)
        raise AssertionError(f"this goes on for ever: {page.url}")

    async def session(self) -> Session | None:
        """The session this browser has at the registry."""
        cookie = self.http.cookies.get("airegistry-session")
        return await self._world.sessions.find(cookie) if cookie else None


class _Door:
    """Serves an application that is put in later: its URL has to be known before."""

    def __init__(self) -> None:
        self.app: Starlette | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await Starlette()(scope, receive, send)
            return
        assert self.app is not None
        await self.app(scope, receive, send)


@asynccontextmanager
async def world(*, listening: bool = False, http: JsonHttp | None = None, limit: int = 1000) -> AsyncIterator[World]:
    """A registry, on a loopback port if it is to be `listening`; `http` is its way to the providers.

    `limit` is how many logins and logouts a minute may come from one address.
    """
    door = _Door()
    async with serve(door) if listening else nullcontext("http://registry.test") as url:
        async with http or JsonHttp(Guard(loopback=True)) as known:
            made = await build(url, known)
            made.sessions.subscribe(made.tell)
            csrf = await open_csrf(made.store, FernetCipher([Fernet.generate_key().decode()]))
            visitors = Visitors(Cookies(url), csrf, made.sessions, url)
            routes = ProviderRoutes(
                made.party, made.sessions, visitors, Resources(url, frozenset({ALIAS})), made.clock,
                logins=limit, logouts=limit,
            )  # fmt: skip
            door.app = Starlette(routes=[*routes.routes()])
            made.app = None if listening else door.app
            try:
                yield made
            finally:
                for browser in made.browsers:
                    await browser.http.aclose()


async def build(url: str, http: JsonHttp) -> World:
    """The services, wired as the composition root wires them."""
    store, clock, access = MemoryStore(), ShiftedClock(), Access()
    cipher = FernetCipher([Fernet.generate_key().decode()])
    audit = Audit(MemoryLog(), access, clock)
    directory = Directory(store, access, audit, clock, CountingHasher(), cipher, SecondFactor())
    await directory.reload()
    sessions = Sessions(store, clock, directory, audit)
    providers = Providers(store, access, audit, cipher)
    remote = RemoteKeys(http, clock)
    tokens = IdTokens(remote, clock)
    client = ProviderClient(providers, remote, http, tokens)
    states = LoginStates(store, cipher, clock)
    replay = Replay(store, clock)
    party = RelyingParty(providers, client, tokens, states, directory, audit, cipher, replay, url)
    return World(url, store, clock, audit, directory, sessions, providers, remote, tokens, client, party)
