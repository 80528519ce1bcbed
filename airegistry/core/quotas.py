"""Limits of how often and how much at once, as administrators write them, and the counting of calls against them."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from airegistry.core.assets import Model
from airegistry.core.calls import Guarded
from airegistry.core.errors import RateLimited
from airegistry.core.grants import CALLS
from airegistry.core.limits import Bucket, whole_seconds

STREAMS: Final = frozenset({"stream/open", "subscriptions/listen", "tasks/resubscribe"})
"""Methods that open a stream to listen; it counts as one for as long as it is open, and not as a call. `message/stream`
puts an agent to work as any other message does: the form of its answer changes no bound."""

MAX_LIMITS = 500
MAX_METERS = 100_000
"""Callers, assets and tools that are counted at once, over all limits: those unused longest are forgotten."""

MAX_RESOLVED = 50_000
LONG = 3600
"""Seconds from which a limit's count survives a restart."""

MAX_KEPT = 10_000
"""Counts of one limit that survive a restart: those nearest to their end."""

Part = Literal["caller", "asset", "tool"]
Glob = Annotated[str, Field(min_length=1, max_length=512)]
Globs = Annotated[list[Glob], Field(min_length=1, max_length=100)]


class Limit(Model):
    """A limit. Lists are globs; `subjects` match callers, `assets` match `path` or `kind/path`, `tools` match tools,
    prompts, resources (by URI) and skills of agents. Each combination of what `per` names is counted for itself.

    `calls` in `seconds` is a token bucket of `burst` tokens, as many as `calls` unless given. `concurrent` are calls at
    once, `streams` event streams at once. `methods` left out means calls of tools, prompts, resources and completions,
    and every message to an agent.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    subjects: Globs = ["*"]
    assets: Globs = ["*"]
    tools: Globs = ["*"]
    methods: Globs | None = None
    per: list[Part] = ["caller"]
    calls: int | None = Field(default=None, ge=1, le=10**9)
    seconds: float = Field(default=60.0, gt=0, le=366 * 86_400, allow_inf_nan=False)
    burst: int | None = Field(default=None, ge=1, le=10**9)
    concurrent: int | None = Field(default=None, ge=1, le=10**6)
    streams: int | None = Field(default=None, ge=1, le=10**6)
    description: str = Field(default="", max_length=1000)

    @field_validator("assets")
    @classmethod
    def _paths(cls, assets: list[str]) -> list[str]:
        """A path may carry one leading slash, as everywhere."""
        return [asset.removeprefix("/") for asset in assets]

    @model_validator(mode="after")
    def _limits_something(self) -> "Limit":
        if self.calls is None and self.concurrent is None and self.streams is None:
            raise ValueError("a limit has one of calls, concurrent and streams")
        if self.burst is not None and self.calls is None:
            raise ValueError("a burst is of calls: say how many")
        return self

    @property
    def counts_long(self) -> bool:
        """Whether the count survives a restart."""
        return self.calls is not None and self.seconds >= LONG

    def counts(self, method: str, name: str | None, kind: str) -> bool:
        """Whether a message of this method, about this tool, counts against `calls`."""
        if not self.is_about(name):
            return False
        if self.methods is not None:
            return _any(self.methods, method)
        return method in CALLS or (kind == "agent" and method != "card")

    def caps(self, method: str, name: str | None) -> bool:
        """Whether a message of this method, about this tool, takes a place among those that may be under way."""
        return (self.streams if method in STREAMS else self.concurrent) is not None and self.is_about(name)

    def is_about(self, name: str | None) -> bool:
        """Whether it holds for a tool; a message that names none is about all of them."""
        return self.tools == ["*"] or (name is not None and _any(self.tools, name))


Counted = tuple[str, str]
"""What a count is of: the name of a limit, and a combination of what it counts per."""
UnderWay = tuple[int, int]
"""Calls, and streams."""
NONE: Final[UnderWay] = (0, 0)


class Gauge:
    """Calls and streams that are under way, also those of other replicas that share the store."""

    __slots__ = ("_elsewhere", "running", "streaming")

    def __init__(self) -> None:
        self.running = self.streaming = 0
        self._elsewhere = NONE

    def add(self, elsewhere: UnderWay) -> None:
        """Have what is under way elsewhere count, in place of what was there before."""
        self.running += elsewhere[0] - self._elsewhere[0]
        self.streaming += elsewhere[1] - self._elsewhere[1]
        self._elsewhere = elsewhere


class Meter(Gauge):
    """What is counted against one limit for one caller, asset or tool, or a combination of them."""

    __slots__ = ("bucket", "counted", "limit")

    def __init__(self, limit: Limit, counted: Counted, now: float) -> None:
        super().__init__()
        self.limit = limit
        self.counted = counted
        self.bucket = _bucket(limit, now)

    def adopt(self, limit: Limit, now: float) -> None:
        """Go on under a changed limit: what is used up stays so, as far as the new limit knows it."""
        before, self.limit, self.bucket = self.bucket, limit, _bucket(limit, now)
        if before is not None and self.bucket is not None:
            before.wait(now)
            self.bucket.level = max(0.0, self.bucket.burst - (before.burst - before.level))


class Applied:
    """What one sort of request is counted against: buckets to take from, and meters of what is under way."""

    __slots__ = ("capped", "counted", "rated")

    def __init__(self, rated: Sequence[Meter], capped: Sequence[Meter]) -> None:
        self.rated = tuple((meter.bucket, meter.limit) for meter in rated if meter.bucket is not None)
        self.counted = tuple(meter.counted for meter in rated)
        self.capped = capped

    def check(self, now: float, *, stream: bool) -> None:
        """Return when there is a place and a token in each; nothing is taken yet.

        Raises:
            RateLimited: some limit is reached; the message names the one that takes longest.
        """
        for meter in self.capped:
            at_once = meter.limit.streams if stream else meter.limit.concurrent
            if at_once is not None and (meter.streaming if stream else meter.running) >= at_once:
                raise RateLimited(
                    f"limit {meter.limit.name!r}: {at_once} {'streams' if stream else 'calls'} at once",
                    retry_after=1,
                )
        longest, worst = 0.0, None
        for bucket, limit in self.rated:
            wait = bucket.wait(now)
            if wait > longest:
                longest, worst = wait, limit
        if worst is not None:
            raise RateLimited(
                f"limit {worst.name!r}: {worst.calls} calls in {worst.seconds:g} s", retry_after=whole_seconds(longest)
            )

    def take(self, *, stream: bool) -> None:
        """Take a token and a place in each, as `check` said there are."""
        for bucket, _ in self.rated:
            bucket.level -= 1
        for meter in self.capped:
            if stream:
                meter.streaming += 1
            else:
                meter.running += 1

    def give_back(self, *, stream: bool) -> None:
        """Give the places back."""
        for meter in self.capped:
            if stream:
                meter.streaming -= 1
            else:
                meter.running -= 1


class Kept(Model):
    """The counts of one limit as they survive a restart: tokens used by key at a moment."""

    at: datetime
    used: dict[str, float]

    def later(self, limit: Limit, at: datetime, taken: Mapping[str, int]) -> "Kept":
        """The same at another moment, after so many tokens more. Of clocks that differ the fastest is believed."""
        assert limit.calls is not None  # or it counts nothing
        back = max(0.0, (at - self.at).total_seconds()) * limit.calls / limit.seconds
        left = {key: round(used - back, 6) for key, used in self.used.items() if used > back}
        used = {key: left.get(key, 0) + taken.get(key, 0) for key in left.keys() | taken.keys()}
        return Kept(at=max(at, self.at), used=_nearest(used))


class Quotas:
    """Counts against the limits in force. Synchronous; `resolved` answers from memory for what was asked before."""

    def __init__(self) -> None:
        self._limits: dict[str, Limit] = {}
        self._meters: OrderedDict[tuple[str, str], Meter] = OrderedDict()
        self._resolved: dict[tuple[str, str, str, str | None, str, str | None, str | None], Applied] = {}
        self._elsewhere: Mapping[Counted, UnderWay] = {}

    def __bool__(self) -> bool:
        """Whether there are limits at all."""
        return bool(self._limits)

    @property
    def limits(self) -> Mapping[str, Limit]:
        """The limits in force, by name."""
        return self._limits

    def replace(self, limits: Iterable[Limit], now: float) -> None:
        """Put other limits in force; what was counted under a name goes on where `per` is the same."""
        before, self._limits = self._limits, {limit.name: limit for limit in limits}
        self._resolved = {}
        for place, meter in list(self._meters.items()):
            limit = self._limits.get(place[0])
            if limit is None or limit.per != before[place[0]].per:
                del self._meters[place]
            elif limit != meter.limit:
                meter.adopt(limit, now)

    def resolved(
        self, subject: str, asset: Guarded, method: str, name: str | None, via: Guarded | None, now: float,
        shown: str | None = None,
    ) -> Applied:  # fmt: skip
        """What a request is counted against. A limit on a virtual server holds for calls through it too, where the tool
        is `shown`."""
        key = subject, asset.kind, asset.path, None if via is None else via.path, method, name, shown
        found = self._resolved.get(key)
        if found is None:
            if len(self._resolved) >= MAX_RESOLVED:
                self._resolved = {}
            found = self._resolved[key] = self._resolve(
                subject, method, ((asset, name),) if via is None else ((asset, name), (via, shown or name)), now
            )
        return found

    def _resolve(self, subject: str, method: str, called: Sequence[tuple[Guarded, str | None]], now: float) -> Applied:
        """`called` are the asset that is called and what it calls the tool, then the one that it is called through."""
        rated: list[Meter] = []
        capped: list[Meter] = []
        kind = called[0][0].kind
        for limit in self._limits.values():
            if not _any(limit.subjects, subject):
                continue
            for on, name in called:
                counts, caps = limit.counts(method, name, kind), limit.caps(method, name)
                if not (counts or caps) or not _names(limit.assets, on):
                    continue
                meter = self._meter(limit, _meter_key(limit, subject, on, name), now)
                if counts and meter.bucket is not None:
                    rated.append(meter)
                if caps:
                    capped.append(meter)
                break  # a call counts once
        return Applied(rated, tuple(capped))

    def _meter(self, limit: Limit, key: str, now: float) -> Meter:
        place = limit.name, key
        meter = self._meters.get(place)
        if meter is None:
            if len(self._meters) >= MAX_METERS:
                self._forget()
            meter = self._meters[place] = Meter(limit, place, now)
            meter.add(self._elsewhere.get(place, NONE))
        self._meters.move_to_end(place)
        return meter

    def _forget(self) -> None:
        """Drop a tenth of the meters, those resolved longest ago; one that counts what is under way stays."""
        idle = [place for place, meter in self._meters.items() if not meter.running and not meter.streaming]
        for place in idle[: MAX_METERS // 10]:
            del self._meters[place]
        self._resolved = {}  # or a request would go on with a meter that is forgotten

    def take_off(self, counted: Counted, tokens: int, now: float) -> None:
        """Have so many tokens be taken that another replica took; those that were not there are owed."""
        limit = self._limits.get(counted[0])
        if limit is not None and (bucket := self._meter(limit, counted[1], now).bucket) is not None:
            bucket.wait(now)
            bucket.level -= tokens

    def add_elsewhere(self, elsewhere: Mapping[Counted, UnderWay], now: float) -> None:
        """Have what is under way at other replicas count, in place of what was there before."""
        before, self._elsewhere = self._elsewhere, elsewhere
        for name, key in before.keys() | elsewhere.keys():
            limit = self._limits.get(name)
            if limit is not None:
                self._meter(limit, key, now).add(elsewhere.get((name, key), NONE))

    def kept(self, now: float, at: datetime) -> dict[str, Kept]:
        """The counts that survive a restart, by name of the limit; `now` and `at` are the same moment."""
        used: dict[str, dict[str, float]] = {name: {} for name, limit in self._limits.items() if limit.counts_long}
        for (name, key), meter in self._meters.items():
            if name in used and (bucket := meter.bucket) is not None:
                bucket.wait(now)
                if bucket.level < bucket.burst:
                    used[name][key] = round(bucket.burst - bucket.level, 6)
        return {name: Kept(at=at, used=_nearest(found)) for name, found in used.items()}

    def restore(self, name: str, kept: Kept, now: float, at: datetime) -> None:
        """Count on from what was kept, less what the time in between has given back."""
        limit = self._limits.get(name)
        if limit is None or not limit.counts_long:
            return
        passed = max(0.0, (at - kept.at).total_seconds())  # the clock may have been set back since
        for key, used in kept.used.items():
            bucket = self._meter(limit, key, now).bucket
            assert bucket is not None  # a limit that counts long has calls
            bucket.level = max(0.0, min(bucket.burst, bucket.burst - used + passed * bucket.per_second))


def _bucket(limit: Limit, now: float) -> Bucket | None:
    if limit.calls is None:
        return None
    return Bucket(float(limit.burst or limit.calls), limit.calls / limit.seconds, now)


def _nearest(used: Mapping[str, float]) -> dict[str, float]:
    """Of many counts those that are nearest to their end."""
    return dict(sorted(used.items(), key=lambda each: -each[1])[:MAX_KEPT])


def _names(globs: Sequence[str], asset: Guarded) -> bool:
    return _any(globs, asset.path) or _any(globs, f"{asset.kind}/{asset.path}")


def _any(globs: Sequence[str], text: str) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _meter_key(limit: Limit, subject: str, asset: Guarded, name: str | None) -> str:
    """The combination of what `per` names. Subjects and names hold any character: lengths keep them apart."""
    parts = {
        "caller": subject,
        "asset": f"{asset.kind}/{asset.path}",
        "tool": f"{asset.kind}/{asset.path}/{name or ''}",
    }
    return " ".join(f"{len(parts[part])}:{parts[part]}" for part in sorted({*limit.per}))
