"""The login pages over real services, and browsers that click through them. Every page seen is checked."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pyotp
from starlette.applications import Starlette

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_events import AuditEvent, AuditFilter
from airegistry.core.directory import Directory
from airegistry.core.errors import UpstreamFailed
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.limits import Limiter
from airegistry.core.principals import SYSTEM
from airegistry.oauth.callers import Callers
from airegistry.oauth.clients.clients import ClientChange, Clients
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.login.account import Account
from airegistry.oauth.login.account_secrets import AccountSecrets
from airegistry.oauth.login.answers import Answers
from airegistry.oauth.login.authorize import Authorize
from airegistry.oauth.login.consent import ConsentPage
from airegistry.oauth.login.consents import Consents
from airegistry.oauth.login.cookies import Cookies, open_csrf
from airegistry.oauth.login.device_page import DevicePage
from airegistry.oauth.login.device_requests import DeviceRequests
from airegistry.oauth.login.login import Login
from airegistry.oauth.login.passwords import Argon2Passwords
from airegistry.oauth.login.pending import PendingRequests
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Visitors
from airegistry.oauth.model import Authorization, Client, Session
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import AccessTokens
from airegistry.oauth.tokens.authorizations import Authorizations
from airegistry.oauth.tokens.keys import SigningKeys
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.wiring import NOON, FakeClock
from tests.oauth.issuing import REDIRECT, RESOURCE, SECRET_KEY, URL, VERIFIER, challenge

PASSWORD = "correct horse battery staple"
DOCUMENT = "https://tool.test/client.json"
LOOPBACK = "http://127.0.0.1/callback"
ALLOW, DENY = {"decision": "allow"}, {"decision": "deny"}
XSS = """"><script>alert(1)</script><img src=x onerror=alert(2)>'${7*7}$nonce"""


class Documents:
    """Clients that documents describe, by URL."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}

    async def find(self, url: str, *, source: str = "") -> Client:
        if url not in self.clients:
            raise OAuthError("invalid_client", "the document is refused")
        return self.clients[url]


class Providers:
    """Two identity providers. `down` makes the logout at them fail."""

    def __init__(self) -> None:
        self.listed = [("corp", "Corp ID"), ("hub", XSS)]
        self.logouts: list[tuple[str, str]] = []
        self.down = False

    def choices(self) -> list[tuple[str, str]]:
        return self.listed

    async def logout_url(self, session: Session, return_to: str) -> str | None:
        if self.down:
            raise UpstreamFailed("the provider is out of reach")
        self.logouts.append((session.user, return_to))
        return f"https://corp.test/logout?hint={session.id_token}" if session.provider else None


class PageParser(HTMLParser):
    """Reads what of a page matters: forms with their fields, links, labels, headings, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.actions: list[str] = []
        self.inputs: list[dict[str, str | None]] = []
        self.labels: set[str | None] = set()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes |= given.keys()
        if tag == "form":
            self.forms.append({})
            self.actions.append(given["action"] or "")
        elif tag == "input":
            self.inputs.append(given)
            self.forms[-1][given["name"] or ""] = given.get("value") or ""
        elif tag == "label":
            self.labels.add(given["for"])
        elif tag == "a":
            self.links.append(given["href"] or "")

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.words.append(data)


@dataclass
class Page:
    """A page that a browser got."""

    response: httpx2.Response
    parsed: PageParser

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(" ".join(self.parsed.words).split())

    def form(self, action: str) -> dict[str, str]:
        """The fields of the first form that is sent there."""
        return self.parsed.forms[self.parsed.actions.index(action)]


def read(response: httpx2.Response) -> Page:
    """A page, which holds what every page must: no script, its headers, and a label for each field that is seen."""
    parsed = PageParser()
    if response.headers.get("content-type", "").startswith("text/html"):
        parsed.feed(response.text)
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action" not in policy, "trap 11: Chrome holds the redirect to the client against it"
        assert "script" not in policy
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "same-origin"
        assert not {"script", "img", "iframe", "object"} & set(parsed.tags)
        assert not {name for name in parsed.attributes if name.startswith("on") or name == "style"}
        seen = [each for each in parsed.inputs if each.get("type") != "hidden" and "hidden" not in each]
        assert {each["id"] for each in seen} <= parsed.labels
        assert all(each.get("autocomplete") for each in seen)
        assert parsed.tags.count("h1") == 1
        assert not any(link.lower().startswith(("javascript:", "http:", "//")) for link in parsed.links)
    if response.status_code != 404:
        assert response.headers["cache-control"] == "no-store"
    return Page(response, parsed)


@dataclass
class Browser:
    """One browser: it keeps cookies and follows no redirect unless told to."""

    http: httpx2.AsyncClient

    async def get(self, url: str, /, **params: str | None) -> Page:
        given = {name: value for name, value in params.items() if value is not None}
        return read(await self.http.get(url, params=given or None))

    async def post(self, url: str, fields: Mapping[str, str]) -> Page:
        return read(await self.http.post(url, data=dict(fields)))

    async def submit(self, page: Page, action: str, **fields: str) -> Page:
        """Fill in a form of a page and send it."""
        return await self.post(action, {**page.form(action), **fields})

    async def follow(self, page: Page) -> Page:
        """Follow one redirect to a page of ours."""
        assert page.status == 303, page.text
        return await self.get(page.response.headers["location"])

    async def login(self, username: str = "ann", password: str = PASSWORD, request: str = "", **fields: str) -> Page:
        """Sign in by the form."""
        page = await self.get("/login", request=request or None)
        return await self.submit(page, "/login", username=username, password=password, **fields)

    def cookie(self, name: str) -> str | None:
        value: str | None = self.http.cookies.get(f"__Host-airegistry-{name}")
        return value

    def plant(self, name: str, value: str) -> None:
        """Put a cookie into the browser, as an attacker might."""
        self.http.cookies.delete(f"__Host-airegistry-{name}") if self.cookie(name) else None
        self.http.cookies.set(f"__Host-airegistry-{name}", value, domain=urlsplit(URL).hostname or "", path="/")


@dataclass
class Web:
    """The pages and what is behind them."""

    app: Starlette
    store: MemoryStore
    clock: FakeClock
    access: Access
    audit: Audit
    directory: Directory
    clients: Clients
    documents: Documents
    providers: Providers
    sessions: Sessions
    pending: PendingRequests
    consents: Consents
    authorizations: Authorizations
    devices: DeviceRequests
    scopes: dict[str, Scope] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    @asynccontextmanager
    async def browser(self, address: str = "192.0.2.1") -> AsyncIterator[Browser]:
        """A new browser, without cookies."""
        transport = httpx2.ASGITransport(app=self.app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as http:
            yield Browser(http)

    def put_policy(self, *scopes: Scope, **groups: list[str]) -> None:
        """Add scopes, and groups with the scopes they bring."""
        self.scopes |= {scope.name: scope for scope in scopes}
        self.groups |= {name: Group(name=name, scopes=held) for name, held in groups.items()}
        self.access.replace(self.scopes.values(), self.groups.values())

    async def events(self, action: str) -> list[AuditEvent]:
        """The audited events of an action, newest first."""
        return (await self.audit.query(SYSTEM, AuditFilter(action=action)))[0]

    async def requests(self) -> int:
        """How many authorization requests are kept."""
        return len([each async for each in self.store.find("authorization_requests")])

    async def redeem(self, code: str, client_id: str = "app") -> Authorization:
        """What a code is good for, as the token endpoint would find."""
        client = await self.clients.find(client_id)
        assert client is not None
        form = {"code_verifier": VERIFIER, "redirect_uri": REDIRECT}
        authorization, _ = await self.authorizations.redeem(code, client, Form(form))
        return authorization


def asked(**changes: str | None) -> dict[str, str]:
    """A good authorization request, parameters of None left out."""
    good: dict[str, str | None] = {
        "response_type": "code", "client_id": "app", "redirect_uri": REDIRECT, "state": "s t&=", "scope": "mcp",
        "code_challenge": challenge(), "code_challenge_method": "S256", "resource": RESOURCE,
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def answer(page: Page, redirect_uri: str = REDIRECT) -> dict[str, str]:
    """What the client is told, by the redirect; state and issuer must be right."""
    assert page.status == 303, page.text
    location = page.response.headers["location"]
    assert location.startswith(redirect_uri)
    told = {name: values[0] for name, values in parse_qs(urlsplit(location).query, strict_parsing=True).items()}
    assert told.pop("iss") == URL
    assert told.pop("state") == "s t&="
    return told


async def consent(browser: Browser, **changes: str | None) -> Page:
    """The page, or what comes instead of it, for a person who is signed in."""
    return await browser.follow(await browser.get("/authorize", **asked(**changes)))


async def allow(browser: Browser, **changes: str | None) -> dict[str, str]:
    """Sign in as need be, click on Allow, and return what the client is told."""
    page = await consent(browser, **changes)
    assert "Do not allow" in page.text, page.text
    return answer(await browser.submit(page, "/consent", **ALLOW), changes.get("redirect_uri") or REDIRECT)


def request_of(page: Page) -> str:
    """The id of the authorization request that a redirect to one of our pages carries."""
    match = re.fullmatch(r"/(?:login|consent)\?request=([0-9a-f]+)", page.response.headers["location"])
    assert match
    return match[1]


def code_now(secret: str, web: Web) -> str:
    """What the authenticator app shows."""
    return pyotp.TOTP(secret).at(web.clock.now())


async def build_web(*, burst: int = 1000, most: int = 10_000, url: str = URL) -> Web:
    """The pages over empty stores with one client `app`, and users `ann`, an administrator, and `bob`."""
    store, clock, access, cipher = MemoryStore(), FakeClock(), Access(), FernetCipher([SECRET_KEY])
    audit = Audit(MemoryLog(), access, clock)
    await audit.open()
    factor, documents, providers = SecondFactor(), Documents(), Providers()
    directory = Directory(store, access, audit, clock, Argon2Passwords(memory_kib=8, passes=1), cipher, factor)
    clients = Clients(store, access, audit, clock, documents)
    keys = SigningKeys(store, cipher, clock)
    await keys.open()
    resources, callers = Resources(url), Callers(access, directory, clients)
    tokens = AccessTokens(keys, store, clock, url)
    authorizations = Authorizations(store, clock, tokens, audit, callers, resources)
    sessions = Sessions(store, clock, directory, audit)
    visitors = Visitors(Cookies(url), await open_csrf(store, cipher), sessions, url)
    pending, consents, answers = (
        PendingRequests(store, clock, most=most), Consents(store, clock, audit, authorizations), Answers(url)
    )  # fmt: skip
    limiter = Limiter(clock, burst=burst, seconds=60, what="authorization requests")
    devices = DeviceRequests(store, clock)
    typing = Limiter(clock, burst=10, seconds=60, what="codes of devices")
    login = Login(directory, sessions, pending, visitors, clock, url=url, providers=providers.choices,
                  logout_url=providers.logout_url)  # fmt: skip
    web = Web(Starlette(), store, clock, access, audit, directory, clients, documents, providers, sessions, pending,
              consents, authorizations, devices)  # fmt: skip
    page = ConsentPage(pending, clients, callers, consents, authorizations, visitors, answers,
                       lambda name: web.scopes[name].description if name in web.scopes else "",
                       devices)  # fmt: skip
    routes = (
        *Authorize(clients, pending, resources, visitors, answers, limiter).routes(), *login.routes(), *page.routes(),
        *DevicePage(devices, pending, visitors, typing, limiter).routes(),
        *Account(directory, sessions, consents, authorizations, visitors).routes(),
        *AccountSecrets(directory, sessions, visitors, factor).routes(),
    )  # fmt: skip
    web.app.router.routes.extend(routes)
    web.put_policy(Scope(name="all", grants=[Grant(actions=["*"])]), administrators=["all"], staff=[])
    await directory.put(
        SYSTEM, "ann", name="Ann", email="ann@example.test", groups=["administrators"], password=PASSWORD
    )
    await directory.put(SYSTEM, "bob", groups=["staff"], password=PASSWORD)
    await clients.put(SYSTEM, "app", ClientChange(client_name="The App", redirect_uris=[REDIRECT]))
    return web


def document(redirect_uri: str = LOOPBACK, **fields: Any) -> Client:
    """A client that describes itself at a URL."""
    return Client(client_id=DOCUMENT, origin="document", redirect_uris=[redirect_uri], created_at=NOON, **fields)
