"""From a subject and what its token carries to a Principal."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

import pytest

from airegistry.core.access import Access
from airegistry.core.grants import Grant, Group, Scope
from airegistry.oauth.callers import Callers
from airegistry.oauth.model import Client

T = TypeVar("T")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
CHIEF = Scope(name="chief", grants=[Grant(actions=["*"])])
CALLS = Scope(name="calls", grants=[Grant(assets=["weather"])])
READS = Scope(name="reads", grants=[Grant(assets=["news"], actions=["read"])])
DENIES = Scope(name="denies", grants=[Grant(assets=["weather"], tools=["rm"], effect="deny")])
MINTS = Scope(name="mints", grants=[Grant(kinds=["registry"], actions=["token"])])
GROUPS = [
    Group(name="staff", scopes=["calls", "reads", "denies"]),
    Group(name="chiefs", scopes=["chief"]),
    Group(name="minters", scopes=["mints"]),
]


@dataclass
class Person:
    groups: list[str] = field(default_factory=list)
    provider_groups: list[str] = field(default_factory=list)
    active: bool = True
    created_at: datetime = NOW
    ended_at: datetime | None = None


class Table(Generic[T]):
    """Users or clients by id."""

    def __init__(self, **known: T) -> None:
        self.all = known
        self.revision = 0

    def known(self, id_: str) -> T | None:
        return self.all.get(id_)


def machine(**fields: object) -> Client:
    return Client.model_validate({"client_id": "robot", "origin": "registered", "created_at": NOW, **fields})


@dataclass
class World:
    access: Access
    people: Table[Person]
    machines: Table[Client]
    callers: Callers


@pytest.fixture
def world() -> World:
    access = Access()
    access.replace([CHIEF, CALLS, READS, DENIES, MINTS], GROUPS)
    people = Table(
        ann=Person(groups=["staff"]), bob=Person(provider_groups=["staff"]), cat=Person(active=False),
        eve=Person(groups=["chiefs"]), max=Person(groups=["minters"]),
    )  # fmt: skip
    machines = Table(robot=machine(groups=["staff"], scopes=["chief"]), idle=machine(active=False))
    return World(access, people, machines, Callers(access, people, machines))


def test_a_person_holds_what_their_groups_bring_whoever_gave_them(world: World) -> None:
    for name in ("ann", "bob"):
        who = world.callers.by_subject(f"user:{name}", client="app", scopes=["mcp"])
        assert who is not None
        assert (who.subject, who.kind, who.client) == (f"user:{name}", "person", "app")
        assert who.scopes == {"calls", "reads", "denies"}
        assert who.groups == {"staff"}
        assert not who.withheld
        assert not who.administers


def test_a_token_of_fewer_scopes_carries_those_and_keeps_every_denial(world: World) -> None:
    who = world.callers.by_subject("user:ann", client="app", scopes=["reads", "chief", "unheard-of"])
    assert who is not None
    assert who.scopes == {"reads"}
    assert who.withheld == {"calls", "denies"}
    assert who.restraints == {"denies"}


def test_whoever_holds_every_right_may_carry_any_scope_instead(world: World) -> None:
    who = world.callers.by_subject("user:eve", client="app", scopes=["calls", "unheard-of"])
    assert who is not None
    assert who.scopes == {"calls"}
    assert who.withheld == {"chief"}
    assert not world.access.administrates(who)


def test_a_token_of_no_scope_carries_nothing(world: World) -> None:
    who = world.callers.by_subject("user:ann", client="app", scopes=[])
    assert who is not None
    assert who.scopes == frozenset()


def test_administration_is_carried_by_name_alone(world: World) -> None:
    plain = world.callers.by_subject("user:eve", client="app", scopes=["mcp"])
    full = world.callers.by_subject("user:eve", client="app", scopes=["mcp", "mcp:admin"])
    assert plain is not None
    assert full is not None
    assert (plain.administers, full.administers) == (False, True)
    assert not world.access.decide(plain, "policy").allowed
    assert world.access.decide(plain, "policy").step_up == ("mcp:admin",)
    assert world.access.decide(full, "policy").allowed


@pytest.mark.parametrize(
    "subject", ["user:cat", "user:dan", "client:idle", "client:x", "token:t", "operator", "user:", ""]
)
def test_nobody_is_made_of_a_subject_that_is_none(world: World, subject: str) -> None:
    assert world.callers.by_subject(subject) is None


def test_a_machine_holds_its_own_scopes_and_those_of_its_groups(world: World) -> None:
    who = world.callers.machine("robot", scopes=["mcp"])
    assert who is not None
    assert (who.subject, who.kind, who.client) == ("client:robot", "machine", "robot")
    assert who.scopes == {"calls", "reads", "denies", "chief"}


def test_a_change_holds_at_once(world: World) -> None:
    def scopes() -> set[str] | None:
        who = world.callers.by_subject("user:ann", client="app", scopes=["mcp"])
        return None if who is None else set(who.scopes)

    assert scopes() == {"calls", "reads", "denies"}
    world.access.replace([CALLS], [Group(name="staff", scopes=["calls"])])
    assert scopes() == {"calls"}
    world.people.all["ann"] = Person(groups=[])
    world.people.revision += 1
    assert scopes() == set()
    world.people.all["ann"] = Person(active=False)
    world.people.revision += 1
    assert scopes() is None


@pytest.mark.parametrize(
    ("name", "requested", "granted"),
    [
        ("ann", [], ["mcp"]),
        ("ann", ["mcp", "mcp:admin", "offline_access"], ["mcp", "offline_access"]),
        ("ann", ["calls", "chief", "nonsense"], ["calls"]),
        ("ann", ["nonsense"], []),
        ("eve", ["mcp:admin", "mcp"], ["mcp:admin", "mcp"]),
        ("eve", ["calls", "nonsense"], ["calls"]),
        ("max", ["mcp", "mcp:admin"], ["mcp", "mcp:admin"]),
        ("cat", ["mcp"], []),
        ("nobody", [], []),
    ],
)
def test_granted_is_what_the_subject_can_give(
    world: World, name: str, requested: list[str], granted: list[str]
) -> None:
    assert world.callers.grantable(f"user:{name}", requested) == granted
