"""The trail read back: by whom, in pages, by filters."""

from collections.abc import AsyncIterator

import pytest

from airegistry.core.audit_events import AuditFilter
from airegistry.core.documents import LogRecord, Where
from airegistry.core.errors import AccessDenied, Invalid
from airegistry.core.principals import SYSTEM, Principal
from airegistry.stores.memory import MemoryLog
from tests.core.trails import event, filled, opened
from tests.core.wiring import ANN, NOON

pytestmark = pytest.mark.anyio


class WatchedLog(MemoryLog):
    """A log that counts what is read of it."""

    def __init__(self) -> None:
        super().__init__()
        self.handed_out = 0

    async def read(
        self, stream: str, *, after: int = 0, before: int | None = None, reverse: bool = False,
        where: Where | None = None,
    ) -> AsyncIterator[LogRecord]:  # fmt: skip
        async for record in super().read(stream, after=after, before=before, reverse=reverse, where=where):
            self.handed_out += 1
            yield record


async def test_the_trail_is_read_by_whoever_may_audit_only() -> None:
    audit, _ = await filled()
    with pytest.raises(AccessDenied):
        await audit.query(ANN, AuditFilter())
    auditor = Principal("eve", scopes=frozenset({"auditor"}))
    assert len((await audit.query(auditor, AuditFilter()))[0]) == 5


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 100])
async def test_pages_are_complete_and_repeat_nothing_while_events_go_on(limit: int) -> None:
    audit, _ = await filled(10)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = await audit.query(SYSTEM, AuditFilter(), limit=limit, cursor=cursor)
        seen += [found.action for found in page]
        await audit.record(event("meanwhile"))
        if cursor is None:
            break
    assert seen == [f"act:{number}" for number in reversed(range(10))]


async def test_filters_narrow_across_pages() -> None:
    audit, _ = await filled(10)
    await audit.record(event("act:3"))
    page, cursor = await audit.query(SYSTEM, AuditFilter(action="act:3"), limit=1)
    rest, _ = await audit.query(SYSTEM, AuditFilter(action="act:3"), limit=1, cursor=cursor)
    assert [found.action for found in page + rest] == ["act:3", "act:3"]
    assert page[0].id != rest[0].id


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "²", "9" * 5000])
async def test_a_cursor_of_somebody_elses_is_refused(cursor: str) -> None:
    audit, _ = await filled(1)
    with pytest.raises(Invalid, match="none of this registry's"):
        await audit.query(SYSTEM, AuditFilter(), cursor=cursor)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 2),
        ({"subject": "bob"}, 1),
        ({"asset": "server/weather"}, 1),
        ({"asset": "weather"}, 1),
        ({"asset": "skill/weather"}, 0),
        ({"tool": "forecast"}, 1),
        ({"action": "tools/call"}, 1),
        ({"decision": "deny"}, 1),
        ({"decision": "deny", "subject": "ann"}, 0),
        ({"since": NOON.replace(hour=13)}, 1),
        ({"until": NOON}, 1),
        ({"since": NOON.replace(hour=14)}, 0),
        ({"until": NOON.replace(hour=11)}, 0),
    ],
)
async def test_events_are_found_by_each_filter(wanted: dict[str, object], count: int) -> None:
    audit = opened(MemoryLog())
    await audit.record(event())
    call = {"kind": "server", "asset": "weather", "tool": "forecast", "subject": "bob", "decision": "deny"}
    await audit.record(event("tools/call", time=NOON.replace(hour=13), **call))
    found, _ = await audit.query(SYSTEM, AuditFilter.model_validate(wanted))
    assert len(found) == count


async def test_a_query_since_a_moment_survives_a_clock_that_went_back_an_hour() -> None:
    audit = opened(MemoryLog())
    for action, time in (
        ("early", NOON.replace(hour=10)),
        ("asked for", NOON.replace(hour=12, minute=10)),
        ("at the turn", NOON.replace(hour=12, minute=50)),
        ("after it went back", NOON.replace(hour=11, minute=50)),
        ("asked for too", NOON.replace(hour=12, minute=5)),
        ("last", NOON.replace(hour=11, minute=10)),
    ):
        await audit.record(event(action, time=time))
    found, _ = await audit.query(SYSTEM, AuditFilter(since=NOON))
    assert [each.action for each in found] == ["asked for too", "at the turn", "asked for"]


async def test_a_query_since_a_moment_does_not_read_what_is_long_before_it() -> None:
    log = WatchedLog()
    audit = opened(log)
    for hour in range(12):
        await audit.record(event(f"at {hour}", time=NOON.replace(hour=hour)))
    found, cursor = await audit.query(SYSTEM, AuditFilter(since=NOON.replace(hour=10)))
    assert ([each.action for each in found], cursor) == (["at 11", "at 10"], None)
    assert log.handed_out < 6


async def test_an_asset_is_asked_for_by_path_with_or_without_slash_or_kind() -> None:
    audit = opened(MemoryLog())
    async with audit.attempt(SYSTEM, "server:register", "server/weather"):
        pass
    for spelling in ("weather", "/weather", "server/weather"):
        found, _ = await audit.query(SYSTEM, AuditFilter(asset=spelling))
        assert [each.action for each in found] == ["server:register"], spelling
