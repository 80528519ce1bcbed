"""An issuer by hand: its real services over a store, behind HTTP, with a clock that tests move."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import anyio
import httpx2
from cryptography.fernet import Fernet
from starlette.applications import Starlette
from starlette.requests import Request

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_events import AuditEvent, AuditFilter
from airegistry.core.documents import AppendLog, Document, DocumentStore
from airegistry.core.errors import Internal
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.limits import Limiter
from airegistry.core.principals import SYSTEM
from airegistry.oauth.callers import Callers
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.model import AuthorizationRequest, Client, Session
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import AccessTokens, Issued
from airegistry.oauth.tokens.authorizations import Authorizations
from airegistry.oauth.tokens.keys import SigningKeys
from airegistry.oauth.tokens.person_grants import PersonGrants
from airegistry.oauth.tokens.token_endpoint import TokenEndpoint
from airegistry.oauth.tokens.token_state import TokenState
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.wiring import NOON, FakeClock

URL = "https://registry.test"
RESOURCE = f"{URL}/weather/mcp"
REDIRECT = "https://app.test/callback"
VERIFIER = "a-verifier-of-forty-three-characters-or-more"
SCOPES = ["mcp", "deploy"]
SECRET_KEY = Fernet.generate_key().decode()
Json = dict[str, Any]
T = TypeVar("T")


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for what a task brings about, five seconds at most."""
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await anyio.sleep(0.005)


def refusal(response: httpx2.Response) -> str:
    """The `error` of an answer of 400 (auth trap 14: invalid_grant is no 401)."""
    assert response.status_code == 400, response.text
    assert response.headers["cache-control"] == "no-store"
    return str(response.json()["error"])


async def at_once(*requests: object) -> list[httpx2.Response]:
    """The answers to requests that are under way together."""
    answers: list[httpx2.Response] = []

    async def wait_for(request: object) -> None:
        answers.append(await request)  # type: ignore[misc]  # a coroutine

    async with anyio.create_task_group() as tasks:
        for request in requests:
            tasks.start_soon(wait_for, request)
    return answers


def challenge(verifier: str = VERIFIER) -> str:
    """RFC 7636, written once more."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Failing(MemoryStore):
    """A store that cannot be read while `down`."""

    down = False

    def find(self, *args: object, **kwargs: object) -> AsyncIterator[Document]:
        if self.down:
            raise Internal("the disk is gone")
        return super().find(*args, **kwargs)  # type: ignore[arg-type]  # handed on


class Meeting(MemoryStore):
    """A store in which two writers to the collection `at` meet: both have read before either writes."""

    at = ""

    def __init__(self) -> None:
        super().__init__()
        self._both = anyio.Event()
        self._first = True

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if collection == self.at and not self._both.is_set():
            if self._first:
                self._first = False
                await self._both.wait()
            else:
                self._both.set()
        return await super().put(collection, key, body, expect=expect)


@dataclass
class Person:
    """What of a user counts for tokens."""

    groups: list[str] = field(default_factory=lambda: ["staff"])
    provider_groups: list[str] = field(default_factory=list)
    active: bool = True
    created_at: datetime = NOON
    ended_at: datetime | None = None


class Table(Generic[T]):
    """Users or clients by id."""

    def __init__(self, rows: Mapping[str, T]) -> None:
        self.rows = dict(rows)
        self.revision = 0

    def known(self, id_: str) -> T | None:
        return self.rows.get(id_)

    def put(self, id_: str, row: T) -> None:
        self.rows[id_] = row
        self.revision += 1


def client(client_id: str, **fields: Any) -> Client:
    """A client of the table."""
    return Client(client_id=client_id, origin="registered", redirect_uris=[REDIRECT], created_at=NOON, **fields)


CLIENTS = {
    "app": client("app"),
    "other": client("other"),
    "once": client("once", grant_types=["authorization_code"]),
    "idle": client("idle", grant_types=["client_credentials"]),
    "vault": client("vault", token_endpoint_auth_method="client_secret_basic"),
    "warden": client("warden", token_endpoint_auth_method="client_secret_basic", scopes=["watch"]),
}


class TableAuthenticator:
    """Public clients by `client_id`; confidential ones by HTTP Basic, their password being `secret of ID`."""

    def __init__(self, clients: Table[Client]) -> None:
        self._clients = clients

    async def authenticate(self, request: Request, form: Form) -> Client:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            id_, _, secret = base64.b64decode(given).decode().partition(":")
            found = self._clients.known(id_)
            if found is not None and secret == f"secret of {id_}":
                return found
        else:
            found = self._clients.known(form.get("client_id") or "")
            if found is not None and not found.confidential:
                return found
        raise OAuthError("invalid_client", "who is this?", status=401)


@dataclass
class Issuer:
    """The parts of an issuer, and a browserless client of it."""

    store: DocumentStore
    log: AppendLog
    clock: FakeClock
    access: Access
    audit: Audit
    people: Table[Person]
    clients: Table[Client]
    callers: Callers
    keys: SigningKeys
    tokens: AccessTokens
    authorizations: Authorizations
    app: Starlette

    async def code(
        self, client_id: str = "app", *, scopes: list[str] = SCOPES, redirect_given: bool = True,
        session: Session | None = None, subject: str = "user:ann", verifier: str = VERIFIER,
    ) -> str:  # fmt: skip
        """A code as it goes out after a person's consent."""
        request = AuthorizationRequest(
            id="1", browser="b", client_id=client_id, redirect_uri=REDIRECT, redirect_given=redirect_given,
            scopes=scopes, code_challenge=challenge(verifier), resource=RESOURCE, created_at=self.clock.now(),
            expires_at=self.clock.now(),
        )  # fmt: skip
        return await self.authorizations.code(request, subject=subject, scopes=scopes, session=session)

    async def post(
        self, path: str, form: Mapping[str, str | None], *, basic: str | None = None, address: str = "127.0.0.1"
    ) -> httpx2.Response:
        """A form, parameters of None left out; `basic` names a client that authenticates with its right secret."""
        data = {name: value for name, value in form.items() if value is not None}
        auth = None if basic is None else (basic, f"secret of {basic}")
        transport = httpx2.ASGITransport(app=self.app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url=URL, auth=auth) as http:
            return await http.post(path, data=data)

    async def redeem(self, code: str, client_id: str = "app", **changes: str | None) -> httpx2.Response:
        """The token request that follows a code."""
        form = {
            "grant_type": "authorization_code", "code": code, "client_id": client_id, "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER, "resource": RESOURCE, **changes,
        }  # fmt: skip
        return await self.post("/token", form)

    async def refresh(self, token: str, client_id: str = "app", **changes: str | None) -> httpx2.Response:
        """A token request by refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id, **changes}
        return await self.post("/token", form)

    async def tokens_of(self, client_id: str = "app", **fields: Any) -> Json:
        """The answer to a code that was just given out."""
        response = await self.redeem(await self.code(client_id, **fields), client_id)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    def mint(self, **changes: Any) -> tuple[str, Issued]:
        """An access token of Ann's, but for the changes, straight from the services."""
        fields: dict[str, Any] = {"subject": "user:ann", "client_id": "app", "scopes": SCOPES, "resource": RESOURCE}
        return self.tokens.mint(**{**fields, **changes})

    def holds(self, access_token: str) -> bool:
        """Whether an access token is accepted where it belongs."""
        return self.tokens.read(access_token, RESOURCE) is not None

    async def events(self, action: str) -> list[AuditEvent]:
        """The audited events of an action, newest first."""
        return (await self.audit.query(SYSTEM, AuditFilter(action=action)))[0]

    async def kept(self) -> str:
        """All that the store and the trail hold, as one text."""
        names = ("signing_keys", "codes", "authorizations", "revocations")
        documents = [str(document) for name in names async for document in self.store.find(name)]
        return "".join(documents) + "".join([str(record) async for record in self.log.read("audit")])


async def build_issuer(
    store: DocumentStore | None = None, log: AppendLog | None = None, clock: FakeClock | None = None, burst: int = 1000
) -> Issuer:
    """An issuer over a store, as the composition root would build it."""
    store, log, clock, access = store or MemoryStore(), log or MemoryLog(), clock or FakeClock(), Access()
    access.replace(
        [Scope(name="deploy"), Scope(name="watch", grants=[Grant(actions=["token"])])],
        [Group(name="staff", scopes=["deploy"])],
    )
    audit = Audit(log, access, clock)
    await audit.open()
    people, clients = Table({"ann": Person(), "bob": Person()}), Table(CLIENTS)
    keys = SigningKeys(store, FernetCipher([SECRET_KEY]), clock)
    await keys.open()
    tokens = AccessTokens(keys, store, clock, URL)
    await tokens.open()
    callers = Callers(access, people, clients)
    authorizations = Authorizations(store, clock, tokens, audit, callers, Resources(URL))
    authenticator, limiter = TableAuthenticator(clients), Limiter(clock, burst=burst, seconds=60, what="requests")
    endpoint = TokenEndpoint(authenticator, PersonGrants(authorizations, tokens, audit).handlers(), limiter, audit)
    state = TokenState(authenticator, authorizations, tokens, callers, access, limiter, audit, URL)
    return Issuer(
        store, log, clock, access, audit, people, clients, callers, keys, tokens, authorizations,
        Starlette(routes=[*endpoint.routes(), *state.routes()]),
    )  # fmt: skip


def session(id_: str = "s1", user: str = "ann") -> Session:
    """A web session that began a minute before noon."""
    then = NOON.replace(hour=11, minute=59)
    return Session(id=id_, user=user, amr=["pwd", "otp"], auth_time=then, seen_at=then, expires_at=then)
