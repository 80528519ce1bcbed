"""When a token was used last: known at once, written seldom, and not lost by a restart."""

import anyio
import pytest

from airegistry.core import token_records
from airegistry.core.documents import Document, Json
from airegistry.core.errors import Conflict, Internal
from airegistry.core.principals import SYSTEM
from airegistry.core.tokens import Tokens
from tests.core.wiring import NOON, World, build

pytestmark = pytest.mark.anyio


async def mint(world: World) -> tuple[str, str]:
    record, token = await world.services.tokens.create(SYSTEM, "bot", groups=[], scopes=[], expires_in=3600)
    return record.id, token


async def last_used(tokens: Tokens) -> object:
    return (await tokens.records(SYSTEM))[0].last_used_at


async def test_a_use_is_known_at_once_and_written_later(world: World) -> None:
    id_, token = await mint(world)
    tokens = world.services.tokens
    assert await last_used(tokens) is None
    world.clock.pass_(7)
    before = await world.store.get("tokens", id_)
    tokens.resolve(token)
    tokens.resolve("air_" + id_ + "_wrong")
    assert await last_used(tokens) == world.clock.now()
    assert await world.store.get("tokens", id_) == before
    await tokens.uses.write()
    later = await build(store=world.store)
    assert await last_used(later.services.tokens) == world.clock.now()


async def test_nothing_is_written_for_tokens_that_were_not_used(world: World) -> None:
    id_, token = await mint(world)
    world.services.tokens.resolve(token)
    await world.services.tokens.uses.write()
    written = await world.store.get("tokens", id_)
    await world.services.tokens.uses.write()
    assert await world.store.get("tokens", id_) == written


async def test_a_revocation_is_not_undone_by_writing_a_use(world: World) -> None:
    id_, token = await mint(world)
    tokens = world.services.tokens
    tokens.resolve(token)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tokens.uses.write)
        tasks.start_soon(tokens.revoke, SYSTEM, id_)
    await tokens.uses.write()
    assert tokens.resolve(token) is None
    later = await build(store=world.store)
    assert later.services.tokens.resolve(token) is None
    assert await last_used(later.services.tokens) == NOON


async def test_a_revocation_holds_though_a_use_is_written_in_between(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, token = await mint(world)
    tokens, put = world.services.tokens, world.store.put
    tokens.resolve(token)

    async def late(collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        monkeypatch.setattr(world.store, "put", put)
        await tokens.uses.write()
        return await put(collection, key, body, expect=expect)

    monkeypatch.setattr(world.store, "put", late)
    await tokens.revoke(SYSTEM, id_)
    later = await build(store=world.store)
    assert later.services.tokens.resolve(token) is None
    assert await last_used(later.services.tokens) == NOON


async def test_a_token_that_another_process_forgot_is_not_written_anew(world: World) -> None:
    id_, token = await mint(world)
    world.services.tokens.resolve(token)
    await world.store.delete("tokens", id_)
    await world.services.tokens.uses.write()
    assert await world.store.get("tokens", id_) is None


async def test_what_cannot_be_written_is_written_the_next_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    id_, token = await mint(world)
    tokens, put = world.services.tokens, world.store.put
    tokens.resolve(token)
    for failure in (Conflict("changed"), Internal("full"), OSError("full")):

        async def fails(*args: object, error: Exception = failure, **kwargs: object) -> None:
            raise error

        monkeypatch.setattr(world.store, "put", fails)
        await tokens.uses.write()
    monkeypatch.setattr(world.store, "put", put)
    await tokens.uses.write()
    kept = await world.store.get("tokens", id_)
    assert kept is not None
    assert kept.body["last_used_at"] == "2026-11-20T12:00:00Z"


async def test_uses_are_written_now_and_then_and_at_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    id_, token = await mint(world)
    tokens = world.services.tokens
    monkeypatch.setattr(token_records, "EVERY", 0.001)

    async def written() -> bool:
        kept, now = await world.store.get("tokens", id_), world.clock.now()
        return kept is not None and kept.body.get("last_used_at") == now.isoformat().replace("+00:00", "Z")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tokens.uses.run)
            tokens.resolve(token)
            while not await written():  # noqa: ASYNC110  # what is waited for has no event
                await anyio.sleep(0.001)
            monkeypatch.setattr(token_records, "EVERY", 1000)
            await anyio.sleep(0.01)
            world.clock.pass_(1)
            tokens.resolve(token)
            tasks.cancel_scope.cancel()
    assert await written()
