"""Requests for approval: what an approval is good for, who decides, and what is shown; whatever the order of events."""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from airegistry.core.approvals import Approvals
from airegistry.core.assets import Json, Server
from airegistry.core.errors import AccessDenied, AirError, ApprovalRequired, Conflict, NotFound, RateLimited
from airegistry.core.grants import Grant
from airegistry.core.pleas import Mark, Matter, Plea, Unapproved, Verdict
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shown_arguments import BUDGET, MASKED, shown
from airegistry.core.telemetry import NoTelemetry
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import World, build
from tests.support.rounds import examples

pytestmark = pytest.mark.anyio
ROBOT = Principal("token:robot", "machine", "ci")
BOB = Principal("user:bob", "person", "browser")


class Told(Plea):
    """A caller with these params, who counts what it is told, and answers forms with `verdict`."""

    verdict: Verdict | None = None
    told = 0

    @property
    def can_ask(self) -> bool:
        return self.verdict is not None

    async def ask(self, id: str, question: str) -> Verdict:
        assert self.verdict is not None
        return self.verdict

    async def waiting(self, id: str, times: int) -> None:
        self.told += 1


def plea(who: Principal = ROBOT, **arguments: Any) -> Told:
    return Told(lambda: {"name": "wipe", "arguments": arguments}, lambda: who)


def matter(server: Server, who: Principal = ROBOT) -> Matter:
    return Matter(who, server, "wipe", "tools/call", (Mark(server, "wipe"),), Mark(server, "wipe"))


async def risky(world: World) -> Server:
    made = await world.put_server("risky", ["wipe"], requires_approval=["wipe"])
    assert isinstance(made, Server)
    return made


async def approver(world: World) -> Principal:
    return await world.holding(Grant(actions=["approve"]), who=BOB, name="approving")


async def asked(world: World, server: Server, who: Principal = ROBOT, **arguments: Any) -> str:
    """The id of a request that was not answered in time."""
    with pytest.raises(ApprovalRequired) as caught:
        await world.services.approvals.obtain(Unapproved(matter(server, who)), plea(who, **arguments))
    return str(caught.value.details()["id"])


async def test_an_approval_is_over_after_its_validity() -> None:
    world = await build()
    server, bob = await risky(world), await approver(world)
    approvals = world.services.approvals
    first = await asked(world, server, what=1)
    world.clock.pass_(1)
    second = await asked(world, server, what=2)
    await approvals.decide(bob, first, "approve")
    world.clock.pass_(601)
    with pytest.raises(Conflict, match="expired"):
        await approvals.decide(bob, second, "approve")
    again = await asked(world, server, what=1)
    assert again != first
    await approvals.sweep()
    found, _ = await approvals.list(bob, status="expired")
    assert [each.id for each in found] == [first, second]
    events = await world.events(action="approval:expire")
    assert [event.reason.split()[0] for event in reversed(events)] == [first, second]
    world.clock.pass_(8 * 86_400)
    await approvals.sweep()
    assert {each.id for each in (await approvals.list(bob, status=None))[0]} == {again}


async def test_what_was_decided_and_what_waits_survives_a_restart() -> None:
    store = MemoryStore()
    world = await build(store=store)
    server, bob = await risky(world), await approver(world)
    approved, pending = await asked(world, server, what=1), await asked(world, server, what=2)
    await world.services.approvals.decide(bob, approved, "approve")
    later = await build(store=store)
    found = await later.shelf.get("server", "risky")
    assert found is not None
    assert isinstance(found[0], Server)
    said = plea(what=1)
    await later.services.approvals.obtain(Unapproved(matter(found[0])), said)
    assert said.ticket is not None
    assert said.ticket.id == approved
    assert await asked(later, found[0], what=2) == pending


async def test_an_asset_that_was_registered_anew_is_another() -> None:
    world = await build()
    server, bob = await risky(world), await approver(world)
    id = await asked(world, server, what=1)
    await world.services.approvals.decide(bob, id, "approve")
    await world.services.catalog.delete(SYSTEM, "server", "risky")
    world.clock.pass_(1)
    assert await asked(world, await risky(world), what=1) != id


async def test_of_a_request_only_who_made_it_and_who_may_decide_learn() -> None:
    world = await build()
    server = await risky(world)
    id = await asked(world, server)
    eve = Principal("user:eve", "person")
    with pytest.raises(NotFound):
        await world.services.approvals.decide(eve, id, "refuse")
    assert await world.services.approvals.list(eve) == ([], None)
    assert len((await world.services.approvals.list(ROBOT))[0]) == 1
    with pytest.raises(NotFound):
        await world.services.approvals.decide(BOB, "none", "refuse")


async def test_pages_of_requests_follow_each_other() -> None:
    world = await build(approval_seconds=0.001)
    server, bob = await risky(world), await approver(world)
    ids = []
    for number in range(5):
        ids.append(await asked(world, server, what=number))
        world.clock.pass_(1)
    first, cursor = await world.services.approvals.list(bob, limit=3)
    rest, end = await world.services.approvals.list(bob, limit=3, cursor=cursor)
    assert [each.id for each in (*first, *rest)] == ids
    assert end is None


async def test_forms_that_nobody_answers_give_way_and_calls_in_the_queue_do_not() -> None:
    world = await build(approval_seconds=0.001)
    server = await risky(world)
    approvals = world.services.approvals
    ann = Principal("user:ann", "person")
    for number in range(25):
        said = Forms(partial(words, number), lambda: ann)
        with pytest.raises(ApprovalRequired):
            await approvals.obtain(Unapproved(matter(server, ann)), said)
    assert len((await approvals.list(SYSTEM))[0]) == 20
    for number in range(20):
        await asked(world, server, what=number)
    with pytest.raises(RateLimited):
        await approvals.obtain(Unapproved(matter(server)), plea(what="more"))


def words(number: int) -> Json:
    return {"name": "wipe", "arguments": {"what": number}}


class Forms(Plea):
    """A caller of the modern era that never comes back."""

    @property
    def can_ask(self) -> bool:
        return True


@pytest.mark.parametrize(("who", "channel"), [
    (Principal("user:ann", "person"), "client"), (Principal("user:ann", "person", actor="agent"), "queue"),
    (ROBOT, "queue"), (SYSTEM, "queue"),
])  # fmt: skip
async def test_only_a_person_that_nobody_acts_for_is_asked_in_its_client(who: Principal, channel: str) -> None:
    world = await build()
    server = await risky(world)
    said = plea(who)
    said.verdict = "decline"
    with pytest.raises(ApprovalRequired):
        await world.services.approvals.obtain(Unapproved(matter(server, who)), said)
    ((request,), _) = await world.services.approvals.list(SYSTEM, status=None)
    assert request.channel == channel


async def test_a_caller_may_decide_on_its_own_call_where_policy_says_so() -> None:
    world = await build()
    server = await risky(world)
    services = world.services
    approvals = Approvals(
        world.store, world.shelf, services.access, services.audit, world.clock, NoTelemetry(), by_caller=True
    )
    bob = await approver(world)
    id = await asked(world, server, bob)
    assert (await approvals.decide(bob, id, "approve")).status == "approved"


async def test_a_machine_may_decide_where_policy_says_so_but_not_on_its_own_call_nor_for_a_person() -> None:
    world = await build()
    server, services = await risky(world), world.services
    parts = (world.store, world.shelf, services.access, services.audit, world.clock, NoTelemetry())
    strict, lenient = Approvals(*parts), Approvals(*parts, by_machine=True)
    guard = await world.holding(Grant(actions=["approve"]), who=Principal("token:guard", "machine"), name="guarding")
    acting = replace(await approver(world), actor="agent")
    id, own = await asked(world, server), await asked(world, server, guard)
    for approvals, who, request in ((strict, guard, id), (lenient, acting, id), (lenient, guard, own)):
        with pytest.raises(AccessDenied):
            await approvals.decide(who, request, "approve")
    assert (await lenient.decide(guard, id, "approve")).decided_by == "token:guard"


async def test_a_call_goes_on_once_with_a_state_that_its_backend_gave_and_not_for_ever() -> None:
    world = await build()
    server, bob = await risky(world), await approver(world)
    approvals = world.services.approvals
    await approvals.decide(bob, await asked(world, server), "approve")
    said = plea()
    await approvals.obtain(Unapproved(matter(server)), said)
    assert said.ticket is not None
    for state in ("s", "late"):
        approvals.goes_on(said.ticket, state)
    again = Told(lambda: {"name": "wipe", "arguments": {}, "requestState": "s"}, lambda: ROBOT)
    await approvals.obtain(Unapproved(matter(server)), again)
    assert await approvals.use(matter(server), again) == "goes on with an approved call"
    with pytest.raises(ApprovalRequired):
        await approvals.use(matter(server), again)
    late = Told(lambda: {"name": "wipe", "arguments": {}, "requestState": "late"}, lambda: ROBOT)
    await approvals.obtain(Unapproved(matter(server)), late)
    world.clock.pass_(601)
    await approvals.sweep()
    with pytest.raises(ApprovalRequired):
        await approvals.use(matter(server), late)


async def test_a_ticket_of_other_words_or_of_a_request_that_is_gone_lets_nothing_through() -> None:
    world = await build()
    server, bob = await risky(world), await approver(world)
    approvals = world.services.approvals
    id = await asked(world, server, what=1)
    await approvals.decide(bob, id, "approve")
    said, other = plea(what=1), plea(what=2)
    await approvals.obtain(Unapproved(matter(server)), said)
    other.ticket = said.ticket
    with pytest.raises(ApprovalRequired):
        await approvals.use(matter(server), other)
    with pytest.raises(ApprovalRequired):
        await approvals.use(matter(server), plea(what=1))
    await world.store.delete("approvals", id)
    with pytest.raises(ApprovalRequired):
        await approvals.use(matter(server), said)


async def test_nobody_decides_on_a_call_of_what_is_gone_or_that_was_asked_elsewhere() -> None:
    world = await build()
    server = await risky(world)
    approvals = world.services.approvals
    ann = Principal("user:ann", "person")
    with pytest.raises(ApprovalRequired):
        await approvals.obtain(Unapproved(matter(server, ann)), Forms(partial(words, 1), lambda: ann))
    ((request,), _) = await approvals.list(SYSTEM)
    with pytest.raises(Conflict, match="in its own client"):
        await approvals.decide(SYSTEM, request.id, "approve")
    id = await asked(world, server)
    await world.services.catalog.delete(SYSTEM, "server", "risky")
    with pytest.raises(NotFound):
        await approvals.decide(SYSTEM, id, "approve")


async def test_a_client_that_does_not_answer_in_time_has_refused() -> None:
    world = await build()
    server = await risky(world)
    ann = Principal("user:ann", "person")

    class Silent(Told):
        async def ask(self, id: str, question: str) -> Verdict:
            await anyio.sleep_forever()
            return "accept"

    said = Silent(lambda: {"name": "wipe"}, lambda: ann)
    said.verdict = "accept"
    with pytest.raises(ApprovalRequired, match="not answered"):
        await world.services.approvals.obtain(Unapproved(matter(server, ann)), said)
    ((request,), _) = await world.services.approvals.list(SYSTEM, status="refused")
    assert request.reason == "not answered"


async def test_expiry_is_noted_by_itself() -> None:
    world = await build()
    await asked(world, await risky(world))
    world.clock.pass_(700)
    async with anyio.create_task_group() as group:
        group.start_soon(world.services.approvals.run)
        with anyio.fail_after(5):
            while not await world.events(action="approval:expire"):  # noqa: ASYNC110  # the trail has no event
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()


def test_what_is_shown_has_no_secrets_nothing_invisible_and_an_end() -> None:
    arguments: Json = {
        "password": "hunter2", "note": "Bearer abcdefghijkl", "name": "pay\u202ement\u200b", "n": 7, "none": None,
        "deep": {"apiKey": "k", "list": [1, {"token": "t"}]},
    }  # fmt: skip
    made, whole = shown(arguments)
    assert whole
    assert made == {
        "password": MASKED, "note": MASKED, "name": "pay\\u202ement\\u200b", "n": 7, "none": None,
        "deep": {"apiKey": MASKED, "list": [1, {"token": MASKED}]},
    }  # fmt: skip
    long: Json = {f"key{number}": "x" * 10_000 for number in range(1000)}
    made, whole = shown(long)
    assert not whole
    assert len(str(made)) < 2 * BUDGET
    nested: Json = {}
    for _ in range(50):
        nested = {"in": nested, "list": [[[[[[[["x"]]]]]]]]}
    assert not shown(nested)[1]


class Machine(RuleBasedStateMachine):
    """Asks, decisions, time, uses and retries in any order, of two callers and three sets of words."""

    def __init__(self) -> None:
        super().__init__()
        self.world = anyio.run(partial(build, approval_seconds=0.0005))
        self.server: Server = anyio.run(risky, self.world)
        self.bob: Principal = anyio.run(approver, self.world)
        self.callers = (ROBOT, Principal("token:other", "machine"))
        self.ids: list[tuple[str, tuple[int, int]]] = []
        self.granted, self.passed = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        self.tickets: list[tuple[Told, tuple[int, int]]] = []

    def _run(self, act: Any) -> Any:
        async def run() -> Any:
            return await act

        try:
            return anyio.run(run)
        except AirError as error:
            return error

    @rule(who=st.integers(0, 1), what=st.integers(0, 1), approved=st.booleans())
    def ask(self, who: int, what: int, approved: bool) -> None:
        caller, said = self.callers[who], plea(self.callers[who], what=what)
        got = self._run(self.world.services.approvals.obtain(Unapproved(matter(self.server, caller)), said))
        if isinstance(got, AirError):
            if "id" in got.details():
                self.ids.append((str(got.details()["id"]), (who, what)))
                if approved:
                    self._decide(self.ids[-1], "approve")
                    self.ask(who, what, False)
        else:
            self.tickets.append((said, (who, what)))

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), decision=st.sampled_from(["approve", "approve", "approve", "refuse"]))
    def decide(self, data: st.DataObject, decision: Any) -> None:
        self._decide(data.draw(st.sampled_from(self.ids[-3:])), decision)

    def _decide(self, request: tuple[str, tuple[int, int]], decision: Any) -> None:
        id, call = request
        got = self._run(self.world.services.approvals.decide(self.bob, id, decision))
        if not isinstance(got, AirError) and decision == "approve":
            self.granted[call] = self.granted.get(call, 0) + 1

    @rule(seconds=st.sampled_from([1, 1, 700]))
    def wait(self, seconds: int) -> None:
        self.world.clock.pass_(seconds)
        self._run(self.world.services.approvals.sweep())

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), who=st.integers(0, 1), what=st.integers(0, 1), honest=st.booleans())
    def use(self, data: st.DataObject, who: int, what: int, honest: bool) -> None:
        said, call = data.draw(st.sampled_from(self.tickets))
        if not honest:  # the ticket of one call with another call
            other = plea(self.callers[who], what=what)
            other.ticket = said.ticket
            said, call = other, (who, what)
        got = self._run(self.world.services.approvals.use(matter(self.server, self.callers[call[0]]), said))
        if not isinstance(got, AirError):
            self.passed[call] = self.passed.get(call, 0) + 1

    @invariant()
    def no_call_passes_without_an_approval_of_exactly_it_and_none_twice_on_one(self) -> None:
        for call, times in self.passed.items():
            assert times <= self.granted.get(call, 0)


TestWhateverTheOrder = Machine.TestCase
TestWhateverTheOrder.settings = settings(max_examples=examples(120), stateful_step_count=15, deadline=None)
