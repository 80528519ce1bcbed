"""Acts of administration, as they pass the audit trail: registrations, tokens, passes over sources and all others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from airegistry.core.audit import Attempt, Audit
from airegistry.core.audit_events import UNKNOWN, AuditEvent
from airegistry.core.errors import AirError
from airegistry.core.principals import Principal
from airegistry.core.telemetry import Span, Telemetry

ALONE = frozenset(("client:authenticate",))
"""Acts that are noted by themselves, without an attempt at them."""
MINTS = frozenset("token:create token:vend token:mint token:refresh token:exchange".split())


class WatchedAudit(Audit):
    """The audit trail; each attempt at an act is a span and is counted."""

    telemetry: Telemetry

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""
        return len(self._pending) + len(self._unwritten)

    async def record(self, event: AuditEvent) -> None:
        """See `Audit`. Logins are recorded when it is known how they ended."""
        await super().record(event)
        if event.outcome != UNKNOWN:
            self._told(event.action, event.outcome)

    def note(self, event: AuditEvent) -> None:
        """See `Audit`."""
        super().note(event)
        if event.action in ALONE:
            self._told(event.action, event.outcome)

    @asynccontextmanager
    async def attempt(
        self, who: Principal, action: str, asset: str | None, tool: str | None = None
    ) -> AsyncIterator[Attempt]:
        """See `Audit`."""
        with self.telemetry.span(action, {"airegistry.act": action}) as span:
            try:
                async with super().attempt(who, action, asset, tool) as attempt:
                    yield attempt
            except AirError as error:
                self._count(span, action, error.code)
                raise
            except anyio.get_cancelled_exc_class():
                self._count(span, action, "cancelled")
                raise
            self._count(span, action, "ok")

    def _count(self, span: Span, action: str, outcome: str) -> None:
        span.set({"airegistry.outcome": outcome})
        self._told(action, outcome)

    def _told(self, action: str, outcome: str) -> None:
        self.telemetry.count("airegistry.acts", act=action, outcome=outcome)
        if action in MINTS and outcome == "ok":
            self.telemetry.count("airegistry.tokens.minted", act=action)
