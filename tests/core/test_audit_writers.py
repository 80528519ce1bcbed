"""Several writers over one store: who goes on where, and how their records are read as one trail."""

from datetime import timedelta

import pytest

from airegistry.core.audit import Audit
from airegistry.core.audit_chain import STREAM
from airegistry.core.audit_events import AuditFilter
from airegistry.core.audit_opening import DEAD_AFTER
from airegistry.core.principals import SYSTEM
from tests.core.signed import Place, writes
from tests.core.trails import event

pytestmark = pytest.mark.anyio


async def all_pages(audit: Audit, wanted: AuditFilter, limit: int) -> list[str]:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = await audit.query(SYSTEM, wanted, limit=limit, cursor=cursor)
        seen += [found.action for found in page]
        if cursor is None:
            return seen


async def test_a_process_with_a_store_of_its_own_goes_on_with_the_stream_of_the_one_before() -> None:
    place = Place()
    for run in range(4):
        audit = await place.process()
        await writes(audit, place.clock, [f"act:{run}"])
        await audit.close()
    assert await place.log.streams() == [STREAM]
    found = await place.verify()
    assert (found.records, found.error, len(found.writers)) == (4, None, 1)
    assert (found.writers[0].last, found.writers[0].signed) == (4, 4)


async def test_a_process_that_was_killed_loses_nothing_that_was_durable() -> None:
    place = Place()
    killed = await place.process()
    await writes(killed, place.clock, ["a", "b"])
    later = await place.process()
    await writes(later, place.clock, ["c"])
    await later.close()
    found = await place.verify()
    assert (found.records, found.error) == (3, None)


async def test_a_trail_of_before_streams_had_writers_is_read_signed_and_continued() -> None:
    place = Place()
    old = Audit(place.log, place.access, place.clock)
    await old.open()
    await writes(old, place.clock, ["before:1", "before:2"])
    assert (await place.verify()).writers == ()
    audit = await place.process()
    await writes(audit, place.clock, ["after"])
    await audit.close()
    assert await all_pages(audit, AuditFilter(), 2) == ["after", "before:2", "before:1"]
    found = await place.verify()
    assert (found.records, found.error, found.writers[0].signed) == (3, None, 3)


async def test_an_older_trail_in_a_store_that_is_shared_becomes_a_closed_stream_beside_the_new_ones() -> None:
    place = Place()
    old = Audit(place.log, place.access, place.clock)
    await writes(old, place.clock, ["before"])
    audit = await place.process(shared=True)
    await writes(audit, place.clock, ["after"])
    assert await all_pages(audit, AuditFilter(), 5) == ["after", "before"]
    assert [head.closed for head in await place.writers.heads()] == [True, False]
    assert (await place.verify()).error is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_over_several_writers_are_in_order_of_time_complete_and_repeat_nothing(limit: int) -> None:
    place = Place()
    audits = [await place.process(shared=True) for _ in range(3)]
    for number in range(9):
        await writes(audits[number * 2 % 3], place.clock, [f"act:{number}"])
    expected = [f"act:{number}" for number in reversed(range(9))]
    assert await all_pages(audits[0], AuditFilter(), limit) == expected
    care, cursor, seen = place.care(audits[1]), None, list[object]()
    while True:
        page = await care.export(SYSTEM, AuditFilter(), limit=limit, cursor=cursor)
        seen += [entry.body["action"] for entry in page.entries]
        cursor = page.cursor
        if not page.more:
            break
    assert seen == expected[::-1]
    await writes(audits[2], place.clock, ["later"])
    more = await care.export(SYSTEM, AuditFilter(), limit=limit, cursor=cursor)
    assert [entry.body["action"] for entry in more.entries] == ["later"]


async def test_records_of_one_moment_keep_the_order_of_their_writers() -> None:
    place = Place()
    first, second = await place.process(shared=True), await place.process(shared=True)
    for audit, name in ((second, "second:1"), (first, "first:1"), (second, "second:2"), (first, "first:2")):
        await audit.record(event(name, time=place.clock.now()))
    page = await place.care(first).export(SYSTEM, AuditFilter())
    assert [entry.body["action"] for entry in page.entries] == ["first:1", "first:2", "second:1", "second:2"]
    assert await all_pages(first, AuditFilter(), 1) == ["second:2", "second:1", "first:2", "first:1"]


async def test_a_page_does_not_touch_the_streams_of_writers_long_gone() -> None:
    place = Place()
    for day in range(50):
        gone = await place.process(shared=True)
        await writes(gone, place.clock, [f"day:{day}"])
        await gone.close()
        place.clock.pass_(86_400)
    audit = await place.process(shared=True)
    await writes(audit, place.clock, ["now:1", "now:2"])
    place.log.touched.clear()
    page, cursor = await audit.query(SYSTEM, AuditFilter(), limit=3)
    assert [each.action for each in page] == ["now:2", "now:1", "day:49"]
    assert len(place.log.touched) <= 3
    page, _ = await audit.query(SYSTEM, AuditFilter(), limit=2, cursor=cursor)
    assert [each.action for each in page] == ["day:48", "day:47"]
    place.log.touched.clear()
    noon = place.clock.now() - timedelta(days=40)
    page, _ = await audit.query(SYSTEM, AuditFilter(since=noon - timedelta(days=2), until=noon))
    assert len(page) == 2
    assert len(place.log.touched) <= 4


async def test_a_rare_event_of_a_span_of_time_is_found_without_reading_the_rest() -> None:
    place = Place()
    audit = await place.process()
    for number in range(5000):
        place.clock.pass_(60)
        audit.note(event("rare" if number == 2500 else "often", time=place.clock.now(), subject=f"s{number}"))
    await audit.settle()
    middle = place.clock.now() - timedelta(seconds=2500 * 60)
    place.log.handed_out = 0
    wanted = AuditFilter(since=middle - timedelta(hours=3), until=middle + timedelta(hours=3), action="rare")
    page, cursor = await audit.query(SYSTEM, wanted)
    assert ([each.subject for each in page], cursor) == (["s2500"], None)
    assert place.log.handed_out < 50


async def test_the_stream_of_a_process_that_died_is_signed_and_closed_by_another() -> None:
    place = Place()
    dead = await place.process(shared=True)
    await writes(dead, place.clock, ["a", "b"])
    audit = await place.process(shared=True)
    await audit.close_for_the_dead()
    assert [(head.seq, head.closed) for head in await place.writers.heads()] == [(0, False), (0, False)]
    place.clock.pass_(DEAD_AFTER.total_seconds() + 1)
    await audit.close_for_the_dead()
    assert [(head.seq, head.closed) for head in await place.writers.heads()] == [(2, True), (0, False)]
    await writes(dead, place.clock, ["it only slept"])
    await dead.sign()
    assert [(head.seq, head.closed) for head in await place.writers.heads()] == [(3, False), (0, False)]
    assert (await place.verify()).error is None


async def test_two_processes_that_begin_at_once_have_a_stream_and_a_number_each() -> None:
    place = Place()
    one, other = Place(place.store, place.log, place.clock, place.cipher), place
    first, second = await one.process(shared=True), await other.process(shared=True)
    await writes(first, place.clock, ["a"])
    await writes(second, place.clock, ["b"])
    heads = await place.writers.heads()
    assert [head.number for head in heads] == [1, 2]
    assert len({head.stream for head in heads}) == 2
