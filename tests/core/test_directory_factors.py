"""The second factor: asked for after the right password alone, each code taken once, sealed at rest."""

import anyio
import pytest

from airegistry.core.errors import AirError, NotFound, RateLimited
from airegistry.core.lockout import FREE
from airegistry.core.principals import SYSTEM
from airegistry.core.users import BadCredentials, SecondFactorNeeded, User
from tests.core.people import HOME, PASSWORD, People, people
from tests.core.test_directory import everything_in

pytestmark = pytest.mark.anyio
WRONG = "wrong horse battery"


@pytest.fixture
async def world() -> People:
    """A directory with one user."""
    world = await people()
    await world.add()
    return world


def ann(world: People) -> User:
    user = world.directory.known("ann")
    assert user is not None
    return user


async def test_a_second_factor_counts_only_after_a_code_of_it_confirmed_it(world: People) -> None:
    secret = await world.directory.enrol_second_factor("ann", PASSWORD)
    assert not ann(world).second_factor
    assert await world.login()
    with pytest.raises(BadCredentials):
        await world.directory.confirm_second_factor("ann", "000000")
    assert not ann(world).second_factor
    codes = await world.directory.confirm_second_factor("ann", world.code(secret))
    assert ann(world).second_factor
    assert len(set(codes)) == 10
    with pytest.raises(SecondFactorNeeded):
        await world.login()
    with pytest.raises(NotFound, match="no second factor is being set up"):
        await world.directory.confirm_second_factor("ann", world.code(secret, 1))
    reasons = [event.reason for event in await world.events(action="user:second_factor", decision="allow")]
    assert reasons[-1] == "enrolment begun"
    assert "enrolment confirmed" in reasons


async def test_a_code_is_asked_for_after_the_right_password_only(world: People) -> None:
    await world.enrol()
    for password in (WRONG, ""):
        with pytest.raises(BadCredentials):
            await world.login(password=password)
    for code in (None, "", "  "):
        with pytest.raises(SecondFactorNeeded):
            await world.login(code=code)
    assert (await world.logins("deny"))[0] == f"a code of the second factor is needed, from {HOME}"


async def test_a_code_beside_the_password_signs_in_and_a_wrong_one_gets_the_answer_of_a_wrong_password(
    world: People,
) -> None:
    secret, _ = await world.enrol()
    messages = set()
    for password, code in ((PASSWORD, "000000"), (WRONG, world.code(secret)), (PASSWORD, "nonsense"), (WRONG, None)):
        with pytest.raises(BadCredentials) as refusal:
            await world.login(password=password, code=code)
        messages.add(str(refusal.value))
    assert len(messages) == 1
    user, amr = await world.directory.authenticate("ann", PASSWORD, world.code(secret), source=HOME)
    assert (user.id, amr) == ("ann", ["pwd", "otp", "mfa"])


async def test_a_code_given_by_a_user_without_second_factor_is_not_looked_at(world: People) -> None:
    assert await world.login(code="000000")


async def test_a_code_is_taken_once_and_so_is_none_from_before_it(world: People) -> None:
    secret, _ = await world.enrol()
    early, now, late = (world.code(secret, steps) for steps in (-1, 0, 1))
    assert await world.login(code=now)
    for used in (now, early):
        with pytest.raises(BadCredentials):
            await world.login(code=used)
    assert (await world.logins("deny"))[0] == f"code used before, from {HOME}"
    assert await world.login(code=late)


async def test_the_code_of_an_enrolment_is_not_found_by_trying(world: People) -> None:
    secret = await world.directory.enrol_second_factor("ann", PASSWORD)
    for _ in range(10):
        with pytest.raises(BadCredentials):
            await world.directory.confirm_second_factor("ann", "000000")
    with pytest.raises(RateLimited):
        await world.directory.confirm_second_factor("ann", world.code(secret))


async def test_the_code_that_confirmed_does_not_sign_in(world: People) -> None:
    secret = await world.directory.enrol_second_factor("ann", PASSWORD)
    await world.directory.confirm_second_factor("ann", world.code(secret))
    with pytest.raises(BadCredentials):
        await world.login(code=world.code(secret))


@pytest.mark.parametrize("recovery", [False, True], ids=["totp", "recovery"])
async def test_of_many_requests_at_once_with_one_code_one_signs_in(world: People, recovery: bool) -> None:
    secret, codes = await world.enrol()
    code = codes[0] if recovery else world.code(secret)
    other = await people(world.store, world.clock)  # another process over the same store
    outcomes: list[str] = []

    async def attempt(through: People) -> None:
        try:
            await through.login(code=code)
            outcomes.append("in")
        except AirError as error:
            outcomes.append(type(error).__name__)

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(attempt, world)
            tasks.start_soon(attempt, other)
    assert outcomes.count("in") == 1
    assert set(outcomes) == {"in", "BadCredentials"}


async def test_a_recovery_code_is_taken_once_however_it_is_typed(world: People) -> None:
    _, codes = await world.enrol()
    user, amr = await world.directory.authenticate(
        "ann", PASSWORD, f" {codes[3].lower().replace('-', ' ')}", source=HOME
    )
    assert (len(user.recovery), amr) == (9, ["pwd", "otp", "mfa"])
    with pytest.raises(BadCredentials):
        await world.login(code=codes[3])
    assert len((await world.login(code=codes[9])).recovery) == 8


async def test_neither_secrets_nor_recovery_codes_are_kept_in_the_clear(world: People) -> None:
    begun = await world.directory.enrol_second_factor("ann", PASSWORD)
    assert begun not in await everything_in(world.store)
    secret, codes = await world.enrol()
    await world.login(code=codes[0])
    kept = await everything_in(world.store) + str(await world.events())
    assert not [each for each in (secret, *codes, *(code.replace("-", "") for code in codes)) if each in kept]


async def test_guessing_codes_with_the_right_password_makes_the_name_wait(world: People) -> None:
    secret, _ = await world.enrol()
    for attempt in range(FREE):
        with pytest.raises(SecondFactorNeeded):
            await world.login()  # which neither counts nor begins anew
        with pytest.raises(BadCredentials):
            await world.login(code=f"{attempt:06}")
    with pytest.raises(RateLimited):
        await world.login()
    with pytest.raises(RateLimited):
        await world.login(code=world.code(secret))
    world.clock.pass_(30)
    with pytest.raises(SecondFactorNeeded):
        await world.login()
    assert await world.login(code=world.code(secret)), "asking for the code does not make it wait again"


async def test_asking_for_codes_again_and_again_is_no_failure_of_its_source(world: People) -> None:
    await world.enrol()
    for _ in range(25):
        with pytest.raises(SecondFactorNeeded):
            await world.login()


async def test_an_attempt_counted_meanwhile_stays_counted(world: People) -> None:
    """A failure in another process while the code is being asked for is not forgiven with it."""
    await world.enrol()
    other = await people(world.store, world.clock)
    verify = world.hasher.verify

    async def fail_elsewhere() -> None:
        with pytest.raises(BadCredentials):
            await other.login(password=WRONG)

    def slow(kept: str | None, password: str) -> bool:
        anyio.from_thread.run(fail_elsewhere)
        return verify(kept, password)

    world.hasher.verify = slow  # type: ignore[method-assign]  # a moment for the other process
    for _ in range(2):
        with pytest.raises(SecondFactorNeeded):
            await world.login()
    with pytest.raises(BadCredentials):
        await other.login(password=WRONG)
    with pytest.raises(RateLimited):
        await other.login()


async def test_replacing_a_second_factor_takes_a_code_of_the_one_in_force(world: People) -> None:
    secret, _ = await world.enrol()
    with pytest.raises(SecondFactorNeeded):
        await world.directory.enrol_second_factor("ann", PASSWORD)
    with pytest.raises(BadCredentials):
        await world.directory.enrol_second_factor("ann", WRONG, world.code(secret))
    new = await world.directory.enrol_second_factor("ann", PASSWORD, world.code(secret), source=HOME)
    world.clock.pass_(60)
    assert await world.login(code=world.code(secret)), "the old one is in force until the new one is confirmed"
    world.clock.pass_(60)
    await world.directory.confirm_second_factor("ann", world.code(new))
    world.clock.pass_(60)
    with pytest.raises(BadCredentials):
        await world.login(code=world.code(secret))
    assert await world.login(code=world.code(new))


async def test_a_second_factor_is_switched_off_with_password_and_code(world: People) -> None:
    secret, _ = await world.enrol()
    with pytest.raises(SecondFactorNeeded):
        await world.directory.disable_second_factor("ann", PASSWORD, "")
    with pytest.raises(BadCredentials):
        await world.directory.disable_second_factor("ann", PASSWORD, "000000")
    user = await world.directory.disable_second_factor("ann", PASSWORD, world.code(secret))
    assert (user.totp, user.totp_step, user.recovery) == (None, None, [])
    assert await world.login()
    assert (await world.events(action="user:second_factor"))[0].reason == "switched off"


async def test_an_administrator_resets_a_second_factor_and_the_trail_says_who(world: People) -> None:
    await world.enrol()
    assert not (await world.directory.reset_second_factor(SYSTEM, "ann")).second_factor
    assert await world.login()
    event = (await world.events(action="user:second_factor"))[0]
    assert (event.subject, event.asset, event.outcome) == ("system", "ann", "ok")


async def test_ones_own_password_is_changed_without_a_code_as_the_session_had_one(world: People) -> None:
    secret, _ = await world.enrol()
    await world.directory.change_password("ann", PASSWORD, "a better one")
    user, _ = await world.directory.authenticate("ann", "a better one", world.code(secret), source=HOME)
    assert user.second_factor
