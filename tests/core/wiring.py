"""The core by hand over memory stores; the network is a table of tools by URL, time stands still unless moved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cryptography.fernet import Fernet

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.admission import Admission, Gate
from airegistry.core.ans import AnsLinks
from airegistry.core.approvals import Approvals
from airegistry.core.assets import Tool
from airegistry.core.audit import Audit
from airegistry.core.audit_care import AuditCare
from airegistry.core.audit_events import AuditEvent, AuditFilter
from airegistry.core.audit_writers import Writers
from airegistry.core.breaker import Breakers
from airegistry.core.catalog import Catalog
from airegistry.core.changes import Changes
from airegistry.core.credential_tokens import TokenCache, TokenSource
from airegistry.core.credentials import CredentialStore
from airegistry.core.definition_approvals import DefinitionApprovals
from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.core.embedding import Embedding
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import Invalid
from airegistry.core.events import Event, Events, Listener
from airegistry.core.explain import Explainer
from airegistry.core.federation import Federation
from airegistry.core.found_findings import FoundFindings
from airegistry.core.grants import Grant, Scope
from airegistry.core.health import HealthChecks
from airegistry.core.index_care import IndexCare
from airegistry.core.indexing import Indexing
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.known_names import KnownNames
from airegistry.core.leases import Alone, Leases
from airegistry.core.lifecycle import FirstStage
from airegistry.core.log_lines import Describe
from airegistry.core.log_queue import LogQueue
from airegistry.core.logs import LogRules, Logs
from airegistry.core.parts import Parts
from airegistry.core.pins import Pins
from airegistry.core.policy import Policy
from airegistry.core.ports import AnyAsset, Embedder, Scanner
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.protection import Guards
from airegistry.core.ratings import Ratings
from airegistry.core.repository_facts import RepositoryFacts
from airegistry.core.rescans import Rescans
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.services import Services
from airegistry.core.shelf import Shelf
from airegistry.core.skill_looks import SkillLooks
from airegistry.core.sources import SourceDrivers
from airegistry.core.stages import Retirements, Stages
from airegistry.core.telemetry import NoTelemetry
from airegistry.core.tokens import Tokens, digest
from airegistry.core.usage import Usage
from airegistry.core.usage_views import UsageViews
from airegistry.core.validation import validated
from airegistry.core.versions import Versions
from airegistry.core.virtual import Compositions
from airegistry.core.visibility import Visibility
from airegistry.core.vitals import Vitals
from airegistry.core.waivers import Waivers
from airegistry.core.webhooks import Webhooks
from airegistry.index.memory import MemoryIndex
from airegistry.scanners.open import open_scanners
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.signatures import Ed25519
from tests.core.federated import FakeDrivers, Under, federation_over
from tests.core.network import FakeNetwork, NoPost, NoRepositories

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

    async def redefine(self, path: str, tools: Sequence[Tool]) -> None:
        """Have a server offer other tools; what of them waits for an approval is approved."""
        self.network.tools[f"https://{path}.test/mcp"] = tools
        await self.services.catalog.refresh(SYSTEM, path)
        definitions = self.services.definitions
        found = await definitions.changes(SYSTEM, "server", path)
        if found.hash is not None:
            await definitions.approve(SYSTEM, "server", path, found.hash, reason="as it should be")

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
    environment: str = "dev", operator: bool = True,
    first_stage: FirstStage = "approved_dev",
    sources: Mapping[str, TokenSource] | None = None,
    network: FakeNetwork | None = None,
    embedders: Mapping[str, Embedder] = {},
    approval_seconds: float = 0.05,
    shared: bool = False, drivers: SourceDrivers | None = None,
) -> World:  # fmt: skip
    """A core over the stores given, as the composition root would build it; `shared` with others of the kind."""
    on = await _ground(store or MemoryStore(), log or MemoryLog(), environment, operator, shared)
    store, access, audit, clock, shelf = on.store, on.access, on.audit, on.clock, on.shelf
    visibility, events, network = on.visibility, on.events, network or FakeNetwork()
    search = Search(MemoryIndex(), embedder, access, visibility, shelf)
    scans, waivers, admission = await _judges(on, search, scanners, gate)
    credentials = await _credentials(store, shelf, access, visibility, audit, clock, sources or {})
    pins = Pins(store, scans, clock, NoTelemetry())
    catalog = _catalog(on, admission, scans, network, credentials, pins, first_stage)
    types, guards = _types(on, shared=shared), await _guards(store, shelf, access, audit, clock)
    vitals, approvals = Vitals(guards.circuit), _approvals(on, approval_seconds)
    health = HealthChecks(shelf, catalog, network, credentials, audit, events, clock, NoTelemetry(), vitals, pins)
    versions = Versions(shelf, access, visibility, scans, audit, events, clock)
    ratings, stages = Ratings(store, catalog, shelf, audit), Stages(catalog, shelf, access, visibility, clock)
    retirements, invocation = Retirements(stages, shelf, clock), _invocation(on, network, guards, approvals)
    parts, changes = Parts(shelf, visibility, versions.is_over), Changes(shelf, access, visibility, catalog.part)
    intake = Intake(catalog, types, network, access, audit, pins)
    await _follow(events, (retirements, changes), (health, ratings))
    services = Services(
        url="http://registry.test", gateway_url="http://registry.test", access=access, policy=on.policy,
        tokens=on.tokens, catalog=catalog, entity_types=types, versions=versions, stages=stages,
        retirements=retirements, changes=changes, explainer=Explainer(access, visibility, shelf, on.tokens, parts),
        compositions=Compositions(catalog, shelf, access, visibility, audit, parts),
        intake=intake, skill_looks=SkillLooks(shelf, intake, network, pins, audit, events), ratings=ratings,
        search=search, index_care=_care(search, shelf, store, access, audit, clock, embedders, shared=shared),
        scans=scans, rescans=Rescans(store, shelf, catalog, scans, waivers, access, audit, events, clock, hours=24),
        definitions=DefinitionApprovals(catalog, pins, scans, access, NoTelemetry()),
        findings=FoundFindings(shelf, access, visibility, scans, waivers), audit=audit, guards=guards, health=health,
        vitals=vitals, parts=parts, events=events, approvals=approvals, invocation=invocation, webhooks=_webhooks(on),
        usage=_usage(on, invocation, catalog), audit_care=_care_of_audit(store, on.log, access, audit, clock),
        ans=await _links(shelf, catalog, audit, events, clock), repositories=_facts(on), logs=_logs(on),
        federation=await _federation(on, catalog, admission, scans, pins, types, network, credentials, drivers),
    )  # fmt: skip
    world = World(services, store, on.log, clock, network, shelf, visibility, admission, events.subscribe, credentials)
    return _told(world)


def _logs(on: "_Ground") -> Logs:
    return Logs(on.log, LogQueue(Describe()), on.access, on.clock, LogRules())


@dataclass(frozen=True)
class _Ground:
    """What everything else stands on."""

    store: DocumentStore
    log: AppendLog
    clock: FakeClock
    access: Access
    audit: Audit
    policy: Policy
    tokens: Tokens
    shelf: Shelf
    visibility: Visibility
    events: Events


async def _ground(
    store: DocumentStore, log: AppendLog, environment: str, operator: bool, shared: bool
) -> _Ground:  # fmt: skip
    clock, access = FakeClock(), Access()
    audit = Audit(log, access, clock)
    await audit.open()
    policy, tokens = await _policy(store, access, audit, clock, operator)
    return _Ground(
        store, log, clock, access, audit, policy, tokens, Shelf(store, shared=shared), Visibility(access, environment),
        Events(),
    )  # fmt: skip


async def _federation(
    on: _Ground, catalog: Catalog, admission: Admission, scans: Scans, pins: Pins, types: EntityTypes,
    network: FakeNetwork, credentials: CredentialStore, drivers: SourceDrivers | None,
) -> Federation:  # fmt: skip
    cipher = FernetCipher([Fernet.generate_key().decode()])
    under = Under(
        on.store, on.shelf, on.access, on.audit, on.events, on.clock, cipher, Alone(on.clock), catalog, admission,
        scans, pins, types, network, credentials, NoTelemetry(),
    )  # fmt: skip
    return await federation_over(under, drivers or FakeDrivers())


def _usage(on: _Ground, invocation: Invocation, catalog: Catalog) -> UsageViews:
    usage = Usage(on.store, on.clock)
    invocation.ended = usage.count
    on.events.subscribe(usage.on_event)
    return UsageViews(usage, on.shelf, catalog, on.access, on.visibility, on.clock)


async def _judges(
    on: _Ground, search: Search, scanners: Sequence[Scanner] | None, gate: Gate | None
) -> tuple[Scans, Waivers, Admission]:
    names, waivers = KnownNames(), Waivers(on.store, on.access, on.audit, on.clock)
    await waivers.reload(on.shelf)
    scanners = open_scanners() if scanners is None else scanners
    scans = Scans(on.store, scanners, names, on.access, on.clock, waived=waivers.waived)
    admission = Admission(scans, search, on.access, gate)
    async for _, made in on.shelf.walk():
        names.put(made)
        admission.twins.put(made)
    await search.rebuild()
    for listener in (names, waivers, search, admission):
        on.events.subscribe(listener.on_event)
    return scans, waivers, admission


def _care_of_audit(store: DocumentStore, log: AppendLog, access: Access, audit: Audit, clock: FakeClock) -> AuditCare:
    writers = Writers(store, FernetCipher([Fernet.generate_key().decode()]), Ed25519(), clock)
    return AuditCare(log, writers, access, audit, clock)


class _Rebuilt(Protocol):
    async def rebuild(self) -> None: ...

    async def on_event(self, event: Event) -> None: ...


class _Listens(Protocol):
    async def on_event(self, event: Event) -> None: ...


async def _follow(events: Events, rebuilt: Sequence[_Rebuilt], others: Sequence[_Listens]) -> None:
    for each in rebuilt:
        await each.rebuild()
    for listener in (*others, *rebuilt):
        events.subscribe(listener.on_event)


def _catalog(
    on: _Ground, admission: Admission, scans: Scans, network: FakeNetwork, credentials: CredentialStore, pins: Pins,
    first_stage: FirstStage,
) -> Catalog:  # fmt: skip
    return Catalog(
        on.shelf, on.access, on.visibility, admission, scans, on.audit, on.events, network, on.clock, credentials, pins,
        first_stage=first_stage,
    )  # fmt: skip


def _approvals(on: _Ground, seconds: float) -> Approvals:
    return Approvals(
        on.store, on.shelf, on.access, on.audit, on.clock, NoTelemetry(), timeout=seconds, keep_alive=seconds / 3
    )


def _invocation(on: _Ground, network: FakeNetwork, guards: Guards, approvals: Approvals) -> Invocation:
    return Invocation(
        on.shelf, on.access, on.visibility, on.audit, NoTelemetry(), on.clock, network, guards, approvals=approvals
    )


def _webhooks(on: _Ground) -> Webhooks:
    cipher = FernetCipher([Fernet.generate_key().decode()])
    webhooks = Webhooks(on.store, on.shelf, cipher, NoPost(), on.access, on.audit, on.clock)
    on.events.ledger = webhooks.outbox
    return webhooks


def _facts(on: _Ground) -> RepositoryFacts:
    return RepositoryFacts(on.store, on.shelf, NoRepositories(), on.clock)


async def _links(shelf: Shelf, catalog: Catalog, audit: Audit, events: Events, clock: FakeClock) -> AnsLinks:
    links = AnsLinks(shelf, catalog, audit, events, clock, Breakers(clock, NoTelemetry()), None)
    events.subscribe(links.on_event)
    return links


async def _policy(
    store: DocumentStore, access: Access, audit: Audit, clock: FakeClock, operator: bool
) -> tuple[Policy, Tokens]:
    policy = Policy(store, access, audit)
    await policy.reload()
    tokens = Tokens(store, access, policy, audit, clock, operator_hash=digest(OPERATOR_TOKEN) if operator else None)
    await tokens.reload()
    return policy, tokens


def _types(on: _Ground, *, shared: bool) -> EntityTypes:
    leading = Leases(on.store, SystemClock()) if shared else Alone(on.clock)
    return EntityTypes(on.store, on.access, on.audit, on.shelf, leading, shared=shared)


def _care(
    search: Search, shelf: Shelf, store: DocumentStore, access: Access, audit: Audit, clock: FakeClock,
    embedders: Mapping[str, Embedder], *, shared: bool,
) -> IndexCare:  # fmt: skip
    def build(name: str) -> Indexing:
        if name not in embedders:
            raise Invalid(f"no embedder named {name!r}", field="embedder")
        return Indexing(MemoryIndex(), Embedding(embedders[name]), shelf)

    return IndexCare(search, build, store, access, audit, clock, configured="none", embedder="none", shared=shared)


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
