"""When a source is asked again: after a success, after failures, and while its circuit is open. Pure."""

from datetime import datetime, timedelta

from airegistry.core.errors import AirError, RateLimited
from airegistry.core.source_records import Circuit, SourceRecord, SourceState

FIRST_WAIT = 60.0
"""Seconds after the first failure; each further one doubles them, up to the interval."""
FAILURES = 5
"""Failures in a row that open a source's circuit: from then on it is probed at times that double, too."""
LONGEST_REST = 86_400.0
WHOLE = timedelta(days=1)
"""How long passes over changes alone follow a whole one."""


def next_due(record: SourceRecord, failures: int, error: AirError | None, now: datetime, chance: float) -> datetime:
    """When a source is due after a pass that ended now, with this error, the last of so many in a row; None for none.

    `chance` is evenly spread over [0, 1).
    """
    wait = record.interval
    if failures:
        wait = min(FIRST_WAIT * 2 ** min(failures - 1, 20), record.interval)
    if failures >= FAILURES:
        wait = min(record.interval * 2 ** min(failures - FAILURES, 20), max(LONGEST_REST, record.interval))
    wait *= 1 + record.jitter * (2 * chance - 1)
    if isinstance(error, RateLimited):
        wait = max(wait, min(error.retry_after, LONGEST_REST))
    return now + timedelta(seconds=wait)


def circuit_of(state: SourceState, now: datetime) -> Circuit:
    """How the circuit of a source stands: half open once the next pass, which is the probe, is due."""
    if state.failures < FAILURES:
        return "closed"
    return "open" if state.due is not None and now < state.due else "half_open"


def begins_at(state: SourceState, now: datetime) -> str | None:
    """The mark that the next pass begins with; None for a whole one."""
    recent = state.whole_at is not None and timedelta(0) <= now - state.whole_at < WHOLE
    return state.mark if recent else None


def wait_of(record: SourceRecord, state: SourceState, now: datetime) -> float:
    """Seconds until a source is due. A time that no pass can have set, but by a clock that was wrong, is now."""
    if state.due is None or state.wanted:
        return 0.0
    wait = (state.due - now).total_seconds()
    return wait if wait <= 2 * max(LONGEST_REST, record.interval) else 0.0
