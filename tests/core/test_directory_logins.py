"""Logins by password: one answer to everybody who is not proven, and no way to guess."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.documents import Json
from airegistry.core.errors import AirError, Conflict, Internal, Invalid, RateLimited
from airegistry.core.lockout import FREE
from airegistry.core.principals import SYSTEM
from airegistry.core.users import BadCredentials
from airegistry.stores.memory import MemoryLog
from tests.core.people import HOME, PASSWORD, People, people
from tests.core.test_directory import Meddling

pytestmark = pytest.mark.anyio
WRONG = "wrong horse battery"


@pytest.fixture
async def world() -> People:
    """A directory with one user of each sort who is not let in, and one who is."""
    world = await people()
    await world.add()
    await world.add("off")
    await world.directory.put(SYSTEM, "off", active=False)
    await world.add("empty", password=None)
    await world.directory.provision("okta", "1")
    return world


async def refusal(act: Callable[[], Awaitable[object]]) -> AirError:
    with pytest.raises(AirError) as refused:
        await act()
    return refused.value


def told(error: AirError) -> tuple[object, ...]:
    """All that an adapter may show of an error."""
    return type(error), error.code, error.message, str(error), tuple(error.details().items())


async def test_a_right_password_proves_the_user_and_is_recorded(world: People) -> None:
    user, amr = await world.directory.authenticate("ann", PASSWORD, source=HOME)
    assert (user.id, amr, user.login_at) == ("ann", ["pwd"], world.clock.now())
    assert world.directory.known("ann") == user
    assert [(event.subject, event.asset, event.decision, event.outcome, event.reason) for event in
            await world.events(asset="user/ann", action="user:login")] == [
        ("user:ann", "ann", "allow", "ok", f"signed in, from {HOME}")
    ]  # fmt: skip


@pytest.mark.parametrize("typed", ["ann", "Ann", " ANN\t"])
async def test_the_case_of_a_name_and_blanks_around_it_do_not_matter(world: People, typed: str) -> None:
    assert (await world.login(typed)).id == "ann"


async def test_unknown_wrong_inactive_and_without_password_get_one_answer_after_one_hash_each(world: People) -> None:
    names = ["ann", "off", "empty", "okta:1", "nobody", "", "\ud800", "x" * 5000]
    answers, hashes = set(), set()
    for name in names:
        world.hasher.verified.clear()
        password = WRONG if name == "ann" else PASSWORD
        answers.add(told(await refusal(lambda n=name, p=password: world.login(n, p))))  # type: ignore[misc]  # defaults
        hashes.add(len(world.hasher.verified))
    assert len(answers) == 1
    assert hashes == {1}
    reasons = [reason.partition(",")[0] for reason in reversed(await world.logins("deny"))]
    nobody = "no such user"
    assert reasons == ["wrong password", "switched off", "has no password here", nobody, nobody, nobody, nobody, nobody]


async def test_a_failed_login_is_not_held_against_the_user_in_the_trail(world: People) -> None:
    await refusal(lambda: world.login(password=WRONG))
    await refusal(lambda: world.login("my secret in the wrong field"))
    events = await world.events(action="user:login", decision="deny")
    assert [(event.subject, event.asset, event.reason) for event in events] == [
        ("anonymous", None, f"no such user, from {HOME}"),
        ("anonymous", "ann", f"wrong password, from {HOME}"),
    ]


async def test_a_password_that_is_too_long_is_wrong_and_never_hashed(world: People) -> None:
    await refusal(lambda: world.login(password="x" * 1025))
    assert world.hasher.verified == [None]


@pytest.mark.parametrize("name", ["ann", "off", "empty", "nobody"])
async def test_a_name_waits_after_five_failures_longer_each_time_whoever_it_is(world: People, name: str) -> None:
    seen: list[float] = []
    for _ in range(10):
        while not isinstance(error := await refusal(lambda: world.login(name, WRONG)), RateLimited):
            pass
        seen.append(error.retry_after)
        world.clock.pass_(error.retry_after - 1)
        assert isinstance(await refusal(lambda: world.login(name, PASSWORD)), RateLimited)
        world.clock.pass_(1)
    assert seen == [30, 60, 120, 240, 480, 900, 900, 900, 900, 900]


async def test_a_name_that_waits_answers_alike_to_a_right_and_a_wrong_password_and_for_nobody(world: People) -> None:
    for name in ("ann", "nobody"):
        for _ in range(FREE):
            assert isinstance(await refusal(lambda n=name: world.login(n, WRONG)), BadCredentials)  # type: ignore[misc]
    world.hasher.verified.clear()
    tries = (("ann", PASSWORD), ("ann", WRONG), ("nobody", WRONG))
    answers = {told(await refusal(lambda n=name, p=word: world.login(n, p))) for name, word in tries}  # type: ignore[misc]
    assert len(answers) == 1
    assert world.hasher.verified == [None] * 3, "and takes as long"
    assert (await world.logins("deny"))[0] == f"too many attempts, from {HOME}"


async def test_a_restart_does_not_forget_who_waits(world: People) -> None:
    for _ in range(FREE):
        await refusal(lambda: world.login(password=WRONG))
    later = await people(world.store, world.clock)
    assert isinstance(await refusal(later.login), RateLimited)
    world.clock.pass_(30)
    assert await later.login()


async def test_a_success_begins_anew(world: People) -> None:
    for _ in range(3):
        for _ in range(FREE - 1):
            await refusal(lambda: world.login(password=WRONG))
        assert await world.login()


async def test_failures_of_the_day_before_do_not_count_and_are_swept(world: People) -> None:
    for _ in range(FREE - 1):
        await refusal(lambda: world.login(password=WRONG))
    await refusal(lambda: world.login("nobody"))
    world.clock.pass_(86_399)
    assert await world.directory.sweep() == 0
    world.clock.pass_(1)
    assert isinstance(await refusal(lambda: world.login(password=WRONG)), BadCredentials)
    assert isinstance(await refusal(lambda: world.login(password=WRONG)), BadCredentials)
    assert await world.directory.sweep() == 1


async def test_nobody_waits_until_a_clock_that_was_set_back_is_there_again(world: People) -> None:
    async def attempt(password: str = PASSWORD) -> object:
        return await world.directory.authenticate("ann", password, source="")

    for _ in range(FREE):
        await refusal(lambda: attempt(WRONG))
    world.clock.pass_(-60)
    error = await refusal(attempt)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 30
    world.clock.pass_(-86_400)
    assert await attempt()


async def test_a_source_waits_after_twenty_failures_on_any_names_and_others_do_not(world: People) -> None:
    for attempt in range(20):
        assert isinstance(await refusal(lambda n=attempt: world.login(f"u{n}", WRONG)), BadCredentials)  # type: ignore[misc]
    world.hasher.verified.clear()
    error = await refusal(world.login)
    assert isinstance(error, RateLimited)
    assert 0 < error.retry_after <= 15
    assert world.hasher.verified == [], "and costs nothing"
    user, _ = await world.directory.authenticate("ann", PASSWORD, source="203.0.113.10")
    assert user.id == "ann"
    world.clock.pass_(300)
    assert await world.login()


async def test_good_logins_of_a_source_do_not_count(world: People) -> None:
    for _ in range(30):
        assert await world.login()


async def test_no_number_of_attempts_at_once_gets_past_the_limit(world: People) -> None:
    errors: list[AirError] = []

    async def attempt(number: int) -> None:
        other = world if number % 2 else second
        errors.append(await refusal(lambda: other.directory.authenticate("ann", WRONG, source=f"203.0.113.{number}")))

    second = await people(world.store, world.clock)  # another process
    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(attempt, number)
    hashed = [kept for each in (world, second) for kept in each.hasher.verified if kept is not None]
    assert len(hashed) == FREE
    assert sum(isinstance(error, BadCredentials) for error in errors) == FREE


async def test_a_name_that_everybody_counts_on_at_once_waits(world: People) -> None:
    store = Meddling("login_failures")
    busy = await people(store)
    store.times = 10_000
    error = await refusal(busy.login)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 1


async def test_many_good_logins_at_once_are_all_let_in(world: People) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(world.login)
    assert len(await world.logins("allow")) == 51  # and that of the provider's user


async def test_a_user_who_changes_during_the_login_is_proven_anew() -> None:
    store = Meddling()
    world = await people(store)
    await world.add()
    world.hasher.verified.clear()
    store.times = 2
    assert await world.login()
    assert len(world.hasher.verified) == 3
    store.times = 10_000
    assert isinstance(await refusal(world.login), Conflict)


async def test_a_user_who_is_switched_off_during_the_login_is_not_let_in(world: People) -> None:
    verify = world.hasher.verify

    def slow(kept: str | None, password: str) -> bool:
        world.hasher.verify = verify  # type: ignore[method-assign]  # once
        anyio.from_thread.run(lambda: world.directory.put(SYSTEM, "ann", active=False))
        return verify(kept, password)

    world.hasher.verify = slow  # type: ignore[method-assign]
    assert isinstance(await refusal(world.login), BadCredentials)
    assert (await world.logins("deny"))[0] == f"switched off, from {HOME}"


async def test_a_password_kept_under_weaker_parameters_is_hashed_anew_at_login(world: People) -> None:
    world.hasher.strength = 2
    assert (await world.login()).password_hash == f"2:{PASSWORD[::-1]}"
    again = (await world.login()).password_hash
    assert again == f"2:{PASSWORD[::-1]}"


async def test_ones_own_password_is_changed_with_the_old_one(world: People) -> None:
    await world.login()
    user = await world.directory.change_password("ann", PASSWORD, "a better one")
    assert (user.login_at, world.told) == (user.ended_at, ["off", "ann"])
    assert await world.login(password="a better one")
    assert isinstance(await refusal(world.login), BadCredentials)
    event = (await world.events(action="user:password"))[0]
    assert (event.subject, event.asset, event.reason) == ("user:ann", "ann", "changed")


async def test_guessing_the_old_password_is_limited_like_a_login(world: People) -> None:
    directory = world.directory
    for _ in range(FREE):
        error = await refusal(lambda: directory.change_password("ann", WRONG, "a better one", source=HOME))
        assert isinstance(error, BadCredentials)
    assert isinstance(await refusal(lambda: directory.change_password("ann", PASSWORD, "a better one")), RateLimited)
    events = await world.events(action="user:password", decision="deny")
    assert {event.subject for event in events} == {"user:ann"}
    assert world.told == ["off"]


async def test_a_new_password_that_will_not_do_is_refused_before_the_old_one_is_looked_at(world: People) -> None:
    for user in ("ann", "nobody"):
        error = await refusal(lambda u=user: world.directory.change_password(u, WRONG, "12345678"))  # type: ignore[misc]
        assert isinstance(error, Invalid)
    assert world.hasher.verified == []


async def test_nobody_is_let_in_while_the_trail_cannot_be_written() -> None:
    class Full(MemoryLog):
        broken = False

        async def append(self, stream: str, records: Sequence[Json]) -> int:
            if self.broken:
                raise OSError("no space left on device")
            return await super().append(stream, records)

    log = Full()
    world = await people(log=log)
    await world.add()
    log.broken = True
    assert isinstance(await refusal(world.login), Internal)
    assert isinstance(await refusal(lambda: world.login(password=WRONG)), Internal)


class Model:
    """What the lockout promises, in the plainest words."""

    def __init__(self) -> None:
        self.count, self.until = 0, 0.0

    def expected(self, now: float, good: bool) -> str:
        if now < self.until:
            return "wait"
        if good:
            self.count = 0
            return "in"
        self.count += 1
        if self.count >= FREE:
            self.until = now + min(900, 30 * 2 ** (self.count - FREE))
        return "wrong"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, 1, 29, 30, 31, 100, 900])), max_size=40))
def test_the_lockout_does_what_it_promises_in_any_order_of_events(steps: list[tuple[bool, int]]) -> None:
    async def outcome(world: People, good: bool) -> str:
        try:
            await world.directory.authenticate("ann", PASSWORD if good else WRONG, source="")
        except BadCredentials:
            return "wrong"
        except RateLimited:
            return "wait"
        return "in"

    async def check() -> None:
        world, model = await people(), Model()
        await world.add()
        for good, pause in steps:
            assert await outcome(world, good) == model.expected(world.clock.monotonic(), good)
            world.clock.pass_(pause)

    anyio.run(check)
