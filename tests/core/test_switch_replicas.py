"""The default version is switched by one process while another one writes: nothing that was acknowledged is lost,
wherever one of the two is paused."""

import anyio
import pytest

from airegistry.core.errors import Conflict
from airegistry.core.ports import AnyAsset
from airegistry.core.shelf import VERSIONS, Shelf
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import asset
from tests.support.paused import Act, Paused

pytestmark = pytest.mark.anyio


async def two_versions(shelf: Shelf) -> None:
    for version in ("1", "2"):
        await shelf.create(asset("agent", "a", version=version))


async def found(shelf: Shelf, version: str | None = None) -> tuple[AnyAsset, int]:
    there = await shelf.get("agent", "a", version)
    assert there is not None
    return there


async def switch(shelf: Shelf, version: str) -> None:
    """Make a version the default."""
    head, wanted = await found(shelf), await found(shelf, version)
    await shelf.promote(*wanted, *head)


async def titled(shelf: Shelf, version: str, title: str) -> None:
    there = await found(shelf, version)
    await shelf.replace(there[0].model_copy(update={"title": title}), there[1])


@pytest.mark.parametrize("step", range(1, 8))
@pytest.mark.parametrize("what", ["change", "delete", "switch and change"])
async def test_a_switch_that_was_paused_loses_nothing_that_was_done_meanwhile(step: int, what: str) -> None:
    """`step` is the act on the store before which the process that switches is paused."""
    store = MemoryStore()
    paused, shelf = Stepwise(store, step), Shelf(store, shared=True)
    switching = Shelf(paused, shared=True)
    await two_versions(shelf)
    head, wanted = await found(shelf), await found(shelf, "2")
    outcome: list[str] = []

    async def try_switch() -> None:
        try:
            await switching.promote(*wanted, *head)
            outcome.append("switched")
        except Conflict:
            outcome.append("refused")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(try_switch)
        with anyio.move_on_after(5):
            await paused.reached.wait()
        try:
            if what == "delete":
                await shelf.delete_version(wanted[0])
            elif what == "change":
                await titled(shelf, "2", "new")
            else:
                await switch(shelf, "2")
                await titled(shelf, "1", "new")
            done = True
        except Conflict:
            done = False
        paused.over.set()
    default, _ = await found(shelf)
    if what == "delete" and done:
        assert (outcome, default.version, await shelf.versions("agent", "a")) == (["refused"], "1", [])
    elif what == "change" and done:
        assert (await found(shelf, "2"))[0].title == "new"
    elif what == "switch and change" and done:
        assert (await found(shelf, "1"))[0].title == "new"
        assert default.version == "2"
    else:
        assert (outcome, default.version) == (["switched"], "2")
    assert {default.version, *await shelf.versions("agent", "a")} >= ({"1"} if what == "delete" else {"1", "2"})


class Stepwise(Paused):
    """A process that is paused before its so many-th act on the store."""

    def __init__(self, inner: MemoryStore, step: int) -> None:
        super().__init__(inner)
        self._left = step
        self.reached = anyio.Event()
        self.over = anyio.Event()

    async def _wait(self, act: Act, collection: str) -> None:
        self._left -= 1
        if self._left == 0:
            self.reached.set()
            await self.over.wait()


@pytest.mark.parametrize("step", range(1, 9))
async def test_a_change_or_deletion_beside_that_was_paused_is_refused_when_a_switch_came_between(step: int) -> None:
    for act in ("change", "delete"):
        for back in (False, True):
            store = MemoryStore()
            paused, shelf = Stepwise(store, step), Shelf(store, shared=True)
            changing = Shelf(paused, shared=True)
            await two_versions(shelf)
            beside = await found(shelf, "2")
            await _try_beside(changing, shelf, paused, beside, act, back=back)


async def _try_beside(
    changing: Shelf, shelf: Shelf, paused: Stepwise, beside: tuple[AnyAsset, int], act: str, *, back: bool
) -> None:
    outcome: list[str] = []

    async def write() -> None:
        try:
            if act == "change":
                await changing.replace(beside[0].model_copy(update={"title": "new"}), beside[1])
            else:
                await changing.delete_version(beside[0])
            outcome.append("done")
        except Conflict:
            outcome.append("refused")
        paused.reached.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await paused.reached.wait()
        try:
            await switch(shelf, "2")
            if back:
                await switch(shelf, "1")
        except AssertionError:  # the version is gone already
            assert act == "delete"
        paused.over.set()
    now = await shelf.get("agent", "a", "2")
    if outcome == ["done"]:
        assert (now is None) if act == "delete" else (now is not None and now[0].title == "new")
    else:
        assert now is not None


async def test_what_was_put_aside_for_a_switch_that_another_made_first_is_no_version_that_was_deleted() -> None:
    store = MemoryStore()
    paused, shelf = Paused(store), Shelf(store, shared=True)
    switching = Shelf(paused, shared=True)
    await two_versions(shelf)
    head, wanted = await found(shelf), await found(shelf, "2")
    pause = paused.pause("put", VERSIONS)
    async with anyio.create_task_group() as tasks:

        async def refused() -> None:
            with pytest.raises(Conflict):
                await switching.promote(*wanted, *head)

        tasks.start_soon(refused)
        await pause.reached.wait()
        await switch(shelf, "2")
        first, _ = await found(shelf, "1")
        await shelf.delete_version(first)
        pause.over.set()
    assert await shelf.versions("agent", "a") == []


async def test_a_process_alone_writes_nothing_more_for_a_change_beside_the_default() -> None:
    store = MemoryStore()
    shelf = Shelf(store)
    await two_versions(shelf)
    await titled(shelf, "2", "new")
    assert (await found(shelf))[1] == 1
