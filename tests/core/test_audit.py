"""The trail: chained, in one order, never losing a link."""

from collections.abc import AsyncIterator, Sequence

import anyio
import pytest

from airegistry.core import audit as audit_module
from airegistry.core import audit_chain as trail
from airegistry.core.audit_chain import verify
from airegistry.core.audit_events import AuditFilter
from airegistry.core.documents import Json, LogRecord, Where
from airegistry.core.errors import AccessDenied, AirError, Conflict, Internal, NotFound
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryLog
from tests.core.trails import event, filled, opened, records_of
from tests.core.wiring import ANN

pytestmark = pytest.mark.anyio


class FailingLog(MemoryLog):
    """A log on a disk that is full as long as `error` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.tried = anyio.Event()
        self.wrote = anyio.Event()

    async def append(self, stream: str, records: Sequence[Json]) -> int:
        if self.error is not None:
            self.tried.set()
            raise self.error
        last = await super().append(stream, records)
        self.wrote.set()
        return last


class TamperedLog(MemoryLog):
    """The records of another log, as somebody with access to the disk left them."""

    def __init__(self, records: Sequence[Json]) -> None:
        super().__init__()
        self._records = records

    async def read(
        self, stream: str, *, after: int = 0, before: int | None = None, reverse: bool = False,
        where: Where | None = None,
    ) -> AsyncIterator[LogRecord]:  # fmt: skip
        for number, record in enumerate(self._records, start=1):
            yield LogRecord(number, record)


async def test_records_are_linked_and_hold() -> None:
    audit, log = await filled()
    records = await records_of(log)
    assert records[0]["previous"] == trail.GENESIS
    assert [record["previous"] for record in records[1:]] == [record["hash"] for record in records[:-1]]
    assert await audit.verify() == trail.Verification(5)


async def test_a_changed_record_is_found() -> None:
    _, log = await filled()
    records = await records_of(log)
    records[2]["subject"] = "somebody else"
    found = await verify(TamperedLog(records))
    assert found == trail.Verification(2, "record 3 was changed after it was written")


@pytest.mark.parametrize("order", [[0, 1, 3, 4], [0, 2, 1, 3, 4], [1, 2, 3, 4], [0, 0, 1, 2]])
async def test_removed_reordered_and_repeated_records_are_found(order: list[int]) -> None:
    _, log = await filled()
    records = await records_of(log)
    found = await verify(TamperedLog([records[number] for number in order]))
    assert "does not follow" in (found.error or "")


async def test_a_record_without_its_hash_is_found() -> None:
    _, log = await filled(1)
    records = await records_of(log)
    del records[0]["hash"]
    assert (await verify(TamperedLog(records))).error is not None


async def test_a_reopened_trail_continues_the_chain() -> None:
    _, log = await filled()
    later = opened(log)
    await later.open()
    await later.record(event("later"))
    assert await later.verify() == trail.Verification(6)


async def test_an_empty_trail_opens_at_its_beginning() -> None:
    audit = opened(MemoryLog())
    await audit.open()
    assert await audit.verify() == trail.Verification(0)


async def test_what_is_recorded_is_durable_at_once_and_what_is_noted_when_the_drain_comes_by() -> None:
    log = MemoryLog()
    audit = opened(log)
    await audit.record(event("recorded"))
    audit.note(event("noted"))
    assert [record["action"] for record in await records_of(log)] == ["recorded"]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        with anyio.fail_after(5):
            while len(await records_of(log)) < 2:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_concurrent_records_and_notes_make_one_whole_chain() -> None:
    log = MemoryLog()
    audit = opened(log)

    async def write(number: int) -> None:
        audit.note(event(f"note:{number}"))
        await audit.record(event(f"record:{number}"))
        audit.note(event(f"late:{number}"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        async with anyio.create_task_group() as writers:
            for number in range(50):
                writers.start_soon(write, number)
        tasks.cancel_scope.cancel()
    assert await audit.verify() == trail.Verification(150)
    order = [str(record["action"]) for record in await records_of(log)]
    for number in range(50):
        assert order.index(f"note:{number}") < order.index(f"record:{number}") < order.index(f"late:{number}")


async def test_the_drain_writes_what_is_left_when_it_is_cancelled() -> None:
    log = MemoryLog()
    audit = opened(log)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        await anyio.lowlevel.checkpoint()
        audit.note(event())
        tasks.cancel_scope.cancel()
    assert len(await records_of(log)) == 1


@pytest.mark.parametrize("error", [OSError("disk full"), Conflict("no"), RuntimeError("a driver's own")])
async def test_a_failing_log_loses_no_event_and_keeps_the_chain_whole(error: Exception) -> None:
    log = FailingLog()
    audit = opened(log)
    await audit.record(event("before"))
    log.error = error
    audit.note(event("noted"))
    with pytest.raises(RuntimeError if isinstance(error, RuntimeError) else Internal):
        await audit.record(event("recorded"))
    with pytest.raises(Internal):
        audit.check_writable()
    log.error = None
    await audit.record(event("after"))
    assert [record["action"] for record in await records_of(log)] == ["before", "noted", "recorded", "after"]
    assert (await audit.verify()).error is None


async def test_the_drain_tries_again_by_itself_after_a_failure() -> None:
    log = FailingLog()
    audit = opened(log)
    log.error = OSError("disk full")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        with pytest.raises(Internal, match="cannot be written"):
            await audit.record(event("recorded"))
        log.tried = anyio.Event()
        with anyio.fail_after(5):
            await log.tried.wait()
        log.error = None
        with anyio.fail_after(5):
            await log.wrote.wait()
        tasks.cancel_scope.cancel()
    assert (await audit.verify()) == trail.Verification(1)


async def test_an_event_whose_recorder_is_cancelled_is_written_all_the_same() -> None:
    log = MemoryLog()
    audit = opened(log)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await audit.record(event())
        with anyio.fail_after(5):
            while not await records_of(log):
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_no_act_goes_on_while_too_many_events_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "MAX_BACKLOG", 3)
    log = FailingLog()
    audit = opened(log)
    log.error = OSError("disk full")
    for _ in range(3):
        audit.note(event())
    with pytest.raises(Internal, match="cannot be written"):
        audit.check_writable()
    with pytest.raises(Internal):
        async with audit.attempt(ANN, "server:register", "server/weather"):
            raise AssertionError("the act must not begin")
    log.error = None
    await audit.settle()
    assert await audit.verify() == trail.Verification(4)


@pytest.mark.parametrize(
    ("error", "decision", "outcome"),
    [
        (None, "allow", "ok"),
        (AccessDenied("no"), "deny", "refused"),
        (NotFound("none"), "deny", "refused"),
        (Conflict("taken"), "allow", "failed"),
        (RuntimeError("a fault of ours"), "allow", "failed"),
    ],
)
async def test_an_attempt_is_recorded_whichever_way_it_ends(
    error: Exception | None, decision: str, outcome: str
) -> None:
    audit = opened(MemoryLog())

    async def act() -> None:
        async with audit.attempt(ANN, "server:register", "server/weather") as attempt:
            attempt.reason, attempt.tool, attempt.target = "because", "forecast", "https://weather.test"
            if error is not None:
                raise error

    if error is None:
        await act()
    else:
        with pytest.raises(type(error)):
            await act()
    (found,), _ = await audit.query(SYSTEM, AuditFilter())
    assert (found.decision, found.outcome) == (decision, outcome)
    assert (found.kind, found.asset, found.tool) == ("server", "weather", "forecast")
    reason = f"{error.code}: {error.message}" if isinstance(error, AirError) else "because"
    assert (found.reason, found.target, found.latency_ms) == (reason, "https://weather.test", 0)


async def test_a_cancelled_attempt_is_recorded_as_such() -> None:
    audit = opened(MemoryLog())
    with anyio.CancelScope() as scope:
        async with audit.attempt(ANN, "server:refresh", None):
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    (found,), _ = await audit.query(SYSTEM, AuditFilter())
    assert (found.outcome, found.asset) == ("cancelled", None)


async def test_overlong_and_broken_names_are_taken_down_in_short() -> None:
    audit = opened(MemoryLog())
    long = "\ud800" + "y" * 10**6
    audit.note(audit.event(ANN, long, f"server/{long}", long, decision="deny", outcome="refused", target=long))
    (found,), _ = await audit.query(SYSTEM, AuditFilter())
    short = "?" + "y" * 299
    assert (found.action, found.asset, found.tool, found.target) == (short, short, short, "?" + "y" * 1999)


async def test_reading_a_long_trail_leaves_others_their_turn() -> None:
    audit, _ = await filled(3 * trail.PAUSE)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(others)
        await audit.query(SYSTEM, AuditFilter(subject="nobody"))
        assert turns >= 3
        await audit.verify()
        assert turns >= 6
        tasks.cancel_scope.cancel()


async def test_an_act_is_recorded_before_it_begins() -> None:
    log = MemoryLog()
    audit = opened(log)
    async with audit.attempt(ANN, "server:register", "server/weather"):
        begun = (await records_of(log))[-1]
    assert (begun["outcome"], begun["asset"]) == ("unknown", "weather")
    ended = (await records_of(log))[-1]
    assert (ended["id"], ended["outcome"]) == (begun["id"], "ok")


async def test_an_act_that_cannot_be_recorded_is_not_done() -> None:
    log = FailingLog()
    audit = opened(log)
    log.error = OSError("disk full")
    with pytest.raises(Internal):
        async with audit.attempt(ANN, "server:register", "server/weather"):
            raise AssertionError("the act must not begin")
    log.error = None
    await audit.settle()
    assert [record["outcome"] for record in await records_of(log)] == ["unknown", "failed"]


async def test_an_act_whose_outcome_cannot_be_recorded_is_acknowledged_and_recorded_later() -> None:
    log = FailingLog()
    audit = opened(log)
    async with audit.attempt(ANN, "server:register", "server/weather"):
        log.error = OSError("disk full")
    log.error = None
    await audit.settle()
    assert [record["outcome"] for record in await records_of(log)] == ["unknown", "ok"]


async def test_a_query_shows_an_act_once_on_whichever_page_its_end_stands() -> None:
    audit = opened(MemoryLog())
    async with audit.attempt(SYSTEM, "server:register", "server/weather"):
        await audit.record(event("between"))
    actions: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = await audit.query(SYSTEM, AuditFilter(), limit=1, cursor=cursor)
        actions += [each.action for each in page]
        if cursor is None:
            break
    assert actions == ["server:register", "between"]


async def test_a_query_shows_an_act_that_a_crash_cut_short_as_unknown() -> None:
    log = MemoryLog()
    cut = opened(log).attempt(SYSTEM, "server:delete", "server/weather")
    await cut.__aenter__()
    reopened = opened(log)
    await reopened.open()
    page, _ = await reopened.query(SYSTEM, AuditFilter())
    assert [(each.action, each.outcome, each.decision) for each in page] == [("server:delete", "unknown", "unknown")]
