"""Who comes though it is cut off, in the audit trail: at once, and then once in a while with how often it came."""

from collections import OrderedDict
from dataclasses import dataclass

from airegistry.core.audit import Audit
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal

TURNED_AWAY = "quarantine:refuse"
AGAIN_SECONDS = 60.0
"""Between two records of one caller, which may ask thousands of times a second."""
MOST = 1000
"""Callers that are remembered; of one that is forgotten the next request is written down at once."""


@dataclass(slots=True)
class _Seen:
    at: float
    more: int = 0


class TurnedAway:
    """Writes down requests of callers who are cut off."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def note(self, who: Principal, path: str) -> None:
        """A request to a path was refused; never blocks."""
        key, now = (who.subject, who.actor or ""), self._clock.monotonic()
        seen = self._seen.get(key)
        if seen is not None and now - seen.at < AGAIN_SECONDS:
            seen.more += 1
            return
        more = 0 if seen is None else seen.more
        self._seen[key] = _Seen(now)
        self._seen.move_to_end(key)
        while len(self._seen) > MOST:
            self._seen.popitem(last=False)
        acting = f", with {who.actor} acting for it" if who.actor else ""
        counted = f"; {more} more since the record before" if more else ""
        event = self._audit.event(
            who, TURNED_AWAY, f"caller/{who.subject}", None, decision="deny", outcome="refused", target=path,
            reason=f"quarantined: it is cut off by an administrator{acting}{counted}",
        )  # fmt: skip
        self._audit.note(event)
