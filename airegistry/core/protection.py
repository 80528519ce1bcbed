"""What is asked last before a call goes out: quarantine, circuit breaker, how much at once, how often; in this order.

What is refused has taken nothing: a call takes its places and tokens all together or not at all. Nothing here waits
or reads a disk while a call is admitted; counts that survive a restart are written by `run`.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import anyio

from airegistry.core.access import Access
from airegistry.core.assets import VirtualServer
from airegistry.core.audit import Audit
from airegistry.core.breaker import Breakers, CircuitState
from airegistry.core.calls import Guarded, Outcome
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict, NotFound, RateLimited
from airegistry.core.events import Event
from airegistry.core.grants import LISTED_BY, is_plumbing
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import Principal
from airegistry.core.quarantine import Cut, Quarantine, Quarantines
from airegistry.core.quotas import (
    MAX_LIMITS,
    NONE,
    STREAMS,
    Applied,
    Counted,
    Gauge,
    Kept,
    Limit,
    Meter,
    Quotas,
    UnderWay,
)
from airegistry.core.shelf import Shelf
from airegistry.core.telemetry import Telemetry
from airegistry.core.turned_away import TurnedAway

log = logging.getLogger(__name__)
AT_ONCE = 1_000
"""Calls that one caller may have under way, and event streams that it may have open, whatever the limits say."""

SAVED_EVERY = 30.0
"""Seconds between writes of the counts that survive a restart."""

_UNLIMITED: Final = Applied((), ())


class Place:
    """A Permit: one call or stream under way."""

    __slots__ = ("_cut", "_cuts", "_guards", "applied", "asset", "method", "probe", "stream", "via", "who")

    def __init__(
        self, guards: "Guards", who: Principal, asset: Guarded, via: VirtualServer | None, method: str,
        applied: Applied, *, stream: bool, probe: bool,
    ) -> None:  # fmt: skip
        self._guards = guards
        self._cuts: list[Callable[[], None]] = []
        self._cut = False
        self.who = who
        self.asset = asset
        self.via = via
        self.method = method
        self.applied = applied
        self.stream = stream
        self.probe = probe

    def release(self, outcome: Outcome) -> None:
        """Give the place back; the second time is none."""
        self._cuts.clear()
        self._guards.release(self, outcome)

    def on_cut(self, cut: Callable[[], None]) -> None:
        """Have the call cut off when its caller or asset is; at once if that has happened meanwhile."""
        if self._cut:
            cut()
        else:
            self._cuts.append(cut)

    def cut(self) -> None:
        """End the call."""
        self._cut = True
        cuts, self._cuts = self._cuts, []
        for each in cuts:
            try:
                each()
            except Exception:  # whoever listens: one that fails must not save the others
                log.exception("a call of %s could not be cut off", self.who.subject)

    def fits(self, quarantine: Quarantine) -> bool:
        """Whether this is what a quarantine means to end."""
        if quarantine.kind == "caller":
            return quarantine.id in (self.who.subject, self.who.actor)
        return any(
            each is not None and (each.kind, each.path) == (quarantine.kind, quarantine.id)
            for each in (self.asset, self.via)
        )

    def is_on(self, asset: AnyAsset) -> bool:
        """Whether it is a call of this version of an asset, or through it."""
        wanted = (asset.kind, asset.path, asset.version)
        return any(
            each is not None and (each.kind, each.path, each.version) == wanted for each in (self.asset, self.via)
        )


class Guards:
    """The port `Protection`, and its administration: everything of that is for administrators of policy."""

    def __init__(
        self,
        store: DocumentStore,
        shelf: Shelf,
        access: Access,
        audit: Audit,
        clock: Clock,
        telemetry: Telemetry,
        *,
        calls: int = AT_ONCE,
        streams: int = AT_ONCE,
    ) -> None:
        """`calls` and `streams` are how many of them one caller may have at once."""
        self._limits = Repository(store, "limits", Limit)
        self._kept = Repository(store, "quotas", Kept)
        self._access = access
        self._audit = audit
        self._clock = clock
        self._telemetry = telemetry
        self._calls = calls
        self._streams = streams
        self._quotas = Quotas()
        self._breakers = Breakers(clock, telemetry)
        self._quarantines = Quarantines(store, shelf, access, audit, clock, self._cut)
        self.turned_away = TurnedAway(audit, clock)
        self._callers: dict[str, Gauge] = {}
        self._elsewhere: Mapping[str, UnderWay] = {}
        self._live: set[Place] = set()
        self._counted = False
        self.taken: Counter[Applied] | None = None
        """How often which tokens were taken: what other replicas are told; None where there are none."""
        self._lock = anyio.Lock()

    async def open(self) -> None:
        """Put in force what is stored, and count on from what was counted before the restart."""
        await self.reload()
        now, at = self._clock.monotonic(), self._clock.now()
        async for name, kept in self._kept.find():
            self._quotas.restore(name, kept, now, at)

    async def reload(self) -> None:
        """Put the stored limits and quarantines in force."""
        async with self._lock:  # a slow reader must not put what it read over what was written meanwhile
            self._quotas.replace([limit async for _, limit in self._limits.find()], self._clock.monotonic())
        await self._quarantines.reload()

    async def run(self) -> None:
        """Write the counts that survive a restart every 30 seconds, and at the end, when it is cancelled."""
        try:
            while True:
                await anyio.sleep(SAVED_EVERY)
                await self.save()
        finally:
            with anyio.CancelScope(shield=True):
                await self.save()

    async def save(self) -> None:
        """Write the counts that survive a restart, if calls were counted since; what cannot be written is logged."""
        if not self._counted:
            return
        self._counted = False
        try:
            for name, kept in self._quotas.kept(self._clock.monotonic(), self._clock.now()).items():
                await self._kept.save(name, kept)
        except (OSError, AirError):
            self._counted = True
            log.exception("the counts of limits could not be written")

    def admit(
        self, who: Principal, asset: Guarded, method: str, name: str | None, *, via: VirtualServer | None = None,
        shown: str | None = None,
    ) -> Place:  # fmt: skip
        """Take a place; see `Protection`."""
        try:
            return self._admit(who, asset, method, name, via, shown)
        except AirError as error:
            self._telemetry.count("airegistry.gateway.refusals", code=error.code, kind=asset.kind, path=asset.path)
            raise

    def _admit(
        self, who: Principal, asset: Guarded, method: str, name: str | None, via: VirtualServer | None,
        shown: str | None,
    ) -> Place:  # fmt: skip
        now = self._clock.monotonic()
        if self._quarantines:
            self._check(who, (asset,) if via is None else (asset, via))
        stream = method in STREAMS
        probe = bool(self._breakers) and _works(method) and self._breakers.check(asset, now)
        own = self._callers.get(who.subject)
        if own is not None:
            self._check_own(own, stream=stream)
        applied = _UNLIMITED
        if self._quotas:
            applied = self._quotas.resolved(who.subject, asset, method, name, via, now, shown)
            applied.check(now, stream=stream)
            applied.take(stream=stream)
            self._counted = True
            if self.taken is not None:
                self.taken[applied] += 1
        # From here on nothing is refused.
        if own is None:
            own = self._callers[who.subject] = Gauge()
        if stream:
            own.streaming += 1
        else:
            own.running += 1
        if probe:
            self._breakers.probe(asset, now)
        place = Place(self, who, asset, via, method, applied, stream=stream, probe=probe)
        self._live.add(place)
        return place

    @property
    def in_force(self) -> Mapping[str, Limit]:
        """The limits in force, by name."""
        return self._quotas.limits

    def take_off(self, counted: Counted, tokens: int) -> None:
        """Have tokens of a limit be taken that another replica took."""
        self._quotas.take_off(counted, tokens, self._clock.monotonic())

    def under_way(self) -> tuple[Mapping[str, UnderWay], Mapping[Counted, UnderWay]]:
        """What is under way here, by caller and by what is limited, where it is no small part of the bound."""
        callers, counts = defaultdict[str, list[int]](_nothing), defaultdict[Meter, list[int]](_nothing)
        for place in self._live:
            callers[place.who.subject][place.stream] += 1
            for meter in place.applied.capped:
                counts[meter][place.stream] += 1
        bounds = (self._calls, self._streams)
        return (
            {subject: found for subject, each in callers.items() if (found := _telling(each, bounds))},
            {
                meter.counted: found
                for meter, each in counts.items()
                if (found := _telling(each, (meter.limit.concurrent, meter.limit.streams)))
            },
        )

    def add_elsewhere(self, callers: Mapping[str, UnderWay], counts: Mapping[Counted, UnderWay]) -> None:
        """Have what is under way at other replicas count, in place of what was there before."""
        before, self._elsewhere = self._elsewhere, callers
        for subject in before.keys() | callers.keys():
            own = self._callers.setdefault(subject, Gauge())
            own.add(callers.get(subject, NONE))
            if not own.running and not own.streaming:
                del self._callers[subject]
        self._quotas.add_elsewhere(counts, self._clock.monotonic())

    def _check_own(self, own: Gauge, *, stream: bool) -> None:
        if stream and own.streaming >= self._streams:
            raise RateLimited(f"a caller has at most {self._streams} streams open at once", retry_after=1)
        if not stream and own.running >= self._calls:
            raise RateLimited(f"a caller has at most {self._calls} calls under way at once", retry_after=1)

    def release(self, place: Place, outcome: Outcome) -> None:
        """Give a place back; nothing happens the second time."""
        if place not in self._live:
            return
        self._live.discard(place)
        own = self._callers[place.who.subject]
        if place.stream:
            own.streaming -= 1
        else:
            own.running -= 1
        if not own.running and not own.streaming:
            del self._callers[place.who.subject]
        if place.applied.capped:
            place.applied.give_back(stream=place.stream)
        if (outcome == "upstream_failed" or self._breakers) and _works(place.method):
            self._breakers.settle(place.asset, outcome, probe=place.probe)

    def check(self, who: Principal, *assets: Guarded) -> None:
        """Refuse whoever or whatever is cut off; see `Protection`."""
        if self._quarantines:
            self._check(who, assets)

    def _check(self, who: Principal, assets: tuple[Guarded, ...]) -> None:
        callers = (("caller", subject) for subject in (who.subject, who.actor) if subject)
        self._quarantines.check((*callers, *((asset.kind, asset.path) for asset in assets)))

    def is_quarantined(self, subject: str) -> bool:
        """Whether a caller is cut off."""
        return self._quarantines.holds("caller", subject)

    def cuts_off(self, who: Principal) -> bool:
        """Whether a caller, or who acts for it, is cut off."""
        return self.is_quarantined(who.subject) or (bool(who.actor) and self.is_quarantined(who.actor))

    def circuit(self, asset: Guarded) -> CircuitState:
        """How the circuit breaker of a backend stands."""
        return self._breakers.state(asset)

    def standing(self) -> tuple[Mapping[CircuitState, int], Mapping[Cut, int]]:
        """How many circuits are in which state, as far as any failed lately, and how many of each kind are cut off."""
        return self._breakers.states(), self._quarantines.kinds()

    async def put_limit(self, who: Principal, limit: Limit) -> Limit:
        """Create or replace a limit; it holds from the next call on, and goes on counting where `per` is the same.

        Raises:
            Conflict: there are too many limits.
        """
        async with self._audit.attempt(who, "limit:put", f"limit/{limit.name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            if limit.name not in self._quotas.limits and len(self._quotas.limits) >= MAX_LIMITS:
                raise Conflict(f"there are {MAX_LIMITS} limits already")
            await self._limits.save(limit.name, limit)
            await self.reload()
        return limit

    async def delete_limit(self, who: Principal, name: str) -> None:
        """Remove a limit, with what was counted for it.

        Raises:
            NotFound: there is none of this name.
        """
        async with self._audit.attempt(who, "limit:delete", f"limit/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            if not await self._limits.delete(name):
                raise NotFound(f"no limit named {name!r}")
            await self._kept.delete(name)
            await self.reload()

    def limits(self, who: Principal) -> list[Limit]:
        """All limits, in order of name."""
        self._access.require(who, "policy")
        return sorted(self._quotas.limits.values(), key=lambda limit: limit.name)

    async def quarantine(self, who: Principal, kind: Cut, id_: str, reason: str) -> tuple[Quarantine, int]:
        """Cut a caller or an asset off; see `Quarantines.put`."""
        return await self._quarantines.put(who, kind, id_, reason)

    async def lift_quarantine(self, who: Principal, kind: Cut, id_: str) -> Quarantine:
        """Let a caller or an asset in again; see `Quarantines.lift`."""
        return await self._quarantines.lift(who, kind, id_)

    def quarantines(self, who: Principal) -> list[Quarantine]:
        """All that is cut off, the latest first."""
        return self._quarantines.list(who)

    async def on_event(self, event: Event) -> None:
        """End the calls of an asset that its scan holds now."""
        asset = event.asset
        if asset.held_by_scan and not asset.enabled:
            for place in [place for place in self._live if place.is_on(asset)]:
                place.cut()

    def _cut(self, quarantine: Quarantine) -> int:
        """End the calls that a quarantine forbids; returns how many."""
        ended = [place for place in self._live if place.fits(quarantine)]
        for place in ended:
            place.cut()
        return len(ended)


def _nothing() -> list[int]:
    return [0, 0]


def _telling(under_way: Sequence[int], bounds: Sequence[int | None]) -> UnderWay | None:
    """What others have to know of calls and streams under way: all, once either is a sixteenth of its bound."""
    if any(bound is not None and each * 16 >= bound for each, bound in zip(under_way, bounds, strict=True)):
        return under_way[0], under_way[1]
    return None


def _works(method: str) -> bool:
    """Whether a method does something at the backend. Lists, handshakes and agent cards may be answered from memory,
    and streams end for many reasons: neither says how a backend does, and neither is refused while it rests."""
    return method not in LISTED_BY and not is_plumbing(method) and method != "card"
