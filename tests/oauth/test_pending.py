"""Authorization requests that wait for an answer, and logins that wait for a code, under pressure."""

import anyio
import pytest

from airegistry.oauth.login.login import MAX_HALF_WAY, HalfWayLogins
from airegistry.oauth.login.pending import PendingRequests
from airegistry.oauth.login.visitors import Refused
from airegistry.oauth.model import AuthorizationRequest
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import NOON, FakeClock

pytestmark = pytest.mark.anyio


def wanted() -> AuthorizationRequest:
    return AuthorizationRequest(
        id="", browser="", client_id="app", redirect_uri="https://app.test/cb", redirect_given=True, scopes=[],
        code_challenge="c", resource="https://registry.test/mcp", created_at=NOON, expires_at=NOON,
    )  # fmt: skip


async def test_of_two_answers_at_once_one_gets_through() -> None:
    pending = PendingRequests(MemoryStore(), FakeClock())
    request = await pending.add(wanted(), "browser")
    taken: list[bool] = []

    async def take() -> None:
        try:
            await pending.take(request)
            taken.append(True)
        except Refused:
            taken.append(False)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(take)
    assert sorted(taken) == [False, False, True]


async def test_a_process_bears_that_another_one_swept_what_it_counted() -> None:
    store, clock = MemoryStore(), FakeClock()
    one, other = PendingRequests(store, clock, most=1), PendingRequests(store, clock, most=1)
    await one.add(wanted(), "browser")
    clock.pass_(600)
    assert await other.sweep() == 1
    request = await one.add(wanted(), "browser")
    assert await other.find(request.id, "browser") == request
    await other.take(request)
    assert [each async for each in store.find("authorization_requests")] == []


async def test_a_process_that_starts_anew_counts_what_is_there() -> None:
    store, clock = MemoryStore(), FakeClock()
    first = await PendingRequests(store, clock, most=2).add(wanted(), "browser")
    clock.pass_(1)
    pending = PendingRequests(store, clock, most=2)
    await pending.take(await pending.add(wanted(), "browser"))
    assert await pending.find(first.id, "browser") == first
    for _ in range(2):
        clock.pass_(1)
        await pending.add(wanted(), "browser")
    with pytest.raises(Refused):
        await pending.find(first.id, "browser")


def test_of_too_many_half_logins_the_oldest_give_way_and_none_outlives_its_time() -> None:
    clock = FakeClock()
    logins = HalfWayLogins(clock)
    steps = [logins.keep("browser", f"user{number}", "password") for number in range(MAX_HALF_WAY + 1)]
    assert logins.find(steps[0], "browser") is None
    assert logins.find(steps[0], "") is None
    kept = logins.find(steps[-1], "browser")
    assert kept
    assert kept.username == f"user{MAX_HALF_WAY}"
    assert "password='password'" not in repr(kept)
    clock.pass_(300)
    assert logins.find(steps[-1], "browser") is None
    last = logins.keep("browser", "last", "password")
    assert logins.find(last, "browser")
    logins.drop(last)
    assert logins.find(last, "browser") is None
