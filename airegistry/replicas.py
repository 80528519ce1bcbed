"""This process among those that share its store: what it follows of what they do, and what one of them does for all.

A process whose store is its own follows nothing and leads at once: no lease is written, and nothing is polled.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import anyio

from airegistry.clock import SystemClock
from airegistry.core.audit_keys import KEYS
from airegistry.core.credential_tokens import Key
from airegistry.core.documents import Change, Document, DocumentStore
from airegistry.core.elsewhere import Elsewhere
from airegistry.core.errors import AirError
from airegistry.core.first_start import FirstStart
from airegistry.core.following import Following, OnChange, Place, Reload
from airegistry.core.leases import SECONDS, Alone, Leading, Lease, LeaseLost, Leases
from airegistry.core.memberships import COLLECTION as PROVISIONED
from airegistry.core.mirror import LATE, Mirror
from airegistry.core.own_writes import OwnWrites
from airegistry.core.services import Services
from airegistry.core.shelf import ASSETS, VERSIONS, Shelf
from airegistry.oauth.connections.keeping import id_of
from airegistry.oauth.server import Identity
from airegistry.stores.open import Stores
from airegistry.stores.outlines import Outlines

Task = Callable[[], Coroutine[None, None, None]]
PAUSE = 1.0
"""Seconds until a task that failed is begun anew."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replica:
    """One of several processes, or the only one: then `following` is None."""

    leading: Leading
    following: Following | None = None
    store: DocumentStore | None = None
    """What is shared, as this process sees it."""
    beside: Sequence[Task] = ()
    """What it needs all the time."""

    def ready(self) -> bool:
        """Whether what is kept in memory is what the store has."""
        return self.following is None or self.following.ready

    def lag(self) -> float:
        """How many seconds ago others may have written what is not known here."""
        return 0.0 if self.following is None else self.following.lag

    def count(self) -> int:
        """How many processes share the store."""
        return 1 if self.following is None else self.following.replicas()

    async def begun(
        self, reloads: Sequence[Reload], made: Callable[[], Awaitable[bool]], first: Callable[[], Awaitable[FirstStart]]
    ) -> FirstStart:
        """The first start, which one of several that start at once makes; the others find it `made`. `reloads` are to
        know what others did until then.

        On a machine so busy that the lease cannot be renewed it is begun anew, by whoever has the lease then, and goes
        on where it was cut short.
        """

        async def begin(lease: Lease) -> FirstStart:
            for reload in reloads if self.following is not None else ():
                await reload()
            return await first()

        while not await made():
            try:
                return await self.leading.exclusively("first_start", begin)
            except LeaseLost as loss:
                log.warning("the first start is begun anew: %s", loss.message)
        return FirstStart()

    def led(
        self, name: str, run: Task, before: Task | None = None, under: Callable[[Lease | None], None] | None = None
    ) -> Task:
        """A task that one process runs for all. `before` is run first by whoever takes it over, to know what others
        did until then; `under` is told the lease, and when it is over."""

        async def work(lease: Lease) -> None:
            if self.following is None:
                await run()
                return
            try:
                if under is not None:
                    under(lease)
                if before is not None:
                    await before()
                await run()
                await anyio.sleep_forever()  # what is switched off has no end either, or it would be begun for ever
            finally:
                if under is not None:
                    under(None)

        return partial(self.leading.lead, name, work)


@asynccontextmanager
async def joined(stores: Stores) -> AsyncIterator[tuple[Stores, Replica]]:
    """The stores as services are to use them. What these read from here on is followed later by `follow`.

    Raises:
        Internal: the change feed of a shared store cannot be opened.
    """
    clock = SystemClock()
    if not stores.shared:
        yield stores, Replica(Alone(clock))
        return
    own = OwnWrites(stores.documents)

    def fresh() -> bool:
        return following.ready and following.lag < LATE

    def wrote(collection: str, key: str, document: Document | None) -> None:
        mirror.written(collection, key)
        outlines.written(collection, key, document)

    def made(change: Change) -> bool:
        mirror.follow(change)
        outlines.follow(change)
        return own.made(change)

    def lost() -> None:
        mirror.clear()
        outlines.lose()
        own.forget()

    mirror = Mirror(own, (ASSETS, VERSIONS), fresh)
    outlines = Outlines(mirror, ASSETS, fresh)
    own.tell = wrote
    following = Following(stores.documents, clock, own=made, lost=lost)
    following.subscribe("lists", (), outlines.load)
    async with following.opened():
        leases = Leases(stores.documents, clock, seconds=SECONDS)
        yield replace(stores, documents=own, near=outlines), Replica(leases, following, own, [outlines.run])


def tasks(replica: Replica, services: Services, identity: Identity, shelf: Shelf) -> Sequence[Task]:
    """What the core does all the time, here or in one process for all."""
    led, audit = replica.led, services.audit
    everywhere: list[Task] = [
        audit.run, services.audit_care.run, services.tokens.uses.run, services.index_care.run, services.approvals.run,
        identity.run, services.usage.usage.run, services.logs.run, services.events.run,
    ]  # fmt: skip
    once = [
        led("rescans", services.rescans.run, under=services.rescans.under),
        led("retirements", services.retirements.run, services.retirements.rebuild),
        led("audit", services.audit_care.keep), led("audit forwarding", services.audit_care.forward),
        led("ans", services.ans.run, services.ans.rebuild), led("skills", services.skill_looks.run),
        led("repositories", services.repositories.run),
        led("webhooks", services.webhooks.run), led("vectors", services.search.tidy),
        led("usage", services.usage.usage.care), led("logs", services.logs.keep),
        led("sync", services.federation.run, services.federation.sources.reload, services.federation.syncs.under),
    ]  # fmt: skip
    elsewhere = Elsewhere(shelf.near, services.events, services.changes)
    services.events.look = elsewhere.look
    if replica.following is None or replica.store is None:
        return [*map(lasting, [*everywhere, services.guards.run, *once, led("health", services.health.run)])]
    _follow_identity(replica.following, identity)
    _follow_core(replica.following, services, shelf, elsewhere)
    counts = _counted(replica.following, services, replica.store)
    checks = _checked(replica, replica.following, services, replica.store)
    beside = [services.webhooks.outbox.run, services.rescans.follow, counts, replica.following.run]
    return [*map(lasting, [*everywhere, *once, *checks, *beside, *replica.beside])]


def lasting(task: Task) -> Task:
    """The task, begun anew when the store fails it: its end would be that of all that runs beside it."""

    async def run() -> None:
        while True:
            try:
                await task()
            except* (AirError, OSError):
                log.exception("a task failed and is begun anew")
            else:
                return
            await anyio.sleep(PAUSE)

    return run


def _checked(replica: Replica, following: Following, services: Services, store: DocumentStore) -> Sequence[Task]:
    """What checks backends, in one process for all, and what the others have to do with it."""
    from airegistry.core.shared_checks import LOOKS, VITALS, SharedChecks  # a process of its own needs none of it

    checks = SharedChecks(services.health, services.vitals, store, SystemClock())
    following.subscribe("looks", [LOOKS], checks.reload_looks, _keys(checks.follow_looks))
    following.subscribe("last checks", [VITALS], checks.reload, _keys(checks.follow))
    return [replica.led("health", services.health.run, checks.reload_looks, checks.under), checks.run]


def _counted(following: Following, services: Services, store: DocumentStore) -> Task:
    """What counts calls together with other replicas."""
    from airegistry.core.shared_counts import TAKES, UNDER_WAY, SharedCounts  # a process of its own needs none of it

    counts = SharedCounts(services.guards, store, SystemClock())
    following.subscribe("counts of limits", [TAKES, UNDER_WAY], counts.reload, counts.follow)
    return counts.run


def _follow_core(following: Following, services: Services, shelf: Shelf, elsewhere: Elsewhere) -> None:
    follow, tokens, waivers = following.subscribe, services.tokens, services.rescans.waivers
    follow("policy", ["scopes", "groups"], services.policy.reload)
    follow("tokens", ["tokens"], tokens.reload, _keys(tokens.follow))
    follow("limits and quarantines", ["limits", "quarantines"], services.guards.reload)
    follow("assets", [ASSETS, VERSIONS], elsewhere.reload, elsewhere.follow)
    follow("waivers", ["waivers"], partial(waivers.reload, shelf), _keys(waivers.follow))
    follow("sweeps", ["sweeps"], services.rescans.follow)
    if services.audit.writers is not None:
        follow("audit keys", [KEYS], services.audit.writers.keys.follow)
    follow("approvals", ["approvals"], services.approvals.woken, _keys(services.approvals.woken))
    follow("index", ["index"], services.index_care.follow, _keys(services.index_care.follow))
    sources = services.federation.sources
    follow("sources", ["sources"], sources.reload, _keys(sources.follow))
    follow("states of sources", ["source_states"], sources.reload, _keys(sources.follow_states))
    webhooks = services.webhooks
    follow("webhooks", ["webhooks"], webhooks.reload, _keys(webhooks.follow))
    follow("deliveries", ["webhook_deliveries"], webhooks.reload, _keys(webhooks.follow_deliveries))


def _follow_identity(following: Following, identity: Identity) -> None:
    follow, credentials = following.subscribe, identity.credentials
    for name, collection, stored in (
        ("users", "users", identity.directory),
        ("clients", "clients", identity.clients),
    ):
        follow(name, [collection], stored.reload, _keys(stored.follow))
    memberships = identity.directory.memberships
    follow("provisioned groups", [PROVISIONED], memberships.reload, _keys(memberships.follow))
    follow("issuers", ["trusted_issuers"], identity.issuers.follow)
    follow("providers", ["identity_providers"], identity.providers.follow)
    follow("revocations", ["revocations"], identity.tokens.open, _keys(identity.tokens.follow))
    follow("signing keys", ["signing_keys"], identity.keys.refresh)
    follow("credentials", ["credentials"], partial(credentials.reload, shared=True), _keys(credentials.follow))

    async def reconnected(places: Sequence[Place]) -> None:
        ids = {key for _, key in places}
        credentials.forget_tokens(lambda key: _connection(key) in ids)

    async def all_reconnected() -> None:
        credentials.forget_tokens(lambda key: bool(key.subject))

    follow("connections", ["connections"], all_reconnected, reconnected)


def _connection(key: Key) -> str:
    """The id of the connection that a token comes from, if it comes from one."""
    return id_of(key.subject.removeprefix("user:"), key.ref, key.url)


def _keys(follow: Callable[[list[str]], Awaitable[object]]) -> OnChange:
    """For those who follow one collection: the keys of what changed."""

    async def on_change(places: Sequence[Place]) -> None:
        await follow([key for _, key in places])

    return on_change
