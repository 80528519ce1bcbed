"""Retention, calls that are recorded before they go out, and records that are sent on."""

from collections.abc import Sequence
from datetime import timedelta

import anyio
import pytest

from airegistry.core.audit import Audit
from airegistry.core.audit_calls import CallRules
from airegistry.core.audit_care import Pruned
from airegistry.core.audit_chain import STREAM
from airegistry.core.audit_events import AuditFilter
from airegistry.core.audit_forwarding import GAP, Forwarder
from airegistry.core.audit_reading import Entry
from airegistry.core.errors import AccessDenied, Internal, Invalid, UpstreamFailed
from airegistry.core.principals import SYSTEM, Principal
from tests.core.signed import Place, writes
from tests.core.trails import event
from tests.core.wiring import ANN

pytestmark = pytest.mark.anyio

A_DAY = 86_400


async def aged() -> tuple[Place, Audit]:
    """Five acts of two days ago, and three of now."""
    place = Place()
    audit = await place.process()
    await writes(audit, place.clock, [f"old:{number}" for number in range(5)])
    place.clock.pass_(2 * A_DAY)
    await writes(audit, place.clock, [f"new:{number}" for number in range(3)])
    return place, audit


async def test_pruning_removes_what_is_older_and_leaves_a_trail_that_verifies_and_says_what_is_gone() -> None:
    place, audit = await aged()
    done = await place.care(audit).prune(SYSTEM, place.clock.now() - timedelta(days=1))
    assert (done.records, done.streams) == (5, 1)
    found = await place.verify()
    assert (found.error, found.records, found.writers[0].pruned) == (None, 5, 5)
    page, _ = await audit.query(SYSTEM, AuditFilter())
    assert [each.action for each in page] == ["audit:prune", "new:2", "new:1", "new:0"]
    assert "5 of audit up to 5" in page[0].reason
    await audit.close()
    later = await place.process()
    await writes(later, place.clock, ["after"])
    assert (await place.verify()).error is None


async def test_a_dry_run_counts_what_would_go_and_removes_nothing() -> None:
    place, audit = await aged()
    care, before = place.care(audit), place.clock.now() - timedelta(days=1)
    assert await care.prune(SYSTEM, before, dry_run=True) == Pruned(records=5, streams=1)
    assert await place.writers.checkpoints() == {}
    await audit.settle()
    assert len(await place.records(STREAM)) == 8 + 2
    page, _ = await audit.query(SYSTEM, AuditFilter(), limit=1)
    assert (page[0].action, "5 of audit up to 5" in page[0].reason) == ("audit:prune:preview", True)
    assert await care.prune(SYSTEM, before) == Pruned(records=5, streams=1)
    with pytest.raises(Invalid):
        await care.prune(SYSTEM, place.clock.now(), dry_run=True)


async def test_pruning_goes_on_from_where_it_ended_and_adds_up() -> None:
    place, audit = await aged()
    care = place.care(audit)
    await care.prune(SYSTEM, place.clock.now() - timedelta(days=1))
    place.clock.pass_(2 * A_DAY)
    await writes(audit, place.clock, ["newest"])
    assert (await care.prune(SYSTEM, place.clock.now() - timedelta(days=1))).records == 5
    checkpoint = (await place.writers.checkpoints())[STREAM]
    assert (checkpoint.seq, checkpoint.pruned, checkpoint.by) == (10, 10, "system")
    assert (await place.verify()).error is None


async def test_nobody_but_administrators_prunes_and_nothing_of_the_last_hour() -> None:
    place, audit = await aged()
    auditor = Principal("eve", scopes=frozenset({"auditor"}))
    with pytest.raises(AccessDenied):
        await place.care(audit).prune(auditor, place.clock.now() - timedelta(days=1))
    with pytest.raises(Invalid):
        await place.care(audit).prune(SYSTEM, place.clock.now())
    await audit.settle()
    assert len(await place.records(STREAM)) == 8 + 4


async def test_a_broken_chain_is_not_pruned() -> None:
    place, audit = await aged()
    forged = await place.records(STREAM)
    forged[2]["subject"] = "nobody"
    place.log.forged[STREAM] = forged
    with pytest.raises(Internal, match="record 3 was changed"):
        await place.care(audit).prune(SYSTEM, place.clock.now() - timedelta(days=1))
    del place.log.forged[STREAM]
    await audit.settle()
    assert len(await place.records(STREAM)) == 10


async def test_what_the_settings_find_too_old_goes_by_itself() -> None:
    place, audit = await aged()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place.care(audit, days=1).keep)
        with anyio.fail_after(5):
            while STREAM not in await place.writers.checkpoints():
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert (await place.verify()).error is None


async def test_a_thousand_records_are_signed_at_once() -> None:
    place = Place()
    audit = await place.process()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place.care(audit).run)
        for number in range(1000):
            audit.note(event(f"act:{number}", time=place.clock.now()))
        await audit.settle()
        with anyio.fail_after(5):
            while (await place.writers.heads())[0].seq < 1000:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


def call(audit: Audit, id: str | None) -> None:
    audit.note_call(
        ANN, "tools/call", "server/weather", "forecast", decision="allow", outcome="ok", reason="", started=0.0,
        target=None, data_classification=None, via=None, said=lambda: {"arguments": {"city": "Bern"}}, id=id,
    )  # fmt: skip


async def begin(audit: Audit) -> str | None:
    return await audit.begin_call(
        ANN, "tools/call", "server/weather", "forecast", target=None, data_classification=None, via=None,
        said=lambda: {"arguments": {"city": "Bern", "password": "hunter2"}},
    )  # fmt: skip


async def test_a_durable_call_is_on_disk_before_it_goes_out_and_once_in_a_query() -> None:
    place = Place()
    audit = await place.process(calls=CallRules(durable=True))
    id_ = await begin(audit)
    (begun,) = await place.records(STREAM)
    assert (begun["outcome"], begun["parameters"]) == ("unknown", {"city": "Bern", "password": "***"})
    call(audit, id_)
    page, _ = await audit.query(SYSTEM, AuditFilter())
    assert [(each.id, each.outcome) for each in page] == [(id_, "ok")]


async def test_a_durable_call_that_a_crash_cut_short_has_an_unknown_outcome() -> None:
    place = Place()
    await begin(await place.process(calls=CallRules(durable=True)))
    page, _ = await (await place.process()).query(SYSTEM, AuditFilter())
    assert [(each.action, each.outcome) for each in page] == [("tools/call", "unknown")]


async def test_a_call_in_a_batch_is_not_written_before_it_ends() -> None:
    place = Place()
    audit = await place.process()
    assert await begin(audit) is None
    assert await place.records(STREAM) == []
    call(audit, None)
    await audit.settle()
    assert (await place.records(STREAM))[0]["parameters"] == {"city": "Bern"}


class Collector:
    """Takes records, unless it is down."""

    name = "collector"

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.down = False
        self.lose_answer = False

    async def send(self, entries: Sequence[Entry]) -> None:
        if self.down:
            raise UpstreamFailed("nobody there")
        self.taken += [str(entry.body["action"]) for entry in entries]
        if self.lose_answer:
            raise UpstreamFailed("the answer was lost")


def forwarder(place: Place, audit: Audit, sink: Collector) -> Forwarder:
    assert audit.writers is not None
    return Forwarder(place.log, audit.writers, audit, place.store, sink)


async def test_records_are_sent_on_once_and_in_order_across_restarts() -> None:
    place, sink = Place(), Collector()
    audit = await place.process()
    await writes(audit, place.clock, [f"act:{number}" for number in range(450)])
    await forwarder(place, audit, sink).send_new()
    await audit.close()
    audit = await place.process()
    await writes(audit, place.clock, ["later"])
    again = forwarder(place, audit, sink)
    await again.send_new()
    await again.send_new()
    assert sink.taken == [*(f"act:{number}" for number in range(450)), "later"]


async def test_what_is_not_taken_waits_and_what_may_have_been_is_sent_again() -> None:
    place, sink = Place(), Collector()
    audit = await place.process()
    await writes(audit, place.clock, ["a", "b"])
    sending = forwarder(place, audit, sink)
    sink.down = True
    with pytest.raises(UpstreamFailed):
        await sending.send_new()
    sink.down, sink.lose_answer = False, True
    with pytest.raises(UpstreamFailed):
        await sending.send_new()
    sink.lose_answer = False
    await sending.send_new()
    assert sink.taken == ["a", "b", "a", "b"]


async def test_what_was_pruned_before_it_was_sent_is_told() -> None:
    place, audit = await aged()
    sink = Collector()
    await place.care(audit).prune(SYSTEM, place.clock.now() - timedelta(days=1))
    await forwarder(place, audit, sink).send_new()
    assert sink.taken[:3] == ["new:0", "new:1", "new:2"]
    page, _ = await audit.query(SYSTEM, AuditFilter(action=GAP))
    assert ["records 1 to 5 of audit" in each.reason for each in page] == [True]
