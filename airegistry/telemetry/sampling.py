"""Which traces are recorded. It is decided before anything of a span is made."""

import math
import random
import time
from collections.abc import Callable

from opentelemetry.trace import SpanContext

from airegistry.core.telemetry import Sampler

_LOW = (1 << 64) - 1


class Sampling:
    """As the specification of OpenTelemetry has it for `OTEL_TRACES_SAMPLER`; `ratio` is in [0, 1].

    Where a part of the traces is asked for, no more than `most` that begin here are recorded a second: under load
    telemetry costs no more than that.
    """

    def __init__(
        self, name: Sampler, ratio: float, *, most: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        kind = name.removeprefix("parentbased_")
        self._follows = kind != name
        self._ratio = {"always_on": 1.0, "always_off": 0.0}.get(kind, ratio)
        self._most = most
        self._clock = clock
        self._left, self._at = most, clock()
        self._until = self._drawn()

    def begins(self) -> bool:
        """Whether a trace that begins here is recorded."""
        self._until -= 1
        if self._until > 0:
            return False
        self._until = self._drawn()
        return self._ratio >= 1 or self._has_room()

    def _drawn(self) -> float:
        """How many traces until the next one that is meant: drawn at once for all of them, which costs each less."""
        if self._ratio <= 0:
            return math.inf
        if self._ratio >= 1:
            return 1
        return 1 + math.floor(math.log(1 - random.random()) / math.log1p(-self._ratio))  # noqa: S311  # no secret

    def goes_on(self, parent: SpanContext) -> bool:
        """Whether a trace that began elsewhere, or in this process, is recorded."""
        if self._follows or not parent.is_remote:
            return parent.trace_flags.sampled
        return (parent.trace_id & _LOW) < self._ratio * (1 << 64)

    def _has_room(self) -> bool:
        now = self._clock()
        self._left, self._at = min(self._most, self._left + (now - self._at) * self._most), now
        if self._left < 1:
            return False
        self._left -= 1
        return True
