"""Who is told of what, and told again when the store was lost."""

import anyio
import pytest

from airegistry.core import events as module
from airegistry.core.documents import Unavailable
from airegistry.core.errors import AirError
from airegistry.core.events import Event, Events
from airegistry.core.principals import SYSTEM
from tests.core.wiring import asset
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


class Listener:
    """Notes the names of events; fails as long as there are failures."""

    def __init__(self, *failures: Exception) -> None:
        self.told: list[str] = []
        self.failures = [*failures]

    async def __call__(self, event: Event) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.told.append(f"{event.name} {event.asset.path}")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)
    monkeypatch.setattr(module, "LONGEST", 0.02)


def event(act: str, path: str = "weather") -> Event:
    return Event(f"server:{act}", asset("server", path), SYSTEM.subject)


async def test_a_listener_that_the_store_fails_is_told_again_in_order_and_nobody_else_is() -> None:
    events, well = Events(), Listener()
    lost = Listener(*[Unavailable("the store is lost")] * 4, OSError("the disk is full"))
    for listener in (well, lost):
        events.subscribe(listener)
    async with anyio.create_task_group() as tasks:
        await events.emit(event("register"))
        await events.emit(event("delete"))
        tasks.start_soon(events.run)
        await until(lambda: lost.told)
        assert lost.told == well.told == ["server:register weather", "server:delete weather"]
        await events.emit(event("register"))
        assert lost.told == well.told
        assert len(well.told) == 3
        tasks.cancel_scope.cancel()


async def test_what_happens_to_other_assets_is_told_at_once() -> None:
    events, lost = Events(), Listener(Unavailable("the store is lost"))
    events.subscribe(lost)
    await events.emit(event("register"))
    await events.emit(event("register", "snow"))
    assert lost.told == ["server:register snow"]


async def test_a_listener_that_is_broken_is_not_told_again() -> None:
    events, broken = Events(), Listener(AirError("I cannot"), ValueError("nor this"))
    events.subscribe(broken)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(events.run)
        await events.emit(event("register"))
        await events.emit(event("update"))
        await events.emit(event("delete"))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert broken.told == ["server:delete weather"]
