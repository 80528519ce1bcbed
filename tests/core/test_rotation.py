"""The secret key is changed: everything stored opens at every moment, and in the end under the new key alone."""

import re
from pathlib import Path

import pytest

from airegistry.core import rotation
from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import Document, Json
from airegistry.core.errors import AccessDenied
from airegistry.core.principals import SYSTEM
from airegistry.core.rotation import SEALED, SETTLES_AFTER, Rotated, Rotation
from airegistry.stores.cipher import KEY_NAME, FernetCipher, open_cipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.wiring import ANN, FakeClock

pytestmark = pytest.mark.anyio
ROOT = Path(rotation.__file__).parents[1]


class Crash(Exception):
    """The end of the process."""


class Store(MemoryStore):
    """Ends the process at the write that `left` counts down to."""

    left = 10_000

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        self.left -= 1
        if self.left < 0:
            raise Crash
        return await super().put(collection, key, body, expect=expect)


class World:
    """A store with one document of each kind that holds something sealed, and the key in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store()
        self.clock = FakeClock()
        self.access = Access()
        self.cipher = open_cipher(folder)
        self.rotation = self.restarted()

    def restarted(self) -> Rotation:
        """As the next process has it."""
        self.store.left = 10_000
        self.cipher = open_cipher(self.folder)
        audit = Audit(MemoryLog(), self.access, self.clock)
        self.rotation = Rotation(self.store, self.cipher, self.access, audit, self.clock)
        return self.rotation

    async def fill(self) -> "World":
        for collection, fields in SEALED.items():
            body: Json = {field: self.cipher.encrypt(f"{collection}.{field}") for field in fields}
            await self.store.put(collection, "one", {**body, "plain": "as it is"})
        return self

    async def check(self, cipher: FernetCipher) -> None:
        """Everything opens."""
        for collection, fields in SEALED.items():
            document = await self.store.get(collection, "one")
            assert document is not None
            assert document.body["plain"] == "as it is"
            for field in fields:
                assert cipher.decrypt(str(document.body[field])) == f"{collection}.{field}"


@pytest.fixture
async def world(tmp_path: Path) -> World:
    return await World(tmp_path).fill()


def keys(folder: Path) -> list[str]:
    return (folder / KEY_NAME).read_text().split()


async def test_everything_is_sealed_anew_and_the_old_key_goes_after_a_while(world: World, tmp_path: Path) -> None:
    [old] = keys(tmp_path)
    assert await world.rotation.rotate(SYSTEM) == Rotated(keys=2, resealed=len(SEALED))
    assert keys(tmp_path)[1:] == [old]
    await world.check(FernetCipher(keys(tmp_path)[:1]))
    await world.rotation.settle()
    assert len(keys(tmp_path)) == 2
    world.clock.pass_(SETTLES_AFTER)
    await world.rotation.settle()
    assert old not in keys(tmp_path)
    assert len(keys(tmp_path)) == 1
    await world.check(open_cipher(tmp_path))


async def test_a_second_call_finishes_it_and_does_not_begin_another(world: World, tmp_path: Path) -> None:
    await world.rotation.rotate(SYSTEM)
    new = keys(tmp_path)[0]
    assert (await world.rotation.rotate(SYSTEM)).keys == 2
    world.clock.pass_(SETTLES_AFTER)
    assert await world.rotation.rotate(SYSTEM) == Rotated(keys=1, resealed=0)
    assert keys(tmp_path) == [new]


async def test_what_was_on_its_way_to_the_store_under_the_old_key_is_found(world: World, tmp_path: Path) -> None:
    late = world.cipher.encrypt("late")
    await world.rotation.rotate(SYSTEM)
    await world.store.put("credentials", "late", {"sealed": late})
    world.clock.pass_(SETTLES_AFTER)
    await world.rotation.settle()
    found = await world.store.get("credentials", "late")
    assert found is not None
    assert open_cipher(tmp_path).decrypt(str(found.body["sealed"])) == "late"


async def test_what_is_held_in_memory_under_the_old_key_opens_until_the_process_ends(world: World) -> None:
    held = world.cipher.encrypt("held")
    await world.rotation.rotate(SYSTEM)
    world.clock.pass_(SETTLES_AFTER)
    await world.rotation.settle()
    assert world.cipher.keys == 1
    assert world.cipher.decrypt(held) == "held"


@pytest.mark.parametrize("writes", range(len(SEALED) + 1))
async def test_a_crash_at_any_write_loses_nothing_and_the_next_start_finishes(
    world: World, tmp_path: Path, writes: int
) -> None:
    world.store.left = writes
    if writes < len(SEALED):
        with pytest.raises(Crash):
            await world.rotation.rotate(SYSTEM)
    else:
        await world.rotation.rotate(SYSTEM)
    again = world.restarted()
    await world.check(world.cipher)
    await again.settle()
    assert len(keys(tmp_path)) == 1
    await world.check(open_cipher(tmp_path))


async def test_a_key_file_that_cannot_be_written_changes_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(tmp_path)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        await world.rotation.rotate(SYSTEM)
    monkeypatch.undo()
    assert keys(tmp_path) == before
    assert world.cipher.keys == 1
    assert FernetCipher(before).decrypt(world.cipher.encrypt("x")) == "x"


async def test_a_document_that_changes_meanwhile_is_not_written_over(world: World, tmp_path: Path) -> None:
    changed = False

    class Changing(Store):
        async def get(self, collection: str, key: str) -> Document | None:
            nonlocal changed
            found = await super().get(collection, key)
            if found is not None and collection == "users" and not changed:
                changed = True
                await super().put(collection, key, {**found.body, "plain": "as it is", "new": 1})
            return found

    world.store.__class__ = Changing
    await world.rotation.rotate(SYSTEM)
    await world.check(FernetCipher(keys(tmp_path)[:1]))
    found = await world.store.get("users", "one")
    assert found is not None
    assert found.body["new"] == 1


async def test_what_no_key_opens_is_left_as_it_is(world: World) -> None:
    foreign = open_cipher(None).encrypt("x")
    await world.store.put("credentials", "foreign", {"sealed": foreign})
    assert (await world.rotation.rotate(SYSTEM)).resealed == len(SEALED)
    found = await world.store.get("credentials", "foreign")
    assert found is not None
    assert found.body["sealed"] == foreign


async def test_with_one_key_there_is_nothing_to_finish(world: World, tmp_path: Path) -> None:
    before = keys(tmp_path)
    await world.rotation.settle()
    assert keys(tmp_path) == before


async def test_a_document_that_is_gone_meanwhile_stays_gone(world: World) -> None:
    class Losing(Store):
        async def get(self, collection: str, key: str) -> Document | None:
            if collection == "users":
                await super().delete(collection, key)
            return await super().get(collection, key)

    world.store.__class__ = Losing
    assert (await world.rotation.rotate(SYSTEM)).resealed == len(SEALED) - 1


async def test_it_is_for_administrators(world: World, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied):
        await world.rotation.rotate(ANN)
    assert len(keys(tmp_path)) == 1


async def test_in_memory_there_is_a_key_too() -> None:
    cipher = open_cipher(None)
    sealed = cipher.encrypt("x")
    cipher.add_key()
    assert cipher.outdated(sealed)
    assert not cipher.outdated(cipher.encrypt("x"))
    cipher.drop_old_keys()
    assert (cipher.keys, cipher.decrypt(sealed)) == (1, "x")


def test_every_module_that_seals_something_is_known_here() -> None:
    """Whoever adds another must say in `SEALED` where it is stored."""
    sealing = {
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if re.search(r"cipher\.encrypt\(", path.read_text())
    }
    assert sealing == {
        "core/audit_keys.py",  # audit_keys
        "core/credential_vault.py",  # credentials
        "core/directory.py",  # users
        "core/source_secrets.py",  # sources
        "core/source_store.py",  # sources
        "core/source_syncs.py",  # sources
        "core/webhooks.py",  # webhooks
        "oauth/connections/accounts.py",  # links, which are stored nowhere
        "oauth/connections/keeping.py",  # connections, backend_clients
        "oauth/connections/states.py",  # connection_states
        "oauth/login/cookies.py",  # csrf
        "oauth/providers/login_states.py",  # login_states
        "oauth/providers/providers.py",  # identity_providers
        "oauth/providers/relying_party.py",  # sessions
        "oauth/tokens/keys.py",  # signing_keys
        "rest/api/idempotency.py",  # idempotency
        "tools/request_states.py",  # request_states
    }
