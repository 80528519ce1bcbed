"""Metrics and the clock. Names are OpenTelemetry's; without an SDK configured every instrument costs a no-op."""

import time
from datetime import UTC, datetime

from opentelemetry import metrics


class Meter:
    """The core's `Telemetry` port over OpenTelemetry's metrics API."""

    def __init__(self) -> None:
        self._meter = metrics.get_meter("airegistry")
        self._counters: dict[str, metrics.Counter] = {}
        self._histograms: dict[str, metrics.Histogram] = {}

    def count(self, name: str, value: int = 1, **attributes: str) -> None:
        """Add to a counter."""
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self._meter.create_counter(name)
        counter.add(value, attributes)

    def record(self, name: str, value: float, **attributes: str) -> None:
        """Add seconds to a histogram."""
        histogram = self._histograms.get(name)
        if histogram is None:
            histogram = self._histograms[name] = self._meter.create_histogram(name, unit="s")
        histogram.record(value, attributes)


class SystemClock:
    """The core's `Clock` port over this machine's clocks."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()
