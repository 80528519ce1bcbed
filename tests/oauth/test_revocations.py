"""Revoked access tokens: ended at once, in all processes, until they would have ended anyway."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core.documents import Change
from airegistry.core.errors import AirError
from airegistry.core.following import Following, Place
from airegistry.oauth.tokens.access_tokens import MAX_TTL, STREAM_TTL
from airegistry.stores.feed import Feed
from airegistry.stores.memory import MemoryStore
from airegistry.stores.tinydb import TinyStore
from tests.oauth.issuing import Failing, Issuer, build_issuer, eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def issuer() -> Issuer:
    return await build_issuer()


async def test_a_revoked_token_ends_at_once_and_only_that_one(issuer: Issuer) -> None:
    (token, issued), (other, _) = issuer.mint(authorization="a1"), issuer.mint(authorization="a1")
    assert issuer.holds(token)
    await issuer.tokens.revoke_jti(issued)
    assert not issuer.holds(token)
    assert issuer.holds(other)


async def test_a_revoked_family_ends_all_its_tokens_at_once_and_no_others(issuer: Issuer) -> None:
    family = [issuer.mint(authorization="a1")[0] for _ in range(3)]
    strangers = [issuer.mint(authorization="a2")[0], issuer.mint()[0]]
    assert all(map(issuer.holds, family))
    await issuer.tokens.revoke_authorization("a1")
    assert not any(map(issuer.holds, family))
    assert all(map(issuer.holds, strangers))


async def test_what_was_revoked_stays_revoked_after_a_restart(tmp_path: Path) -> None:
    async with TinyStore.open(tmp_path / "journal") as store:
        before = await build_issuer(store)
        (token, issued), (of_family, _), (good, _) = before.mint(), before.mint(authorization="a1"), before.mint()
        await before.tokens.revoke_jti(issued)
        await before.tokens.revoke_authorization("a1")
    async with TinyStore.open(tmp_path / "journal") as store:
        after = await build_issuer(store)
        assert [after.holds(each) for each in (token, of_family, good)] == [False, False, True]


async def test_revocations_are_swept_when_no_token_is_left_that_they_end(issuer: Issuer) -> None:
    _, issued = issuer.mint()
    longest, _ = issuer.mint(ttl=MAX_TTL, authorization="a1")
    await issuer.tokens.revoke_jti(issued)
    await issuer.tokens.revoke_authorization("a1")
    issuer.clock.pass_(600 + STREAM_TTL)
    await issuer.tokens.sweep()
    assert await kept(issuer) == ["authorization:a1", f"jti:{issued.jti}"]
    issuer.clock.pass_(1)
    await issuer.tokens.sweep()
    assert await kept(issuer) == ["authorization:a1"]
    issuer.clock.pass_(MAX_TTL)
    await issuer.tokens.sweep()
    assert await kept(issuer) == []
    assert (issuer.holds(longest), issuer.tokens.opened(longest)) == (False, None)


async def kept(issuer: Issuer) -> list[str]:
    return [document.key async for document in issuer.store.find("revocations")]


@asynccontextmanager
async def following(issuer: Issuer) -> AsyncIterator[None]:
    """Another process over the issuer's store, which follows its changes."""
    tokens, feed = issuer.tokens, Following(issuer.store, SystemClock(), beats=0.02)

    async def follow(places: Sequence[Place]) -> None:
        await tokens.follow([key for _, key in places])

    feed.subscribe("revocations", ["revocations"], tokens.open, follow)
    async with feed.opened(), anyio.create_task_group() as tasks:
        tasks.start_soon(feed.run)
        yield
        tasks.cancel_scope.cancel()


async def test_another_process_learns_of_a_revocation(issuer: Issuer) -> None:
    other = await build_issuer(issuer.store, clock=issuer.clock)
    (token, issued), (of_family, _) = issuer.mint(), issuer.mint(authorization="a1")
    assert other.holds(token)
    assert other.holds(of_family)
    async with following(other):
        await issuer.tokens.revoke_jti(issued)
        await issuer.tokens.revoke_authorization("a1")
        await eventually(lambda: not other.holds(token) and not other.holds(of_family))


async def test_a_process_that_fell_behind_the_change_feed_follows_it_anew(caplog: pytest.LogCaptureFixture) -> None:
    feed = Feed(max_changes=1)
    issuer = await build_issuer(MemoryStore(feed))
    other = await build_issuer(issuer.store, clock=issuer.clock)
    (token, issued), (lost, unheard) = issuer.mint(), issuer.mint()
    async with following(other):
        await issuer.tokens.revoke_jti(unheard)
        for number in range(1, 4):  # in one turn: nobody reads in between
            feed.publish(Change(feed.revision + 1, "others", "key", number, {}), 2)
        feed.wake()
        await eventually(lambda: not other.holds(lost))
        assert "changes of other processes were lost" in caplog.text
        assert other.holds(token)
        await issuer.tokens.revoke_jti(issued)
        await eventually(lambda: not other.holds(token))


async def test_revocations_hold_while_the_store_is_closed_or_cannot_be_read() -> None:
    store = Failing()
    issuer = await build_issuer(store)
    (token, issued), (good, _) = issuer.mint(), issuer.mint()
    await issuer.tokens.revoke_jti(issued)
    store.down = True
    with pytest.raises(AirError):
        await issuer.tokens.open()
    store.close()
    assert (issuer.holds(token), issuer.holds(good)) == (False, True)
