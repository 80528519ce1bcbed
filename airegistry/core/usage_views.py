"""Usage as a caller may see it: of visible assets and tools alone, and other callers for those who read the audit."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from airegistry.core.access import Access
from airegistry.core.assets import Agent, Kind, Server, VirtualServer
from airegistry.core.catalog import Catalog
from airegistry.core.errors import Invalid
from airegistry.core.grants import EVERY_TOOL
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf, ref
from airegistry.core.usage import (
    BOUNDS,
    BUCKETS,
    CALLS,
    DAYS,
    EMPTY,
    ERRORS,
    HOURS,
    MILLISECONDS,
    OTHERS,
    Counter,
    Tally,
    Usage,
    add,
)
from airegistry.core.visibility import Visibility

View = Literal["popular", "recent", "unused", "errors", "slow"]
USED: tuple[Kind, ...] = ("server", "agent", "virtual_server")
"""The kinds that are called through the registry."""
VIRTUAL: Kind = "virtual_server"


@dataclass(frozen=True, slots=True)
class Figures:
    """Calls, how many of them failed, and how long they took: on average, and in buckets (see `BOUNDS`)."""

    calls: int
    errors: int
    average_ms: float | None
    histogram: Sequence[int]

    @classmethod
    def of(cls, counter: Counter) -> "Figures":
        """What a counter says."""
        calls = counter[CALLS]
        average = round(counter[MILLISECONDS] / calls, 1) if calls else None
        return cls(calls, counter[ERRORS], average, counter[BUCKETS:])

    def within(self, share: float) -> int | None:
        """The bound of milliseconds that a share of the calls stayed within; None when it is above all bounds."""
        seen = 0
        for bound, count in zip(BOUNDS, self.histogram, strict=False):
            seen += count
            if self.calls and seen >= share * self.calls:
                return bound
        return None


@dataclass(frozen=True, slots=True)
class AssetUsage:
    """What was made of one asset since a moment; `last` is the latest call in that time."""

    asset: AnyAsset
    total: Figures
    last: datetime | None = None
    tools: Mapping[str, Figures] = field(default_factory=dict)
    callers: Mapping[str, Figures] = field(default_factory=dict)
    periods: Mapping[str, Figures] = field(default_factory=dict)


class UsageViews:
    """Answers what was used, to somebody."""

    def __init__(
        self, usage: Usage, shelf: Shelf, catalog: Catalog, access: Access, visibility: Visibility, clock: Clock
    ) -> None:
        self.usage = usage
        self._shelf = shelf
        self._catalog = catalog
        self._access = access
        self._visibility = visibility
        self._clock = clock

    async def of(self, who: Principal, kind: Kind, path: str, *, days: int, hourly: bool = False) -> AssetUsage:
        """The use of one asset by tool, by caller, and by day or hour.

        Raises:
            NotFound: there is none, or none the caller may know of.
            Invalid: nothing of the kind is called.
        """
        asset = await self._catalog.get(who, kind, path)
        if asset.kind not in USED:
            raise Invalid(f"no {kind} is called through the registry", field="kind")
        await self.usage.flush()
        shown, collection = self._tools_seen(who, asset), HOURS if hourly else DAYS
        since = self._clock.now() - timedelta(days=days) if hourly else self._since(days)
        sum_, periods = Tally(), dict[str, Counter]()
        async for period, _, tally in self.usage.periods(collection, since, ref(asset)):
            sum_.add(tally)
            add(periods.setdefault(period, EMPTY.copy()), _total(tally, shown))
        return AssetUsage(
            asset, Figures.of(_total(sum_, shown)), _moment(sum_) if _total(sum_, shown)[CALLS] else None,
            tools=_ranked({name: counter for tool, counter in sum_.tools.items() if (name := _seen(tool, shown))}),
            callers=_ranked(self._callers_seen(who, sum_)),
            periods={name: Figures.of(counter) for name, counter in periods.items()},
        )  # fmt: skip

    async def view(
        self, who: Principal, view: View, *, kinds: Sequence[Kind] = USED, days: int, limit: int
    ) -> list[AssetUsage]:
        """Visible assets: those called most, called last, with the most errors or the slowest calls; or those not
        called at all, in order of path."""
        await self.usage.flush()
        sums: dict[str, Tally] = {}
        async for name, tally in self.usage.read(DAYS, self._since(days)):
            sums.setdefault(name, Tally()).add(tally)
        if view == "unused":
            return await self._unused(who, sums, kinds, limit)
        used = [each async for each in self._used(who, sums, kinds)]
        if view == "errors":
            used = [each for each in used if each.total.errors]
        used.sort(key=lambda each: (-_weight(view, each), ref(each.asset)))
        return used[:limit]

    async def periods(
        self, who: Principal, *, kinds: Sequence[Kind] = USED, days: int, hourly: bool = False
    ) -> dict[str, Figures]:
        """The use of all visible assets together, by day or hour; a call through a virtual server counts once."""
        await self.usage.flush()
        collection = HOURS if hourly else DAYS
        since = self._clock.now() - timedelta(days=days) if hourly else self._since(days)
        sums: dict[str, dict[str, Tally]] = {}
        async for period, name, tally in self.usage.periods(collection, since):
            if not name.startswith(f"{VIRTUAL}/") or kinds == (VIRTUAL,):
                sums.setdefault(period, {}).setdefault(name, Tally()).add(tally)
        shown = await self._shown(who, {name for tallies in sums.values() for name in tallies}, kinds)
        tools = {name: self._tools_seen(who, asset) for name, asset in shown.items()}
        found: dict[str, Figures] = {}
        for period, tallies in sums.items():
            total = EMPTY.copy()
            for name in tallies.keys() & tools.keys():
                add(total, _total(tallies[name], tools[name]))
            if total[CALLS]:
                found[period] = Figures.of(total)
        return found

    async def _used(
        self, who: Principal, sums: Mapping[str, Tally], kinds: Sequence[Kind]
    ) -> AsyncIterator[AssetUsage]:
        for name, asset in (await self._shown(who, sums, kinds)).items():
            total = Figures.of(_total(sums[name], self._tools_seen(who, asset)))
            if total.calls:
                yield AssetUsage(asset, total, _moment(sums[name]))

    async def _shown(self, who: Principal, names: Iterable[str], kinds: Sequence[Kind]) -> dict[str, AnyAsset]:
        """Those of these assets that the caller may see, by `kind/path`."""
        named = {name: name.partition("/") for name in names}
        wanted = {kind: kind for kind in kinds}
        of = {name: (wanted[kind], path, None) for name, (kind, _, path) in named.items() if kind in wanted}
        found = await self._shelf.many([*of.values()])
        assets = {name: found[place][0] for name, place in of.items() if place in found}
        return {
            name: asset
            for name, asset in assets.items()
            if asset.kind == of[name][0] and self._visibility.shows(who, asset)
        }

    async def _unused(
        self, who: Principal, sums: Mapping[str, Tally], kinds: Sequence[Kind], limit: int
    ) -> list[AssetUsage]:
        found: list[AssetUsage] = []
        async for _, asset in self._shelf.walk(where={"kind": [*kinds]}):
            if not asset.enabled or not self._visibility.shows(who, asset):
                continue
            tally = sums.get(ref(asset))
            if tally is None or not _total(tally, self._tools_seen(who, asset))[CALLS]:
                found.append(AssetUsage(asset, Figures.of(EMPTY)))
            if len(found) == limit:
                break
        return found

    def _tools_seen(self, who: Principal, asset: AnyAsset) -> Mapping[str, str] | None:
        """The tools that the caller may see, by what they are counted under; None for all there are and were."""
        if self._access.sees(who, asset, EVERY_TOOL) and not isinstance(asset, VirtualServer):
            return None
        part = self._catalog.part(who, asset)
        if isinstance(part, VirtualServer):
            return {f"{tool.server}/{tool.tool}": tool.shown_as for tool in part.tools}
        if isinstance(part, Agent):
            return {skill.id: skill.id for skill in part.skills}
        return {tool.name: tool.name for tool in part.tools} if isinstance(part, Server) else {}

    def _callers_seen(self, who: Principal, tally: Tally) -> dict[str, Counter]:
        if self._access.decide(who, "audit").allowed:
            return tally.callers
        return {name: counter for name, counter in tally.callers.items() if name == who.subject and name != OTHERS}

    def _since(self, days: int) -> datetime:
        return self._clock.now() - timedelta(days=days - 1)


def _weight(view: View, usage: AssetUsage) -> float:
    """What a view puts first the most of."""
    if view == "recent":
        return usage.last.timestamp() if usage.last else 0
    if view == "slow":
        slow = usage.total.within(0.95)
        return (BOUNDS[-1] * 2 if slow is None else slow) + (usage.total.average_ms or 0) / 1e6
    return usage.total.errors if view == "errors" else usage.total.calls


def _seen(tool: str, shown: Mapping[str, str] | None) -> str | None:
    return tool or "others" if shown is None else shown.get(tool)


def _total(tally: Tally, shown: Mapping[str, str] | None) -> Counter:
    total = EMPTY.copy()
    for tool, counter in tally.tools.items():
        if shown is None or tool in shown:
            add(total, counter)
    return total


def _ranked(counters: Mapping[str, Counter]) -> dict[str, Figures]:
    """By calls, the most first."""
    ranked = sorted(counters, key=lambda name: (-counters[name][CALLS], name))
    return {name or "others": Figures.of(counters[name]) for name in ranked}


def _moment(tally: Tally) -> datetime:
    return datetime.fromtimestamp(tally.last, UTC)
