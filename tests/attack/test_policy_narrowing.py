"""A narrower token of somebody never does or shows what the broader one would not."""

import random

import pytest

from airegistry.core.access import Access
from airegistry.core.errors import Invalid
from airegistry.core.grants import Action, Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import asset, build

NAMES = ["a", "b", "c"]
ACTS: list[Action] = ["list", "read", "call", "update", "register", "policy", "token", "rate"]


def some_grant(dice: random.Random) -> Grant:
    def maybe(choices: list[list[str]]) -> list[str]:
        return dice.choice(choices) if dice.random() < 0.5 else ["*"]

    return Grant(
        kinds=maybe([["server"], ["tool"], ["skill"], ["registry"]]), assets=maybe([["weather"], ["w*"], ["vault"]]),
        methods=maybe([["tools/call"], ["tools/*"], ["ping"]]), tools=maybe([["get"], ["r*"], []]),
        actions=[dice.choice([*ACTS, "*"])] if dice.random() < 0.7 else None,
        effect="deny" if dice.random() < 0.3 else "allow",
    )  # fmt: skip


def holder(access: Access, *carried: str, administers: bool = True) -> Principal:
    """A person of the group that holds every scope, with a token that carries some."""
    held = access.narrowed(["all"], (), frozenset(carried))
    return Principal(
        "user:ann", "person", "app", frozenset({"all"}), held.scopes, withheld=held.withheld,
        restraints=held.restraints, administers=administers,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_narrowing_takes_away_and_a_hint_to_step_up_is_true(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(50):
        access = Access()
        scopes = [Scope(name=name, grants=[some_grant(dice) for _ in range(dice.randint(0, 3))]) for name in NAMES]
        access.replace(scopes, [Group(name="all", scopes=NAMES)])
        carried = [name for name in NAMES if dice.random() < 0.4]
        it = asset("server", "weather", visibility=dice.choice(["public", "private"])) if dice.random() < 0.7 else None
        action, part = dice.choice(ACTS), dice.choice([None, "get", "rm", ""])
        method = dice.choice([None, "tools/call", "tools/list", "ping"])
        tool, method = (part, method) if it is not None else (None, None)
        narrow = access.decide(holder(access, *carried), action, it, tool=tool, method=method)
        if narrow.allowed:
            assert access.decide(holder(access, *NAMES), action, it, tool=tool, method=method).allowed, (seed, action)
        for name in narrow.step_up:
            more = holder(access, *carried, name)
            assert access.decide(more, action, it, tool=tool, method=method).allowed, (seed, action, name)


@pytest.mark.anyio
async def test_tools_that_are_hidden_from_somebody_are_not_shown_to_a_token_they_vend() -> None:
    world = await build()
    await world.put_server("weather", tools=["forecast", "erase"])
    await world.services.policy.put_scope(
        SYSTEM, Scope(name="forecasts", grants=[Grant(assets=["weather"], tools=["forecast"])])
    )
    _, token = await world.services.tokens.create(SYSTEM, "bot", groups=[], scopes=["forecasts"], expires_in=60)
    maker = world.services.tokens.resolve(token)
    assert maker is not None
    _, vended = await world.services.tokens.vend(maker, "job", scopes=[], expires_in=60)
    job = world.services.tokens.resolve(vended)
    assert job is not None
    server = await world.services.catalog.get(job, "server", "weather")
    assert [tool.name for tool in world.services.catalog.tools(maker, server)] == ["forecast"]
    assert [tool.name for tool in world.services.catalog.tools(job, server)] == ["forecast"]


@pytest.mark.parametrize("glob", ["[]a-z]*", "[!]0]*", "[!x]*", "[a-z]?*"])
def test_a_class_with_a_bracket_in_it_is_a_wildcard_and_opens_nothing_private(glob: str) -> None:
    access = Access()
    access.replace([Scope(name="a", grants=[Grant(assets=[glob])])], [Group(name="all", scopes=["a"])])
    private = asset("server", "weather", visibility="private")
    assert not access.decide(holder(access, "a"), "call", private).visible


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["mcp", "mcp:admin", "offline_access"])
async def test_no_scope_has_the_name_of_what_every_client_asks_for(name: str) -> None:
    world = await build()
    with pytest.raises(Invalid, match="no scope of a policy"):
        await world.services.policy.put_scope(SYSTEM, Scope(name=name, grants=[Grant(actions=["*"])]))
    found = await world.services.policy.import_(SYSTEM, {name: [], "plain": [], "group_mappings": {"g": [name]}})
    assert [scope.name for scope in found.scopes] == ["plain"]
