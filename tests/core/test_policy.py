"""Scopes and groups, and when they hold."""

from collections.abc import AsyncIterator, Sequence

import anyio
import pytest

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import Document, Where
from airegistry.core.errors import AccessDenied, Invalid
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.policy import Policy
from airegistry.core.principals import SYSTEM, Principal
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.wiring import ANN, FakeClock, World, build

pytestmark = pytest.mark.anyio


async def test_scopes_and_groups_are_kept_and_hold_after_a_restart(world: World) -> None:
    await world.services.policy.put_scope(SYSTEM, Scope(name="readers", grants=[Grant(assets=["vault"])]))
    await world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=["readers"]))
    await world.put_server("vault", visibility="private")
    later = await build(store=world.store)
    member = Principal("eve", scopes=later.services.access.scopes_of(["staff"]))
    assert await later.services.catalog.get(member, "server", "vault")
    assert [scope.name for scope in await later.services.policy.scopes(SYSTEM)] == ["readers"]
    assert [group.name for group in await later.services.policy.groups(SYSTEM)] == ["staff"]


async def test_a_removed_scope_or_group_holds_no_more(world: World) -> None:
    policy, access = world.services.policy, world.services.access
    await policy.put_scope(SYSTEM, Scope(name="readers"))
    await policy.put_group(SYSTEM, Group(name="staff", scopes=["readers"]))
    assert await policy.delete_group(SYSTEM, "staff")
    assert access.scopes_of(["staff"]) == set()
    assert await policy.delete_scope(SYSTEM, "readers")
    assert not await policy.delete_scope(SYSTEM, "readers")


async def test_a_group_cannot_name_a_scope_that_does_not_exist(world: World) -> None:
    with pytest.raises(Invalid, match="no scope named 'typo'"):
        await world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=["typo"]))
    assert await world.services.policy.groups(SYSTEM) == []


async def test_only_administrators_of_policy_read_or_change_it(world: World) -> None:
    policy = world.services.policy
    for refused in (
        policy.put_scope(ANN, Scope(name="mine", grants=[Grant(actions=["*"])])),
        policy.put_group(ANN, Group(name="mine")),
        policy.delete_scope(ANN, "mine"),
        policy.delete_group(ANN, "mine"),
        policy.scopes(ANN),
        policy.groups(ANN),
    ):
        with pytest.raises(AccessDenied):
            await refused
    denied = [event.action for event in await world.events(decision="deny")]
    assert denied == ["group:delete", "scope:delete", "group:put", "scope:put"]


class SlowStore(MemoryStore):
    """A store whose first look at the groups takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = anyio.Event(), anyio.Event()

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        if collection == "groups" and not self.reached.is_set():
            self.reached.set()
            await self.go.wait()
        async for document in super().find(collection, where=where, any_of=any_of, after=after, limit=limit):
            yield document


async def test_of_two_changes_at_once_both_hold_in_the_end() -> None:
    store, access = SlowStore(), Access()
    policy = Policy(store, access, Audit(MemoryLog(), access, FakeClock()))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(policy.put_scope, SYSTEM, Scope(name="one", grants=[Grant(actions=["audit"])]))
        await store.reached.wait()
        tasks.start_soon(policy.put_scope, SYSTEM, Scope(name="two", grants=[Grant(actions=["token"])]))
        await anyio.wait_all_tasks_blocked()
        store.go.set()
    both = Principal("x", scopes=frozenset({"one", "two"}))
    assert access.decide(both, "audit").allowed
    assert access.decide(both, "token").allowed
