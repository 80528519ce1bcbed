"""One pass over a source: its pages within caps, what each offer calls for, and what is gone at the end of a whole one.

What is read is acted on at once, a few things at a time. Nothing is retired for not being named before the last page
was read, and the mark of the next pass is the caller's to save, last of all.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import anyio
from anyio.lowlevel import checkpoint

from airegistry.core.assets import Entity, EntityType, check_path
from airegistry.core.canonical import digest
from airegistry.core.errors import AirError, ApprovalRequired, Conflict, Internal, Invalid, NotFound, UpstreamFailed
from airegistry.core.leases import LeaseLost
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.shelf import Shelf
from airegistry.core.source_diff import LONGEST_ID, Decision, Held, decide, orphans
from airegistry.core.source_intake import Arrivals, Arrived, Origin, refuse_taken
from airegistry.core.source_records import SHOWN, Change, Planned, Refusal, Run
from airegistry.core.sources import Offer, OfferPage, Source

log = logging.getLogger(__name__)
MAX_TYPES = 1_000
"""Entity types that are taken of one pass."""
LONGEST_CURSOR = 16_384
"""Characters of a cursor, and of a mark."""
FEW = 20
"""Things that a whole pass may retire for not being named, however few there are; of more no more than half."""
DEFECTS = 20
"""Things that may break the code that takes them in, before the pass is broken."""
KEPT = timedelta(days=30)
"""How long something that is not offered any more stays, retired, before a whole pass takes it down."""
RETRIES = 3
"""Times that a change is tried again when somebody wrote the asset meanwhile."""
TURN = 100
"""Offers that nothing is to be done about, after which other tasks get a turn."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caps:
    """How much is taken of one pass, of whatever source: pages, offers, seconds; and what is done `at_once`.

    `kept` is how many things of a source there may be here, with those that are retired: one whose ids are always new
    would else fill the store.
    """

    pages: int = 5_000
    offers: int = 100_000
    kept: int = 200_000
    seconds: float = 3_600.0
    at_once: int = 6


CAPS = Caps()


async def told_nobody(run: Run) -> None:
    """For passes whose progress nobody follows."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How a pass is made. `dry` changes nothing; `retires` says whether a whole one takes away what it does not name,
    and `forced` that it may be most of what is here.

    `tell` is called with what was done so far, `check` raises when this process may not go on, `keep_types` is called
    when entity types came in.
    """

    dry: bool = False
    retires: bool = True
    forced: bool = False
    caps: Caps = CAPS
    tell: Callable[[Run], Awaitable[None]] = told_nobody
    check: Callable[[], None] = lambda: None
    keep_types: Callable[[Mapping[str, str]], Awaitable[None]] | None = None


class Pass:
    """A pass that is under way. `run` is what it did so far."""

    def __init__(
        self, origin: Origin, held: Mapping[str, Held], arrivals: Arrivals, shelf: Shelf, clock: Clock, run: Run,
        ways: Ways, types: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._origin = origin
        self._held = held
        self._arrivals = arrivals
        self._shelf = shelf
        self._clock = clock
        self._ways = ways
        self._types = dict(types)
        self._types_told = 0
        self._clashing: set[str] = set()
        self._seen: set[str] = set()
        self._defects = 0
        self._wished: set[tuple[str, str]] = set()
        self.run = run

    async def go(self, source: Source, since: str | None) -> str | None:
        """Make the pass; the mark that the next one begins with.

        Raises:
            UpstreamFailed: the source goes on without end, or does not come to one in time; and what `Source.page`
                raises.
            ApprovalRequired: it names so little of what came from it before that a person has to look.
            Internal: the registry cannot go on.
        """
        with anyio.move_on_after(self._ways.caps.seconds):
            mark = await self._read(source, since)
            if self.run.whole and self._ways.retires:
                await self._take_away()
            await self._ways.tell(self.run)
            return mark
        raise UpstreamFailed(f"the pass took longer than {self._ways.caps.seconds:g} s")

    async def _read(self, source: Source, since: str | None) -> str | None:
        """Go through the pages, and act on what they offer."""
        after: str | None = None
        cursors: set[str] = set()
        while True:
            page = await source.page(since, after)
            self.run = self.run.model_copy(update={"pages": self.run.pages + 1})
            if after is None:
                self.run = self.run.model_copy(update={"whole": page.whole})
            await self._take_types(page.types)
            await self._each(await self._decided(page), self._act)
            await self._ways.tell(self.run)
            if max(len(page.after or ""), len(page.mark or "")) > LONGEST_CURSOR:
                raise UpstreamFailed(f"the source gave a cursor or mark of over {LONGEST_CURSOR} characters")
            if page.after is None:
                return page.mark
            if page.after in cursors:
                raise UpstreamFailed("the source repeats itself: it gave the same cursor twice")
            if self.run.pages >= self._ways.caps.pages:
                raise UpstreamFailed(f"the source has more than {self._ways.caps.pages} pages")
            cursors.add(page.after)
            after = page.after

    async def _decided(self, page: OfferPage) -> list[Decision]:
        """What is to be done for a page; what needs nothing is counted."""
        todo = []
        for number, offer in enumerate(page.offers, start=1):
            if number % TURN == 0:
                await checkpoint()
            if self.run.offers >= self._ways.caps.offers:
                raise UpstreamFailed(f"the source offers more than {self._ways.caps.offers} things")
            self._count(offers=1)
            if offer.id in self._seen:
                self._count(repeated=1)
                continue
            if len(offer.id) <= LONGEST_ID:  # a longer one is refused, and as much memory as it likes is not its own
                self._seen.add(offer.id)
            decision = decide(self._held.get(offer.id), offer, self._origin.terms)
            if decision.act == "refuse":
                self._refuse(offer, decision.code, decision.reason)
            elif decision.act in ("unchanged", "filter", "ignore"):
                self._count(unchanged=decision.act == "unchanged", filtered=decision.act == "filter")
            else:
                todo.append(decision)
        return todo

    async def _act(self, decision: Decision) -> None:
        """Do what an offer calls for; what may not come in is counted with the reason."""
        offer, held = decision.offer, decision.held
        try:
            if decision.act == "retire":
                assert held is not None  # or there would be nothing to retire
                await self._retire(held)
            elif self._ways.dry:
                await self._plan(decision)
            else:
                await self._bring(offer, held)
        except (Internal, LeaseLost):
            raise
        except AirError as error:
            self._refuse(offer, error.code, error.message)
        except Exception as defect:  # what one publisher wrote must not keep out all others of the source
            self._defects += 1
            if self._defects > DEFECTS:
                raise
            log.exception("source %s: %r", self._origin.name, offer.id)
            self._refuse(offer, Internal.code, f"it could not be taken in: {type(defect).__name__}")

    async def _bring(self, offer: Offer, held: Held | None) -> None:
        first = offer.versions[0]
        if isinstance(first, Entity) and first.type in self._clashing:
            raise Conflict(f"type {first.type!r} is another one here, or cannot be taken")
        if held is None:
            if len(self._held) + self.run.added >= self._ways.caps.kept:
                raise Conflict(f"{self._ways.caps.kept} things of the source are here, with those that are retired")
            arrived = await self._arrivals.add(self._origin, offer, self._path(first))
        else:
            arrived = await self._changed(offer, held)
        self._note(arrived, new=held is None)
        for version, error in arrived.lost.items():
            self._refuse(offer, error.code, f"version {version}: {error.message}")

    async def _changed(self, offer: Offer, held: Held) -> Arrived:
        for _ in range(RETRIES):
            with suppress(Conflict):  # somebody wrote it meanwhile, as health checks do
                return await self._arrivals.change(self._origin, offer, held)
        return await self._arrivals.change(self._origin, offer, held)

    def _note(self, arrived: Arrived, *, new: bool) -> None:
        self._count(
            added=new, changed=arrived.changed and not new, unchanged=not arrived.changed,
            held=arrived.changed and arrived.asset.held_by_scan,
        )  # fmt: skip

    async def _plan(self, decision: Decision) -> None:
        """Note what would be done; what would be refused without a scan is refused."""
        offer, held = decision.offer, decision.held
        first = offer.versions[0]
        if held is not None:
            self._planned("changed", offer.id, held.kind, held.path, first.version)
            self._count(changed=1)
            return
        path = check_path(self._path(first))
        found = await self._shelf.get(first.kind, path)
        if found is not None:
            refuse_taken(found[0])
        if (first.kind, path) in self._wished:
            raise Conflict(f"the path {path!r} is wished for twice")
        self._wished.add((first.kind, path))
        self._planned("added", offer.id, first.kind, path, first.version)
        self._count(added=1)

    async def _take_away(self) -> None:
        """Retire what the pass did not name, and take down what is retired for long enough.

        Raises:
            ApprovalRequired: it is most of what is here, which a source may say by mistake.
        """
        gone, there = orphans(self._held, self._seen), sum(bool(each.offered) for each in self._held.values())
        few = self._ways.forced or len(gone) <= max(FEW, there // 2)
        if few or self._ways.dry:
            await self._each(gone, self._retire)
        if not few:
            raise ApprovalRequired(
                f"the source does not name {len(gone)} of the {there} things that came from it, which would be retired:"
                " a pass that is forced does that"
            )
        before = self._clock.now() - KEPT
        old = [each for each in self._held.values() if each.gone_since and each.gone_since < before]
        await self._each([each for each in old if each.id not in self._seen], self._delete)

    async def _retire(self, held: Held) -> None:
        if self._ways.dry:
            self._planned("retired", held.id, held.kind, held.path, held.version)
            self._count(retired=1)
        elif await self._arrivals.retire(self._origin, held):
            self._count(retired=1)

    async def _delete(self, held: Held) -> None:
        if not self._ways.dry and await self._arrivals.delete(self._origin, held):
            self._count(deleted=1)

    async def _take_types(self, types: Sequence[EntityType]) -> None:
        """Take in the types of entities. One that is here and differs stays as it is: its entities do not come in."""
        came = False
        taken = types[: MAX_TYPES - self._types_told]
        self._types_told += len(taken)
        for each in taken:
            text, known = digest_of(each), await self._known_type(each.name)
            if known is not None and known.schema_ == each.schema_:
                if each.name in self._types and self._types[each.name] != digest_of(known):  # a crash cut it short
                    self._types[each.name], came = digest_of(known), True
                continue
            if known is not None and self._types.get(each.name) != digest_of(known):  # or a person changed it since
                self._clashing.add(each.name)
            elif not self._ways.dry:
                try:
                    await self._arrivals.types.define(self._origin.who, each.name, each.schema_, each.description)
                    self._types[each.name], came = text, True
                except (Conflict, Invalid):
                    self._clashing.add(each.name)
        if came and self._ways.keep_types is not None:
            await self._ways.keep_types(self._types)

    async def _known_type(self, name: str) -> EntityType | None:
        try:
            return await self._arrivals.types.get(name)
        except NotFound:
            return None

    def _path(self, asset: AnyAsset) -> str:
        """The path of something new."""
        return f"{self._origin.terms.prefix}{asset.path.removeprefix('/')}"

    async def _each(self, things: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
        """Act on each of some things, a few at once; what one raises ends all."""
        todo, failures = iter([*things]), list[Exception]()

        async def work() -> None:
            try:
                for each in todo:
                    self._ways.check()
                    await act(each)
            except Exception as failure:  # noqa: BLE001  # it is raised again, from outside the task group
                failures.append(failure)
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            for _ in range(self._ways.caps.at_once):
                tasks.start_soon(work)
        if failures:
            raise failures[0]

    def _count(self, **more: int) -> None:
        self.run = self.run.model_copy(update={name: getattr(self.run, name) + int(by) for name, by in more.items()})

    def _planned(self, change: Change, id_: str, kind: str, path: str, version: str) -> None:
        if len(self.run.planned) < SHOWN:
            self.run.planned.append(Planned(change=change, id=id_, kind=kind, path=path, version=version))

    def _refuse(self, offer: Offer, code: str, reason: str) -> None:
        self._count(refused=1)
        self.run.codes[code] = self.run.codes.get(code, 0) + 1
        if len(self.run.refusals) < SHOWN:
            first = offer.versions[0] if offer.versions else None
            kind, path = ("", "") if first is None else (first.kind, first.path)
            told = Refusal(id=offer.id[:200], kind=kind, path=path[:100], code=code, reason=reason[:500])
            self.run.refusals.append(told)


def digest_of(entity_type: EntityType) -> str:
    """What an entity type is known by: who changes it makes it another one."""
    return digest(entity_type.model_dump(mode="json", by_alias=True))
