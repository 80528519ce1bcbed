"""Figures in memory: counters, histograms and the like, added up here so that a call costs a microsecond.

The SDK's own instruments cost ten times that. What is added up is sent as cumulative sums, by `encoding`.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from opentelemetry.context import Context, get_current
from opentelemetry.trace import get_current_span

from airegistry.telemetry.described import METRICS, Metric

OTHER = "other"
"""What attributes say whose values have become too many."""
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


class Series:
    """What was added up under one set of attributes. `counts` has a place for each bucket and one beyond the last."""

    __slots__ = ("counts", "exemplars", "sum")

    def __init__(self, buckets: int) -> None:
        self.sum: float = 0.0
        self.counts = [0] * (buckets + 1)
        self.exemplars: dict[int, Exemplar] = {}


class Adding:
    """One metric, and what was added up of it. `most` values of each attribute are told apart. Thread-safe."""

    def __init__(self, metric: Metric, most: int) -> None:
        self.metric = metric
        self.known = frozenset(metric.attributes)
        self._most = most
        self._buckets = metric.buckets
        self._held: dict[Key, Series] = {}
        self._values: list[set[str]] = [set() for _ in metric.attributes]
        self._lock = Lock()

    def add(self, value: float, key: Key = ()) -> None:
        """Add to a sum; `key` has a value, perhaps empty, for each attribute."""
        with self._lock:
            series = self._held.get(key) or self._series(key)
            series.sum += value

    def record(self, value: float, key: Key = ()) -> None:
        """Put a value in its bucket, and remember in which recorded trace it was seen."""
        with self._lock:
            series = self._held.get(key) or self._series(key)
            series.sum += value
            series.counts[bisect_left(self._buckets, value)] += 1
        if present := get_current():  # it is empty outside of traces, which most work is
            self._remember(series, value, present)

    def at(self, key: Key) -> Series:
        """The place of a set of attributes, for those who add to it from the event loop alone."""
        with self._lock:
            return self._held.get(key) or self._series(key)

    def put(self, value: float, key: Key = ()) -> None:
        """Replace what is known."""
        with self._lock:
            (self._held.get(key) or self._series(key)).sum = value

    def _remember(self, series: Series, value: float, present: Context) -> None:
        span = get_current_span(present)
        if span.is_recording():
            seen = span.get_span_context()
            exemplar = Exemplar(value, time.time_ns(), seen.trace_id, seen.span_id)
            series.exemplars[bisect_left(self._buckets, value)] = exemplar

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
        with self._lock:
            return list(self._held.items())


class Figures:
    """All metrics of the table."""

    def __init__(self, most: int, metrics: Sequence[Metric] = METRICS) -> None:
        self.began = time.time_ns()
        self._adding = {metric.name: Adding(metric, most) for metric in metrics}
        self._gauges: list[tuple[str, Key, Read]] = []
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

    def watch(self, name: str, read: Read, attributes: Mapping[str, str]) -> None:
        """Have a gauge read whenever the figures are sent."""
        if (found := self._found(name, attributes)) is not None:
            self._gauges.append((name, found[1], read))

    def look(self) -> None:
        """Read the gauges."""
        for name, key, read in self._gauges:
            self._adding[name].put(read(), key)

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
