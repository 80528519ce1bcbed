"""The authorization server with its pages as it is put together, and a backend whose users have accounts elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from starlette.applications import Starlette

from airegistry.core.access import Access
from airegistry.core.assets import Server
from airegistry.core.audit import Audit
from airegistry.core.audit_events import AuditEvent, AuditFilter
from airegistry.core.documents import Json
from airegistry.core.errors import ConsentRequired
from airegistry.core.policy import Policy
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shelf import Shelf
from airegistry.core.visibility import Visibility
from airegistry.egress.guard import Guard
from airegistry.oauth.server import Choices, Foundation, Identity, open_identity
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.wiring import FakeClock, asset
from tests.oauth.browsing import Browser, Page
from tests.oauth.issuing import SECRET_KEY, URL
from tests.support.oauth_world import OAuthWorld


@dataclass
class Desk:
    """The parts, and `mail`, a server at which each person has an account. `auth` is its authorization server."""

    identity: Identity
    app: Starlette
    store: MemoryStore
    clock: FakeClock
    audit: Audit
    shelf: Shelf
    cipher: FernetCipher
    auth: OAuthWorld
    mail: Server

    @asynccontextmanager
    async def browser(self, user: str | None = None) -> AsyncIterator[Browser]:
        """A new browser, with somebody signed in."""
        transport = httpx2.ASGITransport(app=self.app, client=("192.0.2.1", 1))
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as http:
            browser = Browser(http)
            if user is not None:
                await self.sign_in(browser, user)
            yield browser

    async def sign_in(self, browser: Browser, user: str) -> None:
        """Have somebody signed in, as the login page would: hashing passwords takes its time."""
        known = self.identity.directory.known(user)
        assert known is not None
        cookie, _ = await self.identity.sessions.open(known, ["pwd"])
        browser.plant("session", cookie)

    def caller(self, user: str) -> Principal:
        """A person as a caller."""
        who = self.identity.callers.by_subject(f"user:{user}", client="agent")
        assert who is not None
        return who

    async def headers(self, user: str) -> dict[str, str]:
        """What a call of a person to the server carries."""
        return dict(await self.identity.credentials.headers(self.caller(user), self.mail))

    async def link(self, user: str) -> str:
        """Where a person without an account is sent, on our site."""
        with pytest.raises(ConsentRequired) as asked:
            await self.headers(user)
        assert asked.value.url.startswith(f"{URL}/account/connections/connect?request=")
        return asked.value.url.removeprefix(URL)

    async def leave(self, browser: Browser) -> Page:
        """Click on Connect: the redirect to the authorization server."""
        page = await browser.get("/account/connections")
        return await browser.submit(page, "/account/connections/connect")

    async def agree(self, left: Page) -> str:
        """Agree at the authorization server: where that sends the browser, on our site."""
        assert left.status == 303, left.text
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.get(left.response.headers["location"])
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"]).removeprefix(URL)

    async def connect(self, browser: Browser) -> Page:
        """The whole way."""
        return await browser.get(await self.agree(await self.leave(browser)))

    async def events(self, action: str) -> list[AuditEvent]:
        """The audited events of an action, newest first."""
        return (await self.audit.query(SYSTEM, AuditFilter(action=action)))[0]

    async def kept(self, *collections: str) -> list[Json]:
        """The stored documents of some collections."""
        return [document.body for name in collections for document in [each async for each in self.store.find(name)]]


def asked(left: Page) -> dict[str, str]:
    """What an authorization server is asked by a redirect."""
    return dict(parse_qsl(urlsplit(left.response.headers["location"]).query))


@asynccontextmanager
async def open_desk(auth: OAuthWorld, *, loopback: bool = True, **credential: str) -> AsyncIterator[Desk]:
    """A desk with users `ann` and `bob`; `credential` are further fields of the server's."""
    store, clock, access, cipher = MemoryStore(), FakeClock(), Access(), FernetCipher([SECRET_KEY])
    audit = Audit(MemoryLog(), access, clock)
    await audit.open()
    shelf, visibility = Shelf(store), Visibility(access, "dev")
    base = Foundation(
        url=URL, aliases=frozenset(), store=store, cipher=cipher, shelf=shelf, visibility=visibility, access=access,
        policy=Policy(store, access, audit), audit=audit, clock=clock, guard=Guard(loopback=loopback),
    )  # fmt: skip
    async with open_identity(base, Choices()) as identity:
        for user in ("ann", "bob"):
            await identity.directory.put(SYSTEM, user)
        mail = asset("server", "mail", url=auth.mcp)
        assert isinstance(mail, Server)
        await shelf.create(mail)
        await identity.credentials.put(SYSTEM, "mail", {"kind": "per_user", **credential})
        yield Desk(identity, Starlette(routes=identity.routes), store, clock, audit, shelf, cipher, auth, mail)
