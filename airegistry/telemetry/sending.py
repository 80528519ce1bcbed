"""Figures and spans on their way to a collector: one task, now and then, and once more when the registry stops."""

import logging
from typing import Literal, Protocol

import anyio
from anyio.to_thread import run_sync

from airegistry.core.errors import AirError
from airegistry.telemetry.encoding import metrics_of, spans_of
from airegistry.telemetry.live import Live

AT_ONCE = 512
"""Spans in one message."""
OFTEN = 1.0
"""Seconds between two looks for spans."""
LAST = 3.0
"""Seconds that what is left has to be taken when the registry stops."""
Signal = Literal["traces", "metrics"]
log = logging.getLogger(__name__)


class Collector(Protocol):
    """Takes OTLP messages."""

    async def send(self, signal: Signal, message: bytes) -> None:
        """Hand over a message.

        Raises:
            AirError: it was not taken.
        """
        ...


class Sending:
    """Sends what a registry says of itself; `every` is how often its figures go, in seconds."""

    def __init__(self, live: Live, collector: Collector, *, every: float) -> None:
        self._live = live
        self._collector = collector
        self._every = every
        self._failing = False
        live.figures.watch("airegistry.telemetry.dropped", lambda: live.spans.dropped)

    async def run(self) -> None:
        """Send, until cancelled; then what is left."""
        try:
            due = anyio.current_time() + self._every
            while True:
                await anyio.sleep(min(OFTEN, self._every))
                await self.send_spans()
                if anyio.current_time() >= due:
                    due += self._every
                    await self.send_figures()
        finally:
            with anyio.move_on_after(LAST, shield=True):
                await self.send_spans()
                await self.send_figures()

    async def send_spans(self) -> None:
        """Send the spans that are over. What is not taken is given up: the next ones matter more."""
        while spans := self._live.spans.take(AT_ONCE):
            message = await run_sync(spans_of, spans, self._live.resource)
            if not await self._sent("traces", message):
                self._live.spans.dropped += len(spans)
                return

    async def send_figures(self) -> None:
        """Send the sums of now; what is not taken is in the next ones too."""
        self._live.figures.look()
        message = await run_sync(metrics_of, self._live.figures, self._live.resource)
        await self._sent("metrics", message)

    async def _sent(self, signal: Signal, message: bytes) -> bool:
        try:
            await self._collector.send(signal, message)
        except (AirError, OSError) as error:  # a collector that is away stops nothing
            if not self._failing:
                log.warning("telemetry is not taken now: %s", error)
            self._failing = True
            return False
        if self._failing:
            log.warning("telemetry is taken again")
        self._failing = False
        return True
