"""Tokens in memory: got once for all who wait, renewed in time, and no hammering of a server that is down."""

from collections.abc import Mapping

import anyio
import pytest

from airegistry.core.credential_tokens import FIRST_PAUSE, LONGEST_PAUSE, MARGIN, RENEWED_FOR, Key, Token, TokenCache
from airegistry.core.errors import ConsentRequired, UpstreamFailed
from tests.core.wiring import FakeClock

pytestmark = pytest.mark.anyio
KEY = Key("1", "server/weather", "https://weather.test/mcp", "")


class Server:
    """Gives tokens of `seconds`; `down` and `refuses` say what it does instead."""

    def __init__(self, seconds: float | None = 600) -> None:
        self.asked: list[Mapping[str, str] | None] = []
        self.seconds = seconds
        self.down = self.refuses = False
        self.gate = anyio.Event()
        self.gate.set()

    async def give(self, refused: Mapping[str, str] | None) -> Token:
        self.asked.append(refused)
        number = len(self.asked)
        await self.gate.wait()
        if self.down:
            raise UpstreamFailed(f"down {number}")
        if self.refuses:
            raise ConsentRequired("connect", url="https://x", id="1")
        return Token({"authorization": f"Bearer {number}"}, self.seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cache(clock: FakeClock) -> TokenCache:
    return TokenCache(clock)


async def test_many_at_once_get_one_token(cache: TokenCache) -> None:
    server, got = Server(), set[str]()
    server.gate = anyio.Event()

    async def one() -> None:
        got.add((await cache.get(KEY, server.give))["authorization"])

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            server.gate.set()
    assert got == {"Bearer 1"}
    assert len(server.asked) == 1


async def test_a_token_is_renewed_before_its_end_and_serves_others_meanwhile(
    cache: TokenCache, clock: FakeClock
) -> None:
    server = Server()
    first = await cache.get(KEY, server.give)
    clock.pass_(600 - MARGIN - 1)
    assert await cache.get(KEY, server.give) == first
    clock.pass_(2)
    server.gate = anyio.Event()
    renewed: list[Mapping[str, str]] = []

    async def renew() -> None:
        renewed.append(await cache.get(KEY, server.give))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(renew)
            await anyio.wait_all_tasks_blocked()
            assert await cache.get(KEY, server.give) == first
            server.gate.set()
    assert renewed == [{"authorization": "Bearer 2"}]


async def test_a_token_that_holds_serves_on_when_its_successor_cannot_be_had(
    cache: TokenCache, clock: FakeClock
) -> None:
    server = Server()
    first = await cache.get(KEY, server.give)
    server.down = True
    clock.pass_(590)
    assert await cache.get(KEY, server.give) == first
    clock.pass_(11)
    with pytest.raises(UpstreamFailed):
        await cache.get(KEY, server.give)


async def test_a_server_that_is_down_is_left_alone_for_a_while_that_grows(cache: TokenCache, clock: FakeClock) -> None:
    server = Server()
    server.down = True
    for _ in range(20):
        with pytest.raises(UpstreamFailed, match="down 1"):
            await cache.get(KEY, server.give)
    assert len(server.asked) == 1
    clock.pass_(FIRST_PAUSE)
    with pytest.raises(UpstreamFailed, match="down 2"):
        await cache.get(KEY, server.give)
    clock.pass_(FIRST_PAUSE)
    with pytest.raises(UpstreamFailed, match="down 2"):
        await cache.get(KEY, server.give)
    server.down = False
    clock.pass_(LONGEST_PAUSE)
    assert await cache.get(KEY, server.give) == {"authorization": "Bearer 3"}


async def test_a_refused_token_is_replaced_once_and_by_one_of_those_who_were_refused(
    cache: TokenCache, clock: FakeClock
) -> None:
    server = Server()
    used = await cache.get(KEY, server.give)
    assert await cache.renewed(KEY, used, server.give) == {"authorization": "Bearer 2"}
    assert await cache.renewed(KEY, used, server.give) == {"authorization": "Bearer 2"}
    assert server.asked == [None, used]
    assert await cache.renewed(KEY, {"authorization": "Bearer 2"}, server.give) is None
    clock.pass_(RENEWED_FOR)
    assert await cache.renewed(KEY, {"authorization": "Bearer 2"}, server.give) == {"authorization": "Bearer 3"}


async def test_who_has_to_connect_first_is_not_remembered_as_a_failure(cache: TokenCache) -> None:
    server = Server()
    server.refuses = True
    for _ in range(2):
        with pytest.raises(ConsentRequired):
            await cache.get(KEY, server.give)
    server.refuses = False
    assert await cache.get(KEY, server.give) == {"authorization": "Bearer 3"}


async def test_who_gives_up_waiting_leaves_nobody_stuck(cache: TokenCache) -> None:
    server = Server()
    server.gate = anyio.Event()
    with anyio.move_on_after(0.01):
        await cache.get(KEY, server.give)
    server.gate.set()
    with anyio.fail_after(5):
        assert await cache.get(KEY, server.give) == {"authorization": "Bearer 2"}


async def test_what_is_forgotten_is_got_anew_by_backend_and_by_caller(cache: TokenCache) -> None:
    server = Server(seconds=None)
    mine, other = KEY._replace(subject="user:ann"), KEY._replace(subject="user:bob", ref="server/mail")
    for key in (mine, other):
        await cache.get(key, server.give)
    cache.forget(ref="server/mail", subject="user:ann")
    assert len(server.asked) == 2
    cache.forget(subject="user:ann")
    await cache.get(mine, server.give)
    await cache.get(other, server.give)
    assert len(server.asked) == 3
    cache.forget(ref="server/mail")
    await cache.get(other, server.give)
    assert len(server.asked) == 4


async def test_memory_is_bounded(clock: FakeClock) -> None:
    cache, server = TokenCache(clock, most=2), Server()
    for number in range(3):
        await cache.get(KEY._replace(subject=str(number)), server.give)
    await cache.get(KEY._replace(subject="2"), server.give)
    assert len(server.asked) == 3
    await cache.get(KEY._replace(subject="0"), server.give)
    assert len(server.asked) == 4
