"""What a grant may name, what one on a part of an asset gives, and which globs mean everything."""

from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

import pytest
from pydantic import ValidationError

from airegistry.core.access import KINDS, Access, Action, Grant, Scope
from airegistry.core.errors import AccessDenied
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from tests.core.wiring import ANN, World, asset

pytestmark = pytest.mark.anyio
WITH_TOOLS: list[Action] = ["list", "read", "call"]
ON_ASSETS: list[Action] = ["register", "update", "toggle", "refresh", "delete", "transition", "scan", "approve"]
ON_THE_REGISTRY: list[Action] = ["audit", "policy", "token"]
WHOLE = [*ON_ASSETS, *ON_THE_REGISTRY]
Narrowing = dict[str, list[str]]
narrowed = pytest.mark.parametrize(
    "part",
    [
        {"tools": ["forecast"]},
        {"tools": ["*cast"]},
        {"tools": []},
        {"methods": ["tools/call"]},
        {"methods": ["tools/*"]},
        {"tools": ["forecast"], "methods": ["*"]},
    ],
    ids=str,
)


def access_of(*grants: Grant) -> tuple[Access, Principal]:
    """A policy of one scope, and a caller who holds it."""
    access = Access()
    access.replace([Scope(name="s", grants=list(grants))], [])
    return access, Principal("bob", scopes=frozenset({"s"}))


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize(
    ("named", "unknown"),
    [
        ({"kinds": ["servers"]}, "servers"),
        ({"kinds": ["server", ""]}, ""),
        ({"kinds": ["Server"]}, "Server"),
        ({"kinds": ["s*"]}, "s*"),
        ({"kinds": ["**"]}, "**"),
        ({"actions": ["execute"]}, "execute"),
        ({"actions": ["call", "Call"]}, "Call"),
        ({"actions": ["de*"]}, "de*"),
        ({"actions": ["tools/call"]}, "tools/call"),
    ],
)
def test_a_grant_names_no_kind_or_action_that_there_is_not(named: Narrowing, unknown: str, effect: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Grant.model_validate({**named, "effect": effect})
    (fault,) = refusal.value.errors()
    assert fault["loc"] == tuple(named)
    assert f"{unknown!r} is none of" in fault["msg"]


def test_a_grant_may_name_every_kind_and_action_that_there_is() -> None:
    kinds, actions = sorted(KINDS), [*get_args(Action), "*", "all"]
    grant = Grant(kinds=kinds, actions=actions)
    assert (grant.kinds, grant.actions) == (kinds, actions)
    assert Grant(kinds=[], actions=[]).actions == []


@narrowed
@pytest.mark.parametrize("action", WHOLE)
def test_every_action_on_some_tools_or_methods_is_no_act_on_the_asset(part: Narrowing, action: Action) -> None:
    access, bob = access_of(Grant(assets=["weather"], actions=["*"], **part), Grant(actions=[action], **part))
    assert not access.decide(bob, action, asset("server", "weather")).allowed
    assert not access.decide(bob, action, target=("server", "weather")).allowed
    assert not access.decide(bob, action).allowed
    assert not access.administrates(bob)


def test_every_action_on_some_tools_is_what_there_is_to_do_with_a_tool() -> None:
    access, bob = access_of(Grant(assets=["weather"], tools=["forecast"], actions=["*"]))
    weather = asset("server", "weather")
    for action in WITH_TOOLS:
        assert access.decide(bob, action, weather, tool="forecast").allowed
    assert not access.decide(bob, "call", weather, tool="archive").allowed


@narrowed
@pytest.mark.parametrize("action", WHOLE)
def test_a_denial_on_some_tools_or_methods_takes_no_right_on_the_whole(part: Narrowing, action: Action) -> None:
    access, bob = access_of(Grant(actions=["*"]), Grant(actions=["*"], effect="deny", **part))
    assert access.decide(bob, action, asset("server", "weather")).allowed


Act = Callable[[World, Principal], Awaitable[object]]
ACTS: dict[str, Act] = {
    "register": lambda world, who: world.put_server("other", who=who),
    "update": lambda world, who: world.services.catalog.update(who, "server", "weather", {"description": "mine"}),
    "toggle": lambda world, who: world.services.catalog.toggle(who, "server", "weather", enabled=False),
    "refresh": lambda world, who: world.services.catalog.refresh(who, "weather"),
    "transition": lambda world, who: world.services.catalog.transition(who, "server", "weather", "deprecated", ""),
    "scan": lambda world, who: world.services.catalog.rescan(who, "server", "weather"),
    "delete": lambda world, who: world.services.catalog.delete(who, "server", "weather"),
    "policy": lambda world, who: world.services.policy.put_scope(who, Scope(name="gain", grants=[Grant()])),
    "token": lambda world, who: world.services.tokens.create(who, "gain", groups=[], scopes=[], expires_in=60),
}


@pytest.mark.parametrize("act", ACTS)
async def test_who_may_do_everything_with_one_tool_changes_nothing_of_the_registry(world: World, act: str) -> None:
    before = await world.put_server("weather")
    ann = await world.holding(Grant(tools=["forecast"], actions=["*"]))
    with pytest.raises(AccessDenied):
        await ACTS[act](world, ann)
    assert await world.services.catalog.get(ann, "server", "weather") == before
    assert await world.services.invocation.enter(ann, "weather", "tools/call", "forecast")


OPEN_TO_NOBODY: Sequence[AnyAsset] = [
    asset("server", "vault", visibility="group", groups=["staff"], created_by="ann"),
    asset("server", "diary", visibility="private", created_by="ann"),
]


@pytest.mark.parametrize("everything", ["*", "**", "***", "all", "?*", "*?*", "[a-z]*", "?????"])
@pytest.mark.parametrize("hidden", OPEN_TO_NOBODY, ids=["group", "private"])
def test_a_glob_of_wildcards_alone_opens_only_what_is_public(hidden: AnyAsset, everything: str) -> None:
    access, bob = access_of(Grant(assets=[everything], actions=["*"], tools=["forecast"]), Grant(assets=[everything]))
    assert not access.decide(bob, "read", hidden).visible
    assert access.decide(bob, "call", asset("server", "river")).allowed


@pytest.mark.parametrize("everything", ["**", "?*", "all"])
async def test_a_grant_on_everything_lists_no_private_asset(world: World, everything: str) -> None:
    await world.put_server("weather")
    await world.put_server("vault", visibility="private")
    ann = await world.holding(Grant(assets=[everything], actions=["read"]), who=ANN)
    assert [found.path for found in (await world.services.catalog.list(ann, ["server"])).assets] == ["weather"]


def test_every_right_is_given_by_stars_alone_as_by_one_star() -> None:
    stars = ["**"]
    access, bob = access_of(Grant(assets=stars, methods=stars, tools=stars, actions=["*"]))
    assert access.administrates(bob)
    assert access.decide(bob, "policy").allowed


@pytest.mark.parametrize("name", ["rm[all]", "what?", "2*3", "[!a]", "[", "a|b", "(x)", "\\"])
def test_a_name_is_matched_by_itself_whatever_its_characters(name: str) -> None:
    access, bob = access_of(Grant(), Grant(tools=[name], effect="deny"))
    weather = asset("server", "weather")
    assert not access.decide(bob, "call", weather, tool=name).allowed
    assert access.decide(bob, "call", weather, tool=f"{name} too").allowed


def test_a_path_in_a_grant_may_carry_one_leading_slash_and_no_other() -> None:
    assert Grant(assets=["/weather", "team-*"]).assets == ["weather", "team-*"]
    for wrong in ("server/weather", "//weather"):
        with pytest.raises(ValidationError, match="no path or glob of paths"):
            Grant(assets=[wrong])


def test_scopes_that_would_help_come_narrowest_first_and_administrators_only_where_nothing_less_does() -> None:
    access = Access()
    admin = Scope(name="admin", grants=[Grant(actions=["*"])])
    wide = Scope(name="all-calls", grants=[Grant(actions=["call"])])
    narrow = Scope(name="weather-calls", grants=[Grant(assets=["weather"], actions=["call"])])
    access.replace([admin, wide, narrow], [])
    decision = access.decide(Principal("bob"), "call", asset("server", "weather"), tool="get", method="tools/call")
    assert decision.missing == ("weather-calls", "all-calls")
    access.replace([admin], [])
    decision = access.decide(Principal("bob"), "call", asset("server", "weather"), tool="get", method="tools/call")
    assert decision.missing == ("admin",)
