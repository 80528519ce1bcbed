"""Sources by hand: what each offers, page by page, and how it fails."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from airegistry.core.access import Access
from airegistry.core.admission import Admission
from airegistry.core.assets import EntityType, Json
from airegistry.core.audit import Audit
from airegistry.core.canonical import digest
from airegistry.core.catalog import Catalog
from airegistry.core.credentials import CredentialStore
from airegistry.core.documents import DocumentStore
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import Invalid
from airegistry.core.events import Events
from airegistry.core.federation import Federation
from airegistry.core.leases import Leading
from airegistry.core.lifecycle import FirstStage
from airegistry.core.pins import Pins
from airegistry.core.ports import AnyAsset, Backends, Cipher, Clock
from airegistry.core.scans import Scans
from airegistry.core.shelf import Shelf
from airegistry.core.source_fetches import SourceFetches
from airegistry.core.source_intake import Arrivals
from airegistry.core.source_pass import CAPS, Caps
from airegistry.core.source_store import SourceStore
from airegistry.core.source_syncs import Syncs
from airegistry.core.source_tasks import SourceTasks
from airegistry.core.sources import Offer, OfferPage, Source, SourceConfig, SourceDrivers
from airegistry.core.telemetry import Telemetry
from airegistry.core.validation import validated


def thing(kind: str, path: str, **fields: object) -> AnyAsset:
    """An asset as a driver makes it."""
    more = {"url": f"https://{path}.test/mcp"} if kind == "server" and "command" not in fields else {}
    return validated({"kind": kind, "path": path, "name": path, **more, **fields})  # type: ignore[dict-item]  # JSON, as each test gives it


def offer(*versions: AnyAsset, id: str = "") -> Offer:
    """An offer of these versions, the first by default, with a digest of what they say."""
    said: Json = {
        "versions": [version.model_dump(mode="json", exclude={"created_at", "updated_at"}) for version in versions]
    }
    return Offer(id or f"{versions[0].kind}/{versions[0].path}", versions, digest(said))


def served(path: str, **fields: object) -> Offer:
    """An offer of a server."""
    return offer(thing("server", path, **fields))


@dataclass
class FakeSource:
    """A source that offers what a test says, `size` things a page; a pass since a mark tells what came after it."""

    offers: list[Offer] = field(default_factory=list)
    changes: list[Offer] = field(default_factory=list)
    """What a pass since a mark tells."""
    mark: str | None = None
    size: int = 100
    whole: bool = True
    types: Sequence[EntityType] = ()
    failing: Exception | None = None
    fails_at: int = 0
    """The page at which it fails, from 0."""
    before: Callable[[int], Awaitable[None]] | None = None
    """Called before each page."""
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        self.asked.append((since, after))
        number = int(after or 0)
        if self.before is not None:
            await self.before(number)
        if self.failing is not None and number >= self.fails_at:
            raise self.failing
        offers = self.offers if since is None else self.changes
        start, end = number * self.size, (number + 1) * self.size
        more = end < len(offers)
        return OfferPage(
            offers[start:end], str(number + 1) if more else None, None if more else self.mark,
            whole=self.whole and since is None, types=self.types if number == 0 else (),
        )  # fmt: skip


@dataclass
class FakeDrivers:
    """Opens sources by their URLs; what it was told of each is kept."""

    sources: dict[str, Source] = field(default_factory=dict)
    opened: list[SourceConfig] = field(default_factory=list)

    def check(self, config: SourceConfig) -> None:
        if not config.url.startswith("https://"):
            raise Invalid(f"{config.url} is none that may be called", field="url")

    @asynccontextmanager
    async def open(self, config: SourceConfig) -> AsyncIterator[Source]:
        self.opened.append(config)
        if config.url not in self.sources:
            raise Invalid(f"there is nothing at {config.url}", field="url")
        yield self.sources[config.url]


@dataclass(frozen=True)
class Under:
    """What a federation stands on."""

    store: DocumentStore
    shelf: Shelf
    access: Access
    audit: Audit
    events: Events
    clock: Clock
    cipher: Cipher
    leading: Leading
    catalog: Catalog
    admission: Admission
    scans: Scans
    pins: Pins
    types: EntityTypes
    backends: Backends
    credentials: CredentialStore
    telemetry: Telemetry
    first_stage: FirstStage = "approved_dev"


async def federation_over(on: Under, drivers: SourceDrivers, caps: Caps = CAPS) -> Federation:
    """A federation as the composition root would build it."""
    arrivals = Arrivals(
        on.shelf, on.admission, on.scans, on.pins, on.types, on.backends, on.credentials, on.audit, on.events, on.clock,
        on.first_stage,
    )  # fmt: skip
    sources = SourceStore(on.store, on.cipher)
    await sources.reload()
    syncs = Syncs(
        sources, drivers, arrivals, on.shelf, on.audit, on.events, on.cipher, on.clock, on.telemetry, caps=caps,
        chance=lambda: 0.5,
    )  # fmt: skip
    fetches = SourceFetches(on.catalog, on.shelf, on.clock, syncs.under_way, chance=lambda: 0.5)
    on.events.subscribe(fetches.on_event)
    tasks = SourceTasks(sources, syncs, on.clock)
    return Federation(sources, syncs, tasks, fetches, on.shelf, on.access, on.audit, on.clock, on.leading)
