"""The first start of several replicas over one store: one makes it, whatever comes in between."""

from pathlib import Path

import anyio
import pytest
from cryptography.fernet import Fernet

from airegistry.app import App, running
from airegistry.clock import SystemClock
from airegistry.core.first_start import FirstStart
from airegistry.core.leases import Leases
from airegistry.replicas import Replica
from airegistry.settings import Settings
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.open import Stores
from tests.support.waiting import until
from tests.test_replicas import within_a_second

pytestmark = pytest.mark.anyio


async def no() -> bool:
    """Nobody has made it."""
    return False


async def yes() -> bool:
    """It is made."""
    return True


async def test_of_two_that_start_at_once_over_an_empty_store_one_makes_the_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airegistry.replicas.SECONDS", 0.4)
    store, cipher = MemoryStore(), FernetCipher([Fernet.generate_key().decode()])
    apps, over = list[App](), anyio.Event()

    async def start(name: str) -> None:
        (tmp_path / name).mkdir()
        settings = Settings(data=tmp_path / name, embedder="none", health_interval=0)
        async with running(settings, given=Stores(store, MemoryLog(), cipher, [], shared=True)) as app:
            apps.append(app)
            await over.wait()

    async with anyio.create_task_group() as tasks:
        for name in "ab":
            tasks.start_soon(start, name)
        await until(lambda: len(apps) == 2, 30)
        (token,) = [app.first.token for app in apps if app.first.token is not None]
        assert sorted(app.first.new for app in apps) == [False, True]
        for app in apps:
            await within_a_second(lambda app=app: app.services.tokens.resolve(token))  # type: ignore[misc]  # bound now
        over.set()


async def test_a_first_start_whose_lease_ends_meanwhile_is_begun_anew() -> None:
    store, starts = MemoryStore(), list[FirstStart]()

    async def first() -> FirstStart:
        starts.append(FirstStart(new=not starts))
        if len(starts) == 1:
            await store.delete("leases", "first_start")
            await anyio.sleep_forever()
        return starts[-1]

    with anyio.fail_after(5):
        made = await Replica(Leases(store, SystemClock(), seconds=0.2)).begun([], no, first)
    assert (made, len(starts)) == (FirstStart(new=False), 2)


async def test_a_later_start_waits_for_nobodys_lease() -> None:
    async def first() -> FirstStart:
        raise AssertionError("it is made")

    store = MemoryStore()
    held = Leases(store, SystemClock())
    async with held.turn("first_start"):
        with anyio.fail_after(5):
            assert await Replica(Leases(store, SystemClock())).begun([], yes, first) == FirstStart()
