"""Figures in memory: counters, histograms and the like, added up here so that a call costs a microsecond.

The SDK's own instruments cost ten times that. What is added up is sent as cumulative sums, by `encoding`.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from opentelemetry.trace import get_current_span

from airegistry.telemetry.described import METRICS, Metric

OTHER = "other"
"""What attributes say whose values have become too many."""
AT_ONCE = 256
"""Values that are put in their buckets together: one after the other, between other work, takes twice as long."""
SERIES = 20
"""How many times the bound on one attribute's values bounds the series of a metric."""

Key = tuple[str, ...]
Read = Callable[[], float]


class Exemplar(NamedTuple):
    """One value that was seen in a trace."""

    value: float
    at: int
    trace: int
    span: int


class OpenSpans:
    """How many spans are recorded just now. While there are none, as mostly, nobody has to look for one."""

    __slots__ = ("_lock", "count")

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    def change(self, by: int) -> None:
        """One begins, or ends, in whichever thread."""
        with self._lock:
            self.count += by


class Series:
    """What was added up under one set of attributes. `counts` has a place for each bucket and one beyond the last."""

    __slots__ = ("counts", "exemplars", "sum")

    def __init__(self, buckets: int) -> None:
        self.sum: float = 0.0
        self.counts = [0] * (buckets + 1)
        self.exemplars: dict[int, Exemplar] = {}


class Adding:
    """One metric, and what was added up of it. `most` values of each attribute are told apart. Thread-safe."""

    def __init__(self, metric: Metric, most: int, open: OpenSpans) -> None:
        self.metric = metric
        self._open = open
        self.known = frozenset(metric.attributes)
        self._most = most
        self._buckets = metric.buckets
        self._held: dict[Key, Series] = {}
        self._seen: list[tuple[float, Key]] = []
        self._values: list[set[str]] = [set() for _ in metric.attributes]
        self._lock = Lock()

    def add(self, value: float, key: Key = ()) -> None:
        """Add to a sum; `key` has a value, perhaps empty, for each attribute."""
        with self._lock:
            series = self._held.get(key) or self._series(key)
            series.sum += value

    def record(self, value: float, key: Key = ()) -> None:
        """Take a value, and remember in which recorded trace it was seen."""
        seen = self._seen
        seen.append((value, key))
        if len(seen) >= AT_ONCE:
            self._sort()
        if self._open.count:
            self._remember(value, key)

    def at(self, key: Key) -> Series:
        """The place of a set of attributes, for those who add to it from the event loop alone."""
        with self._lock:
            return self._held.get(key) or self._series(key)

    def replace(self, values: Mapping[Key, float]) -> None:
        """Replace all that is known: what is not among the values is gone."""
        with self._lock:
            self._held.clear()
            self._values = [set() for _ in self.metric.attributes]
            for key, value in values.items():
                self._series(key).sum += value  # those beyond the bound are one

    def _sort(self) -> None:
        """Put what was recorded in its buckets."""
        with self._lock:
            number = len(self._seen)
            seen = self._seen[:number]
            del self._seen[:number]  # and not what others recorded meanwhile
            for value, key in seen:
                series = self._held.get(key) or self._series(key)
                series.sum += value
                series.counts[bisect_left(self._buckets, value)] += 1

    def _remember(self, value: float, key: Key) -> None:
        span = get_current_span()
        if span.is_recording():
            seen = span.get_span_context()
            exemplar = Exemplar(value, time.time_ns(), seen.trace_id, seen.span_id)
            self.at(key).exemplars[bisect_left(self._buckets, value)] = exemplar

    def _series(self, key: Key) -> Series:
        """The place of a set of attributes that was not seen yet, or is counted among the others."""
        known = tuple(map(self._bounded, self._values, key))
        if known not in self._held and len(self._held) >= self._most * SERIES:
            known = tuple(OTHER if value else value for value in known)
        return self._held.setdefault(known, Series(len(self._buckets)))

    def _bounded(self, values: set[str], value: str) -> str:
        if value in values:
            return value
        if len(values) >= self._most:
            return OTHER
        values.add(value)
        return value

    def series(self) -> list[tuple[Key, Series]]:
        """What there is, by attributes."""
        self._sort()
        with self._lock:
            return list(self._held.items())


class Figures:
    """All metrics of the table."""

    def __init__(self, most: int, metrics: Sequence[Metric] = METRICS) -> None:
        self.began = time.time_ns()
        self.open = OpenSpans()
        self._adding = {metric.name: Adding(metric, most, self.open) for metric in metrics}
        self._watched: list[tuple[Adding, Callable[[], Mapping[Key, float]]]] = []
        self.strangers: set[str] = set()
        """Names that no table has: what was said under them is not sent. A test sees to it that there are none."""

    def of(self, name: str) -> Adding:
        """A metric of the table, for those who say much of it."""
        return self._adding[name]

    def add(self, name: str, value: float, attributes: Mapping[str, str]) -> None:
        """Add to a counter, or to what goes up and down."""
        if (found := self._found(name, attributes)) is not None:
            found[0].add(value, found[1])

    def record(self, name: str, value: float, attributes: Mapping[str, str]) -> None:
        """Add to a histogram."""
        if (found := self._found(name, attributes)) is not None:
            found[0].record(value, found[1])

    def watch(self, name: str, read: Read) -> None:
        """Have a figure without attributes read whenever the figures are sent: at once, from memory."""
        self.watch_each(name, lambda: {(): read()})

    def watch_each(self, name: str, read: Callable[[], Mapping[Key, float]]) -> None:
        """Have a figure read whenever the figures are sent, for the attributes that there are by then."""
        self._watched.append((self._adding[name], read))

    def look(self) -> None:
        """Read what is watched."""
        for adding, read in self._watched:
            adding.replace(read())

    def __iter__(self) -> Iterator[tuple[Metric, list[tuple[Key, Series]]]]:
        """What was said so far, by metric."""
        for adding in self._adding.values():
            if found := adding.series():
                yield adding.metric, found

    def _found(self, name: str, attributes: Mapping[str, str]) -> tuple[Adding, Key] | None:
        adding = self._adding.get(name)
        if adding is None or not attributes.keys() <= adding.known:
            self.strangers.add(f"{name} {' '.join(sorted(attributes))}".strip())
            return None
        return adding, tuple([attributes.get(each, "") for each in adding.metric.attributes])
