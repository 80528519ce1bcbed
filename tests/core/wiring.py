"""The core by hand over memory stores; the network is a table of tools by URL, time stands still unless moved."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio
from cryptography.fernet import Fernet

from airegistry.core.access import Access
from airegistry.core.admission import Admission, Gate
from airegistry.core.assets import Json, Server, Tool
from airegistry.core.audit import Audit, AuditEvent, AuditFilter
from airegistry.core.catalog import Catalog
from airegistry.core.changes import Changes
from airegistry.core.credential_tokens import TokenCache, TokenSource
from airegistry.core.credentials import CredentialStore
from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.core.embedding import Embedding
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.events import Event, Events, Listener
from airegistry.core.explain import Explainer
from airegistry.core.grants import Grant, Scope
from airegistry.core.health import HealthChecks
from airegistry.core.index_care import IndexCare
from airegistry.core.indexing import Indexing
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.known_names import KnownNames
from airegistry.core.parts import Parts
from airegistry.core.policy import Policy
from airegistry.core.ports import NOBODY, AnyAsset, Audience, Description, Embedder, Renew, Scanner, UpstreamResult
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.protection import Guards
from airegistry.core.ratings import Ratings
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.services import Services
from airegistry.core.shelf import Shelf
from airegistry.core.tokens import Tokens, digest
from airegistry.core.validation import validated
from airegistry.core.versions import Versions
from airegistry.core.virtual import Compositions
from airegistry.core.visibility import Visibility
from airegistry.core.vitals import Vitals
from airegistry.index.memory import MemoryIndex
from airegistry.scanners.open import open_scanners
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPERATOR_TOKEN = "operator-token-of-at-least-32-characters"
ANN = Principal(subject="token:ann", client="1")
BOB = Principal(subject="token:bob", client="2", groups=frozenset({"staff"}))


class FakeClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - NOON).total_seconds()

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


class NoTelemetry:
    """Takes figures and forgets them."""

    def count(self, name: str, value: int = 1, **attributes: str) -> None:
        return None

    def record(self, name: str, value: float, **attributes: str) -> None:
        return None


Answer = Callable[[str, Json], UpstreamResult]


def _done(method: str, params: Json) -> UpstreamResult:
    return UpstreamResult({"content": [], "echo": params}, None)


class FakeNetwork:
    """The `Backends` and `Upstream` ports over a table: tools and texts by URL; other URLs are out of reach."""

    def __init__(self) -> None:
        self.tools: dict[str, Sequence[Tool]] = {}
        self.texts: dict[str, str] = {}
        self.described: list[str] = []
        self.sent: list[dict[str, str]] = []
        self.called: list[tuple[str, str, Json, str | None]] = []
        self.answer: Answer = _done
        self.pause: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
        self.before_describe: Callable[[], object] = lambda: None

    async def describe(self, server: Server, headers: Mapping[str, str] = {}) -> Description:
        self.described.append(server.path)
        self.sent.append(dict(headers))
        outcome = self.before_describe()
        if hasattr(outcome, "__await__"):
            await outcome
        if server.url not in self.tools:
            raise UpstreamFailed(f"{server.url} is out of reach")
        return Description(self.tools[server.url], [], [], [], "Be kind.", {"name": server.path}, "2026-07-28")

    async def ping(self, server: Server, headers: Mapping[str, str] = {}) -> None:
        if server.url not in self.tools:
            raise UpstreamFailed(f"{server.url} is out of reach")

    async def list_tools(self, server: Server, headers: Mapping[str, str] = {}) -> Sequence[Tool]:
        return (await self.describe(server, headers)).tools

    async def reach(self, url: str) -> None:
        if url not in self.tools and url not in self.texts:
            raise UpstreamFailed(f"{url} is out of reach")

    async def fetch_text(self, url: str, *, limit: int) -> str:
        if url not in self.texts:
            raise UpstreamFailed(f"{url} is out of reach")
        return self.texts[url]

    def check_url(self, url: str) -> None:
        if not url.startswith("https://"):
            raise Invalid(f"{url} is none that may be fetched", field="url")

    async def request(
        self, server: Server, headers: Mapping[str, str], method: str, params: Json, *, timeout: float,
        owner: str | None = None, audience: Audience = NOBODY, renew: Renew | None = None,
    ) -> UpstreamResult:  # fmt: skip
        self.called.append((server.path, method, params, owner))
        answer = self.answer(method, params)
        await self.pause()
        return answer


@dataclass
class World:
    """A core, and what stands behind its ports."""

    services: Services
    store: DocumentStore
    log: AppendLog
    clock: FakeClock
    network: FakeNetwork
    shelf: Shelf
    visibility: Visibility
    admission: Admission
    listen: Callable[[Listener], None]
    credentials: CredentialStore
    told: list[Event] = field(default_factory=list)

    def server(self, path: str, tools: Sequence[str] = ("forecast",), **fields: object) -> AnyAsset:
        """A server with a live backend, not yet registered."""
        url = str(fields.setdefault("url", f"https://{path}.test/mcp"))
        self.network.tools[url] = [Tool(name=name, description=f"The {name}.") for name in tools]
        return asset("server", path, **fields)

    async def put_server(
        self, path: str, tools: Sequence[str] = ("forecast",), *, who: Principal = SYSTEM, **fields: object
    ) -> AnyAsset:
        """A registered server with a live backend."""
        return (await self.services.catalog.register(who, self.server(path, tools, **fields))).asset

    async def holding(self, *grants: Grant, who: Principal = ANN, name: str = "scope") -> Principal:
        """The caller, with a scope of these grants besides."""
        await self.services.policy.put_scope(SYSTEM, Scope(name=name, grants=list(grants)))
        return Principal(who.subject, who.kind, who.client, who.groups, who.scopes | {name})

    async def tell(self, event: Event) -> None:
        """Listen to an event."""
        self.told.append(event)

    async def events(self, **wanted: object) -> list[AuditEvent]:
        """The audited events that fit, newest first."""
        found, _ = await self.services.audit.query(SYSTEM, AuditFilter.model_validate(wanted))
        return found


def asset(kind: str, path: str, **fields: object) -> AnyAsset:
    """An asset named like its path."""
    return validated({"kind": kind, "path": path, "name": path, **fields})  # type: ignore[dict-item]  # JSON, as each test gives it


async def _guards(store: DocumentStore, shelf: Shelf, access: Access, audit: Audit, clock: FakeClock) -> Guards:
    guards = Guards(store, shelf, access, audit, clock, NoTelemetry())
    await guards.open()
    return guards


async def build(
    *,
    store: DocumentStore | None = None,
    log: AppendLog | None = None,
    embedder: Embedder | None = None,
    scanners: Sequence[Scanner] | None = None,
    gate: Gate | None = None,
    environment: str = "dev",
    operator: bool = True,
    sources: Mapping[str, TokenSource] | None = None,
    network: FakeNetwork | None = None,
    embedders: Mapping[str, Embedder] = {},
) -> World:
    """A core over the stores given, as the composition root would build it."""
    store, log, network = store or MemoryStore(), log or MemoryLog(), network or FakeNetwork()
    clock, access = FakeClock(), Access()
    audit = Audit(log, access, clock)
    await audit.open()
    policy, tokens = await _policy(store, access, audit, clock, operator)
    shelf, visibility, events = Shelf(store), Visibility(access, environment), Events()
    search = Search(MemoryIndex(), embedder, access, visibility, shelf)
    names = KnownNames()
    scans = Scans(store, open_scanners() if scanners is None else scanners, names, access, clock)
    admission = Admission(scans, search, access, gate)
    await names.rebuild(shelf)
    await admission.rebuild(shelf)
    await search.rebuild()
    events.subscribe(names.on_event)
    events.subscribe(search.on_event)
    events.subscribe(admission.on_event)
    credentials = await _credentials(store, shelf, access, visibility, audit, clock, sources or {})
    catalog = Catalog(shelf, access, visibility, admission, scans, audit, events, network, clock, credentials)
    types, guards = EntityTypes(store, access, audit), await _guards(store, shelf, access, audit, clock)
    vitals = Vitals(guards.circuit)
    health = HealthChecks(shelf, catalog, network, credentials, audit, events, clock, NoTelemetry(), vitals)
    events.subscribe(health.on_event)
    versions = Versions(shelf, access, visibility, scans, audit, events, clock)
    parts, changes = Parts(shelf, visibility, versions.is_over), Changes(shelf, access, visibility, catalog.part)
    await changes.rebuild()
    events.subscribe(changes.on_event)
    services = Services(
        url="http://registry.test", gateway_url="http://registry.test",
        access=access, policy=policy, tokens=tokens, catalog=catalog, entity_types=types,
        versions=versions, changes=changes, compositions=Compositions(catalog, shelf, access, visibility, audit, parts),
        intake=Intake(catalog, types, network, access, audit), ratings=Ratings(store, catalog, shelf, audit),
        search=search, index_care=_care(search, shelf, store, access, audit, clock, embedders),
        scans=scans, audit=audit, explainer=Explainer(access, visibility, shelf, tokens, parts),
        guards=guards, health=health, vitals=vitals, parts=parts, events=events,
        invocation=Invocation(shelf, access, visibility, audit, NoTelemetry(), clock, network, guards),
    )  # fmt: skip
    return _told(
        World(services, store, log, clock, network, shelf, visibility, admission, events.subscribe, credentials)
    )


async def _policy(
    store: DocumentStore, access: Access, audit: Audit, clock: FakeClock, operator: bool
) -> tuple[Policy, Tokens]:
    policy = Policy(store, access, audit)
    await policy.reload()
    tokens = Tokens(store, access, policy, audit, clock, operator_hash=digest(OPERATOR_TOKEN) if operator else None)
    await tokens.reload()
    return policy, tokens


def _care(
    search: Search, shelf: Shelf, store: DocumentStore, access: Access, audit: Audit, clock: FakeClock,
    embedders: Mapping[str, Embedder],
) -> IndexCare:  # fmt: skip
    def build(name: str) -> Indexing:
        if name not in embedders:
            raise Invalid(f"no embedder named {name!r}", field="embedder")
        return Indexing(MemoryIndex(), Embedding(embedders[name]), shelf)

    return IndexCare(search, build, store, access, audit, clock, configured="none", embedder="none")


def _told(world: World) -> World:
    """The world, told of every event."""
    world.services.events.subscribe(world.tell)
    return world


async def _credentials(
    store: DocumentStore, shelf: Shelf, access: Access, visibility: Visibility, audit: Audit, clock: FakeClock,
    sources: Mapping[str, TokenSource],
) -> CredentialStore:  # fmt: skip
    cipher, cache = FernetCipher([Fernet.generate_key().decode()]), TokenCache(clock)
    credentials = CredentialStore(store, cipher, shelf, access, visibility, audit, clock, sources, cache)
    await credentials.reload()
    return credentials
