"""A request that is sent again with its key is made once."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from starlette.responses import Response

from airegistry.core.assets import Json
from airegistry.core.documents import Repository
from airegistry.core.errors import Invalid, NotFound
from airegistry.core.principals import Principal
from airegistry.rest.api.idempotency import (
    COLLECTION,
    KEPT,
    MOST,
    PATIENCE,
    TIDY_AFTER,
    Idempotency,
    InProgress,
    Kept,
    OtherRequest,
)
from airegistry.stores.memory import MemoryStore
from tests.rest.api_world import World

pytestmark = pytest.mark.anyio
ANN = Principal(subject="ann", scopes=frozenset({"a"}))


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class Backwards:
    """A cipher that anybody can open."""

    def encrypt(self, text: str) -> str:
        return text[::-1]

    def decrypt(self, sealed: str) -> str:
        return sealed[::-1]


class Desk:
    """Keys over one store, and how often a request was made."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.made = 0

    async def once(self, who: Principal = ANN, key: str = "k", said: bytes = b"{}", place: str = "POST /x") -> Response:
        keys = Idempotency(Repository(self.store, COLLECTION, Kept), Backwards(), self.clock)
        return await keys.once(who, key, place, said, self.make)

    async def make(self) -> Response:
        self.made += 1
        return Response(b'{"made":%d}' % self.made, 201, media_type="application/json")


async def test_the_answer_is_given_again_and_the_request_made_once() -> None:
    desk = Desk()
    first, again = await desk.once(), await desk.once()
    assert (first.status_code, first.body) == (again.status_code, again.body) == (201, b'{"made":1}')
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")


async def test_a_key_belongs_to_its_caller_and_its_path() -> None:
    desk = Desk()
    for who, place in [(ANN, "POST /x"), (Principal(subject="bob"), "POST /x"), (ANN, "POST /y")]:
        await desk.once(who, place=place)
    assert desk.made == 3


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (ANN, b"{} "),
        (Principal(subject="ann"), b"{}"),
        (Principal(subject="ann", operator=True), b"{}"),
        (Principal(subject="ann", scopes=ANN.scopes, restraints=frozenset({"b"})), b"{}"),
        (Principal(subject="ann", scopes=ANN.scopes, kind="person"), b"{}"),
    ],
)
async def test_another_body_or_other_rights_are_another_request(who: Principal, said: bytes) -> None:
    desk = Desk()
    await desk.once()
    with pytest.raises(OtherRequest):
        await desk.once(who, said=said)
    assert desk.made == 1


async def test_what_was_refused_may_be_sent_again() -> None:
    desk = Desk()

    async def refuse() -> Response:
        raise NotFound("no")

    keys = Idempotency(Repository(desk.store, COLLECTION, Kept), Backwards(), desk.clock)
    with pytest.raises(NotFound):
        await keys.once(ANN, "k", "POST /x", b"{}", refuse)
    assert (await desk.once()).body == b'{"made":1}'


async def test_while_it_is_made_the_same_request_is_told_to_wait() -> None:
    desk, begun, go_on = Desk(), anyio.Event(), anyio.Event()

    async def slow() -> Response:
        begun.set()
        await go_on.wait()
        return await desk.make()

    keys = Idempotency(Repository(desk.store, COLLECTION, Kept), Backwards(), desk.clock)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(keys.once, ANN, "k", "POST /x", b"{}", slow)
            await begun.wait()
            with pytest.raises(InProgress):
                await desk.once()
            go_on.set()
    assert (await desk.once()).body == b'{"made":1}'


async def test_a_key_whose_process_was_killed_frees_itself() -> None:
    desk = Desk()

    async def die() -> Response:
        kept = {document.key: document.body async for document in desk.store.find(COLLECTION)}
        left.update(kept)
        return await desk.make()

    left: dict[str, Json] = {}
    keys = Idempotency(Repository(desk.store, COLLECTION, Kept), Backwards(), desk.clock)
    await keys.once(ANN, "k", "POST /x", b"{}", die)
    for key, body in left.items():  # as it stood when the process ended
        await desk.store.put(COLLECTION, key, body)
    with pytest.raises(InProgress):
        await desk.once()
    desk.clock.at += PATIENCE
    assert (await desk.once()).body == b'{"made":2}'


async def test_after_a_day_the_key_is_free_and_what_is_over_is_forgotten() -> None:
    desk = Desk()
    keys = Idempotency(Repository(desk.store, COLLECTION, Kept), Backwards(), desk.clock)
    await desk.once(key="old")
    await desk.once()
    desk.clock.at += KEPT + timedelta(seconds=1)
    assert (await keys.once(ANN, "k", "POST /x", b"{}", desk.make)).body == b'{"made":3}'
    assert len([document async for document in desk.store.find(COLLECTION)]) == 1


async def test_of_one_who_uses_many_keys_the_oldest_are_forgotten_and_those_of_others_are_not() -> None:
    desk = Desk()
    keys = Idempotency(Repository(desk.store, COLLECTION, Kept), Backwards(), desk.clock)
    bob = Principal(subject="bob")
    await keys.once(bob, "his", "POST /x", b"{}", desk.make)
    for number in range(MOST + TIDY_AFTER):
        desk.clock.at += timedelta(milliseconds=1)
        await keys.once(ANN, str(number), "POST /x", b"{}", desk.make)
    assert len([document async for document in desk.store.find(COLLECTION)]) == MOST + 1
    made = desk.made
    await keys.once(ANN, str(TIDY_AFTER), "POST /x", b"{}", desk.make)
    await keys.once(bob, "his", "POST /x", b"{}", desk.make)
    assert desk.made == made
    await keys.once(ANN, str(TIDY_AFTER - 1), "POST /x", b"{}", desk.make)
    assert desk.made == made + 1


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        await Desk().once(key=key)


async def test_an_answer_that_is_given_again_says_where_the_thing_is(world: World) -> None:
    body: Json = {"name": "Kept", "path": "kept", "url": "http://127.0.0.1:9/mcp", "fetch": False}
    first, again = [
        await world.ask("POST", "/servers", json=body, headers={"idempotency-key": "kept"}) for _ in range(2)
    ]
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"] == "/api/v1/servers/kept"


async def test_a_token_is_made_once_and_shown_to_whoever_sends_its_key_again(world: World) -> None:
    headers = {"idempotency-key": "token-1"}
    body: Json = {"name": "job", "expires_in": 60}
    first = await world.ask("POST", "/tokens", json=body, headers=headers)
    again = await world.ask("POST", "/tokens", json=body, headers=headers)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    other = await world.ask("POST", "/tokens", json={**body, "name": "other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "invalid")
    named = [each for each in (await world.get("/tokens"))["tokens"] if each["name"] == "job"]  # type: ignore[union-attr,call-overload,index]
    assert len(named) == 1
