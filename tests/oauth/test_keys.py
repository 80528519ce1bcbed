"""Signing keys: published before they sign, kept while what they signed holds, sealed at rest."""

import base64
from datetime import timedelta
from pathlib import Path

import anyio
import orjson
import pytest
from cryptography.fernet import Fernet
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Internal
from airegistry.oauth.tokens.keys import GRACE, LIFETIME, RETIRED_FOR, InvalidJwt, SigningKeys
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryStore
from airegistry.stores.tinydb import TinyStore
from tests.core.wiring import FakeClock
from tests.oauth.issuing import SECRET_KEY, Failing, eventually

pytestmark = pytest.mark.anyio


async def opened(
    store: DocumentStore, clock: FakeClock, key: str = SECRET_KEY, look_every: float = 0.01
) -> SigningKeys:
    keys = SigningKeys(store, FernetCipher([key]), clock, look_every=look_every, look_again=0.01)
    await keys.open()
    return keys


def kids(keys: SigningKeys) -> list[str]:
    published = keys.jwks()["keys"]
    assert isinstance(published, list)
    return [str(key["kid"]) for key in published if isinstance(key, dict)]


def kid_of(token: str) -> str:
    return str(jwt_header(token)["kid"])


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def jwt_header(token: str) -> dict[str, object]:
    header = token.partition(".")[0]
    parsed: dict[str, object] = orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    return parsed


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_whoever_has_the_jwk_set_verifies_what_was_signed(store: MemoryStore, clock: FakeClock) -> None:
    keys = await opened(store, clock)
    token = keys.sign({"sub": "user:ann"}, "at+jwt")
    read = jwt.decode(token, KeySet.import_key_set(keys.jwks()), algorithms=["ES256"])  # type: ignore[arg-type]  # JSON
    assert read.claims == {"sub": "user:ann"}
    assert read.header == {"alg": "ES256", "typ": "at+jwt", "kid": kids(keys)[0]}


async def test_the_jwk_set_has_no_private_part(store: MemoryStore, clock: FakeClock) -> None:
    published = (await opened(store, clock)).jwks()["keys"]
    assert isinstance(published, list)
    assert [sorted(key) for key in published if isinstance(key, dict)] == [
        ["alg", "crv", "kid", "kty", "use", "x", "y"]
    ]


async def test_a_new_key_is_published_at_once_and_signs_after_the_grace_period(
    store: MemoryStore, clock: FakeClock
) -> None:
    keys = await opened(store, clock)
    [first] = kids(keys)
    assert keys.state(first) == "current"
    await keys.rotate()
    second, _ = kids(keys)
    assert (keys.state(second), keys.state(first)) == ("next", "current")
    clock.pass_(GRACE.total_seconds() - 1)
    assert kid_of(keys.sign({}, "jwt")) == first
    clock.pass_(1)
    assert kid_of(keys.sign({}, "jwt")) == second
    assert (keys.state(second), keys.state(first)) == ("current", "retired")


async def test_a_retired_key_verifies_until_what_it_signed_has_ended_and_is_then_gone(
    store: MemoryStore, clock: FakeClock
) -> None:
    keys = await opened(store, clock)
    [first] = kids(keys)
    token = keys.sign({"n": 1}, "jwt")
    await keys.rotate()
    clock.pass_((GRACE + RETIRED_FOR).total_seconds())
    await keys.refresh()
    assert keys.verify(token, "jwt") == {"n": 1}
    clock.pass_(1)
    await keys.refresh()
    assert first not in kids(keys)
    assert keys.state(first) is None
    assert [document.body["kid"] async for document in store.find("signing_keys")] == kids(keys)
    with pytest.raises(InvalidJwt):
        keys.verify(token, "jwt")


async def test_to_rotate_twice_in_the_grace_period_makes_one_key(store: MemoryStore, clock: FakeClock) -> None:
    keys = await opened(store, clock)
    await keys.rotate()
    await keys.rotate()
    assert len(kids(keys)) == 2


async def test_two_processes_that_start_and_rotate_at_once_agree_on_the_keys(
    store: MemoryStore, clock: FakeClock
) -> None:
    both = [SigningKeys(store, FernetCipher([SECRET_KEY]), clock) for _ in range(2)]
    async with anyio.create_task_group() as tasks:
        for keys in both:
            tasks.start_soon(keys.open)
    assert len(kids(both[0])) == 1
    assert kids(both[0]) == kids(both[1])
    async with anyio.create_task_group() as tasks:
        for keys in both:
            tasks.start_soon(keys.rotate)
    assert len(kids(both[0])) == 2
    assert kids(both[0]) == kids(both[1])


async def test_a_restart_keeps_the_keys(tmp_path: Path, clock: FakeClock) -> None:
    async with TinyStore.open(tmp_path / "journal") as store:
        before = await opened(store, clock)
        await before.rotate()
        token, published = before.sign({"n": 1}, "jwt"), kids(before)
    async with TinyStore.open(tmp_path / "journal") as store:
        after = await opened(store, clock)
        assert kids(after) == published
        assert after.verify(token, "jwt") == {"n": 1}


async def test_no_private_key_is_stored_in_the_clear(tmp_path: Path, clock: FakeClock) -> None:
    async with TinyStore.open(tmp_path / "journal") as store:
        keys = await opened(store, clock)
        await keys.rotate()
        sealed = [str(document.body["sealed"]) async for document in store.find("signing_keys")]
    raw = everything_below(tmp_path)
    assert len(sealed) == 2
    for text in sealed:
        private = orjson.loads(FernetCipher([SECRET_KEY]).decrypt(text))["d"]
        assert len(private) == 43
        assert text.encode() in raw
        assert private.encode() not in raw
    assert b'"d"' not in raw


async def test_keys_sealed_under_another_secret_stop_the_start(store: MemoryStore, clock: FakeClock) -> None:
    await opened(store, clock)
    with pytest.raises(Internal):
        await opened(store, clock, Fernet.generate_key().decode())


async def test_a_key_that_another_process_made_is_picked_up_when_its_token_comes(
    store: MemoryStore, clock: FakeClock
) -> None:
    here, there = await opened(store, clock, look_every=60), await opened(store, clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(here.run)
        await anyio.wait_all_tasks_blocked()
        await there.rotate()
        clock.pass_(GRACE.total_seconds())
        token = there.sign({"n": 1}, "jwt")
        with pytest.raises(InvalidJwt):
            here.verify(token, "jwt")
        await eventually(lambda: here.state(kid_of(token)))
        assert here.verify(token, "jwt") == {"n": 1}
        tasks.cancel_scope.cancel()


async def test_keys_are_rotated_when_the_current_one_has_signed_for_thirty_days(
    store: MemoryStore, clock: FakeClock
) -> None:
    keys = await opened(store, clock)
    async with anyio.create_task_group() as tasks:
        clock.pass_((LIFETIME - timedelta(seconds=1)).total_seconds())
        tasks.start_soon(keys.run)
        await anyio.wait_all_tasks_blocked()
        assert len(kids(keys)) == 1
        clock.pass_(1)
        await eventually(lambda: len(kids(keys)) == 2)
        tasks.cancel_scope.cancel()


async def test_a_store_that_fails_for_a_while_ends_neither_the_loop_nor_the_signing(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Failing()
    keys = await opened(store, clock)
    store.down = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keys.run)
        await eventually(lambda: "cannot be read" in caplog.text)
        assert keys.verify(keys.sign({"n": 1}, "jwt"), "jwt") == {"n": 1}
        store.down = False
        clock.pass_(LIFETIME.total_seconds())
        await eventually(lambda: len(kids(keys)) == 2)
        tasks.cancel_scope.cancel()


async def test_what_a_foreign_key_signed_under_our_kid_is_refused(store: MemoryStore, clock: FakeClock) -> None:
    keys = await opened(store, clock)
    header = {"alg": "ES256", "kid": kids(keys)[0], "typ": "jwt"}
    forged = jwt.encode(header, {"n": 1}, ECKey.generate_key("P-256"), algorithms=["ES256"])
    with pytest.raises(InvalidJwt, match="signature"):
        keys.verify(forged, "jwt")


async def test_claims_that_are_no_object_are_refused(store: MemoryStore, clock: FakeClock) -> None:
    keys = await opened(store, clock)
    with pytest.raises(InvalidJwt, match="no object"):
        keys.verify(keys.sign([1], "jwt"), "jwt")  # type: ignore[arg-type]  # what nobody should sign
