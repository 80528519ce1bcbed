"""What a grant may name, what one on a part of an asset gives, and which globs mean everything."""

from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

import pytest
from pydantic import ValidationError

from airegistry.core.access import Access
from airegistry.core.errors import AccessDenied
from airegistry.core.grants import EVERY_TOOL, KINDS, PLUMBING, Action, Grant, Scope
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
    "transition": lambda world, who: world.services.stages.transition(who, "server", "weather", "deprecated", ""),
    "scan": lambda world, who: world.services.rescans.scan(who, "server", "weather"),
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


@pytest.mark.parametrize("action", WHOLE)
@pytest.mark.parametrize("kind", ["server", "virtual_server"])
def test_every_right_on_tools_is_none_on_the_servers_that_have_them(kind: str, action: Action) -> None:
    access, bob = access_of(Grant(kinds=["tool"], actions=["*"]))
    assert not access.decide(bob, action, asset(kind, "weather")).allowed
    assert access.decide(bob, "call", asset(kind, "weather"), tool="forecast", method="tools/call").allowed
    assert not access.administrates(bob)


def test_denying_every_tool_hides_the_tools_and_not_the_server() -> None:
    access, bob = access_of(Grant(), Grant(kinds=["tool"], assets=["weather"], effect="deny"))
    weather = asset("server", "weather")
    assert access.sees(bob, weather)
    assert access.decide(bob, "read", weather, method="tools/list").allowed
    assert not access.sees(bob, weather, "forecast")
    assert not access.decide(bob, "call", weather, tool="forecast", method="tools/call").allowed
    assert not access.decide(bob, "call", weather, tool=EVERY_TOOL, method="odd/method").allowed
    assert access.decide(bob, "call", asset("agent", "weather")).allowed


def test_a_grant_on_tools_and_servers_is_one_on_servers_as_a_whole() -> None:
    access, bob = access_of(Grant(kinds=["tool", "server"], actions=["update"]))
    assert access.decide(bob, "update", asset("server", "weather")).allowed
    assert not access.decide(bob, "update", asset("virtual_server", "weather")).allowed


@pytest.mark.parametrize(
    ("methods", "listed_by"),
    [
        (["tools/*"], "tools/list"),
        (["tools/call"], "tools/list"),
        (["prompts/get"], "prompts/list"),
        (["resources/read"], "resources/list"),
    ],
)
def test_a_grant_of_some_methods_shows_what_those_methods_use_and_nothing_else(
    methods: list[str], listed_by: str
) -> None:
    access, bob = access_of(Grant(assets=["weather"], methods=methods))
    weather = asset("server", "weather")
    for method in ("tools/list", "prompts/list", "resources/list"):
        assert access.sees(bob, weather, "anything", method) is (method == listed_by)


async def test_a_second_grant_of_resources_does_not_show_the_tools_that_the_first_leaves_out(world: World) -> None:
    weather = await world.put_server("weather", ["get_rain", "set_rain"])
    ann = await world.holding(
        Grant(assets=["weather"], tools=["get_*"]), Grant(assets=["weather"], methods=["resources/*"])
    )
    assert [tool.name for tool in world.services.catalog.tools(ann, weather)] == ["get_rain"]
    found = await world.services.search.find(ann, "set_rain", kinds=["tool"])
    assert [hit.tool.name for hit in found.hits if hit.tool] == ["get_rain"]


@pytest.mark.parametrize("method", sorted(PLUMBING | {"notifications/cancelled"}))
async def test_what_a_connection_is_made_of_comes_with_any_grant_and_may_be_denied(world: World, method: str) -> None:
    await world.put_server("weather")
    ann = await world.holding(Grant(assets=["weather"], methods=["tools/call"]))
    assert await world.services.invocation.enter(ann, "weather", method)
    denied = await world.holding(Grant(methods=[method], effect="deny"), who=ann, name="denial")
    with pytest.raises(AccessDenied, match="denied by scope denial"):
        await world.services.invocation.enter(denied, "weather", method)
    assert await world.services.invocation.enter(denied, "weather", "tools/call", "forecast")


@pytest.mark.parametrize("method", ["tools/call", "prompts/get", "resources/read", "completion/complete"])
async def test_methods_are_enforced_on_every_call(world: World, method: str) -> None:
    await world.put_server("weather")
    family = method.partition("/")[0]
    granted = await world.holding(Grant(assets=["weather"], methods=[method]), name="granted")
    others = await world.holding(Grant(assets=["weather"], methods=["[!" + family[0] + "]*"]), name="others")
    denied = await world.holding(
        Grant(assets=["weather"], methods=[f"{family}/*"], effect="deny"), who=granted, name="no"
    )
    assert await world.services.invocation.enter(granted, "weather", method, "forecast")
    for who in (others, denied):
        with pytest.raises(AccessDenied):
            await world.services.invocation.enter(who, "weather", method, "forecast")


def test_an_empty_list_of_tools_shows_the_asset_and_none_of_its_tools() -> None:
    access, bob = access_of(Grant(assets=["vault"], tools=[]))
    vault = OPEN_TO_NOBODY[0].model_copy(update={"path": "vault"})
    assert access.sees(bob, vault)
    assert not access.sees(bob, vault, "open")
    assert not access.decide(bob, "call", vault, tool="open", method="tools/call").allowed


@pytest.mark.parametrize("empty", ["kinds", "assets", "actions"])
@pytest.mark.parametrize("effect", ["allow", "deny"])
def test_an_empty_list_of_kinds_assets_or_actions_is_no_rule_at_all(empty: str, effect: str) -> None:
    access, bob = access_of(Grant.model_validate({empty: [], "effect": effect}))
    weather = asset("server", "weather")
    assert not access.decide(bob, "call", weather, tool="x", method="tools/call").allowed
    assert access.decide(bob, "read", weather).allowed
    assert access.sees(bob, weather, "x")


@pytest.mark.parametrize("assets", [["*", "vault"], ["all", "vault"], ["vault", "**"]])
def test_a_name_beside_a_star_opens_the_asset_of_that_name(assets: list[str]) -> None:
    access, bob = access_of(Grant(assets=assets))
    assert access.sees(bob, OPEN_TO_NOBODY[0])
    assert not access.sees(bob, OPEN_TO_NOBODY[1])
    assert access.decide(bob, "call", asset("server", "weather")).allowed


@pytest.mark.parametrize("glob", ["Weather", "WEATHER", "w[E]ather", "W*"])
def test_case_counts_in_globs_whatever_the_platform(glob: str) -> None:
    access, bob = access_of(Grant(assets=[glob], tools=["Get_*"]), Grant(tools=["GET"]))
    assert not access.decide(bob, "call", asset("server", "weather"), tool="Get_rain", method="tools/call").allowed
    assert not access.decide(bob, "call", asset("server", "weather"), tool="get", method="tools/call").allowed


def test_rights_on_assets_by_glob_are_none_on_the_registry() -> None:
    access, bob = access_of(Grant(assets=["?*"], actions=["*"]), Grant(assets=["[a-z]*"], actions=["*"]))
    for action in ON_THE_REGISTRY:
        assert not access.decide(bob, action).allowed
