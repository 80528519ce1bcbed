"""What `explain_access` tells of others is what happens to them."""

import random
from typing import Any

import pytest

from airegistry.core.errors import AccessDenied, AirError, NotFound, ScanFailed
from airegistry.core.grants import Action, Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import World, build

pytestmark = pytest.mark.anyio

STATES: dict[str, dict[str, Any]] = {
    "weather": {},
    "vault": {"visibility": "private"},
    "team": {"groups": ["staff"]},
    "draft": {"stage": "draft"},
    "off": {"enabled": False},
    "held": {"enabled": False, "tags": ["security-pending"]},
    "careful": {"requires_approval": ["rm"]},
}
METHODS = ["tools/call", "prompts/get", "tools/list", "ping", "initialize", "notifications/cancelled", "resources/list"]
ACTS: list[Action] = ["read", "update", "toggle", "scan", "delete", "rate", "transition"]
GLOBS = [[path] for path in STATES] + [["*"], ["**"], ["?*"], ["[a-z]*"], ["*a*"], ["weather", "draft"], []]


@pytest.fixture
async def world() -> World:
    world = await build(scanners=[])
    for path, state in STATES.items():
        kept = await world.put_server(path, tools=["get", "rm"])
        found = await world.shelf.get("server", path)
        assert found is not None
        audience = {"visibility": "group"} if "groups" in state else {}
        await world.shelf.replace(kept.model_copy(update={**audience, **state}), found[1])
    return world


def some_grant(dice: random.Random) -> Grant:
    def maybe(choices: list[list[str]]) -> list[str]:
        return dice.choice(choices) if dice.random() < 0.5 else ["*"]

    every_action = [[action] for action in ACTS] + [["*"], ["call"], ["list"], ["read", "call"], ["update", "read"]]
    return Grant(
        kinds=maybe([["server"], ["tool"], ["skill"], ["server", "tool"]]), assets=maybe(GLOBS),
        methods=maybe([["tools/call"], ["tools/*"], ["ping"], ["*/list"]]), tools=maybe([["get"], ["r*"], []]),
        actions=dice.choice(every_action) if dice.random() < 0.7 else None,
        effect="deny" if dice.random() < 0.25 else "allow",
    )  # fmt: skip


async def happens(world: World, who: Principal, path: str, act: str, tool: str | None) -> bool:
    """Whether something goes well, tried as far as it changes nothing."""
    try:
        if "/" in act or act in METHODS:
            await world.services.invocation.enter(who, path, act, tool)
        else:
            await world.services.catalog.get(who, "server", path, to=act)  # type: ignore[arg-type]  # an action
    except AirError:
        return False
    return True


@pytest.mark.parametrize("seed", range(60))
async def test_an_explanation_says_what_the_gateway_and_the_catalog_do(world: World, seed: int) -> None:
    dice = random.Random(seed)
    for name in ("one", "two"):
        await world.services.policy.put_scope(
            SYSTEM, Scope(name=name, grants=[some_grant(dice) for _ in range(dice.randint(0, 3))])
        )
    await world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=["two"]))
    groups = ["staff"] if dice.random() < 0.6 else []
    _, token = await world.services.tokens.create(SYSTEM, "bot", groups=groups, scopes=["one"], expires_in=60)
    who = world.services.tokens.resolve(token)
    assert who is not None
    for path in STATES:
        for act, tool in (
            [(method, "get") for method in METHODS[:2]]
            + [("tools/call", "rm")]
            + [(act, None) for act in (*METHODS[2:], *ACTS)]
        ):
            told = await world.services.explainer.explain(SYSTEM, "token:bot", act, path, tool=tool)
            assert told.allowed is await happens(world, who, path, act, tool), (path, act, tool, told)


@pytest.mark.parametrize("path", ["off", "held"])
async def test_who_may_not_call_a_server_is_told_that_and_not_its_state(world: World, path: str) -> None:
    who = Principal("token:nobody")
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(who, path, "tools/call", "get")
    allowed = await world.holding(Grant(assets=[path]))
    with pytest.raises((NotFound, ScanFailed)):
        await world.services.invocation.enter(allowed, path, "tools/call", "get")


async def test_a_tool_that_is_not_there_stops_a_call_and_a_hidden_one_reads_alike(world: World) -> None:
    who = await world.holding(Grant(assets=["weather"], tools=["get"]))
    hidden = await world.services.explainer.explain(who, "me", "call", "weather", tool="rm")
    absent = await world.services.explainer.explain(who, "me", "call", "weather", tool="xx")
    assert (hidden.allowed, hidden.reason, hidden.stops) == (absent.allowed, absent.reason, absent.stops)
