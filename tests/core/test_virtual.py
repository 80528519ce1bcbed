"""Composing virtual servers: what may be put in, what it is called, who lends it, and who is told of it."""

import pytest

from airegistry.core.assets import Json, Prompt, Server, Tool, VirtualServer
from airegistry.core.composing import read_wishes
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound, UnknownTool
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from tests.core.virtual import compose, furnish, names, put
from tests.core.wiring import ANN, BOB, World, asset, build

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> World:
    world = await build()
    await furnish(world)
    return world


def part(server: str, tool: str, **more: object) -> Json:
    return {"server": server, "tool": tool, **more}  # type: ignore[dict-item]  # JSON, as each test gives it


async def changed(world: World, path: str, tools: list[Json]) -> VirtualServer:
    return await world.services.compositions.update(SYSTEM, path, read_wishes(tools), {})


async def test_a_tool_keeps_its_name_and_the_second_of_that_name_gets_its_servers_before_it(world: World) -> None:
    made = await compose(world, "desk", [part("math", "plus"), part("words", "plus"), part("math", "minus")])
    assert names(made) == ["plus", "words_plus", "minus"]


async def test_an_alias_goes_before_the_default_name_of_another_tool(world: World) -> None:
    made = await compose(world, "desk", [part("math", "plus"), part("words", "count", alias="plus")])
    assert names(made) == ["math_plus", "plus"]


@pytest.mark.parametrize("second", ["sum", "SUM"])
async def test_two_tools_cannot_have_one_alias_nor_one_that_differs_by_case(world: World, second: str) -> None:
    with pytest.raises(Conflict):
        await compose(world, "desk", [part("math", "plus", alias="sum"), part("math", "minus", alias=second)])


async def test_names_of_odd_backends_are_made_acceptable_and_stay_apart(world: World) -> None:
    odd = ["x" * 128, "x" * 127 + "y", "wetter für zürich", "a b"]
    await put(world, "odd", odd)
    made = await compose(world, "desk", [part("odd", "*")])
    assert len({name.casefold() for name in names(made)}) == 4
    assert all(len(name) <= 64 and name.isascii() and " " not in name for name in names(made))
    assert [tool.tool for tool in made.tools] == odd


async def test_every_tool_of_a_server_is_put_in_by_a_star_beside_what_is_named(world: World) -> None:
    made = await compose(world, "desk", [part("math", "*"), part("math", "minus", alias="less")])
    assert names(made) == ["plus", "less"]


async def test_every_tool_cannot_have_one_alias(world: World) -> None:
    with pytest.raises(Invalid):
        await compose(world, "desk", [part("math", "*", alias="all")])


async def test_the_same_tool_twice_needs_an_alias(world: World) -> None:
    with pytest.raises(Conflict):
        await compose(world, "desk", [part("math", "plus"), part("math", "plus")])
    made = await compose(world, "desk", [part("math", "plus"), part("math", "plus", alias="add")])
    assert names(made) == ["plus", "add"]


@pytest.mark.parametrize("wrong", [part("nowhere", "plus"), part("math", "times"), part("math", "plus", version="9")])
async def test_what_does_not_exist_cannot_be_put_in(world: World, wrong: Json) -> None:
    with pytest.raises(NotFound):
        await compose(world, "desk", [wrong])
    assert await world.shelf.get("virtual_server", "desk") is None


async def test_what_the_composer_may_not_see_reads_as_unknown(world: World) -> None:
    await put(world, "vault", groups=["staff"])
    ann = await world.holding(Grant(kinds=["virtual_server"], actions=["register", "list", "read"]))
    errors = []
    for server in ("vault", "nowhere"):
        with pytest.raises(NotFound) as caught:
            await compose(world, "desk", [part(server, "plus")], who=ann)
        errors.append(caught.value.message.replace(server, "SERVER"))
    assert errors[0] == errors[1]


async def test_virtual_servers_are_no_parts_so_that_there_are_no_cycles(world: World) -> None:
    await compose(world, "desk", [part("math", "plus")])
    with pytest.raises(Invalid):
        await compose(world, "office", [part("desk", "plus")])
    with pytest.raises(Invalid):
        await changed(world, "desk", [part("desk", "plus")])


async def test_a_path_is_free_for_a_server_or_for_a_virtual_one(world: World) -> None:
    with pytest.raises(Conflict):
        await compose(world, "math", [part("words", "count")])


@pytest.mark.parametrize("field", ["lent", "summary"])
async def test_nobody_says_of_a_tool_that_it_is_lent(world: World, field: str) -> None:
    with pytest.raises(Invalid):
        await compose(world, "desk", [part("math", "plus", **{field: True})])


async def test_what_a_virtual_server_is_made_of_is_not_written_past_its_composer(world: World) -> None:
    await compose(world, "desk", [part("math", "plus")])
    tools: list[Json] = [{"server": "math", "tool": "minus", "lent": True}]
    with pytest.raises(Invalid):
        await world.services.intake.update(SYSTEM, "virtual_server", "desk", {"tools": [*tools]})


async def test_who_may_change_the_server_lends_its_tools_and_others_do_not(world: World) -> None:
    ann = await world.holding(
        Grant(kinds=["virtual_server"], actions=["*"]), Grant(kinds=["server"], assets=["math"], actions=["update"])
    )
    made = await compose(world, "desk", [part("math", "plus"), part("words", "count")], who=ann)
    assert [tool.lent for tool in made.tools] == [True, False]


async def test_a_tool_stays_lent_as_it_was_when_somebody_else_changes_the_virtual_server(world: World) -> None:
    ann = await world.holding(Grant(kinds=["virtual_server"], actions=["*"]))
    await compose(world, "desk", [part("math", "plus")])
    added = await world.services.compositions.add(ann, "desk", read_wishes([part("math", "minus")]).tools[0])  # type: ignore[index]
    assert [tool.lent for tool in added.tools] == [True, False]
    widened = await world.services.compositions.update(
        ann, "desk", read_wishes([part("math", "plus", scopes=["x"]), part("math", "minus")]), {}
    )
    assert [tool.lent for tool in widened.tools] == [False, False]


async def test_only_who_may_register_composes_and_the_refusal_is_audited(world: World) -> None:
    with pytest.raises(AccessDenied):
        await compose(world, "desk", [part("math", "plus")], who=ANN)
    (event,) = await world.events(action="virtual_server:register")
    assert (event.subject, event.decision) == (ANN.subject, "deny")


async def test_names_stay_when_others_come_and_go(world: World) -> None:
    await compose(world, "desk", [part("math", "plus"), part("words", "plus"), part("words", "count")])
    less = await world.services.compositions.remove(SYSTEM, "desk", lambda tool: tool.server == "math")
    assert names(less) == ["words_plus", "count"]
    more = await changed(world, "desk", [part("math", "plus"), part("words", "plus")])
    assert names(more) == ["plus", "words_plus"]
    pinned = await changed(world, "desk", [part("math", "plus", version="1.0.0"), part("words", "plus")])
    assert names(pinned) == ["plus", "words_plus"]


async def test_a_renamed_tool_of_a_part_renames_no_other(world: World) -> None:
    await compose(world, "desk", [part("math", "plus"), part("words", "plus")])
    world.network.tools["https://math.test/mcp"] = [Tool(name="sum")]
    await world.services.catalog.refresh(SYSTEM, "math")
    added = await world.services.compositions.add(SYSTEM, "desk", read_wishes([part("math", "sum")]).tools[0])  # type: ignore[index]
    assert names(added) == ["plus", "words_plus", "sum"]
    view = await world.services.compositions.view(SYSTEM, added)
    assert [each["problem"] for each in view.parts] == ["gone from it: plus", None]


async def test_removing_what_is_not_there_is_refused(world: World) -> None:
    await compose(world, "desk", [part("math", "plus")])
    with pytest.raises(UnknownTool):
        await world.services.compositions.remove(SYSTEM, "desk", lambda tool: False)


async def test_a_virtual_server_whose_part_is_gone_stays_and_says_so(world: World) -> None:
    await compose(world, "desk", [part("math", "plus"), part("words", "count")])
    await world.services.catalog.delete(SYSTEM, "server", "math")
    found = await world.services.catalog.get(SYSTEM, "virtual_server", "desk")
    assert isinstance(found, VirtualServer)
    view = await world.services.compositions.view(SYSTEM, found)
    assert [(each["server"], each["problem"]) for each in view.parts] == [("math", "gone"), ("words", None)]
    assert view.health == "unhealthy"
    kept = await world.services.compositions.update(SYSTEM, "desk", read_wishes(), {"description": "Sums."})
    assert names(kept) == ["plus", "count"]


async def test_prompts_and_resources_come_with_the_tools_of_a_server_and_are_not_lent(world: World) -> None:
    made = await compose(world, "desk", [part("math", "plus"), part("words", "count")])
    assert [(each.alias, each.lent) for each in made.prompts] == [("math_proof", False)]
    assert [(each.server, each.uri, each.lent) for each in made.resources] == [
        ("math", "*", False), ("words", "*", False),
    ]  # fmt: skip
    fewer = await world.services.compositions.remove(SYSTEM, "desk", lambda tool: tool.server == "math")
    assert (fewer.prompts, [each.server for each in fewer.resources]) == ([], ["words"])


async def test_who_chooses_resources_gets_those_alone_and_lends_them(world: World) -> None:
    wanted: list[Json] = [{"server": "math", "uri": "const://pi"}]
    made = await compose(world, "desk", [part("math", "plus")], resources=wanted)
    assert (made.prompts, [(each.uri, each.lent) for each in made.resources]) == ([], [("const://pi", True)])
    same = await changed(world, "desk", [part("math", "*")])
    assert same.resources == made.resources


async def test_prompts_are_chosen_by_name_and_unknown_ones_refused(world: World) -> None:
    wanted: list[Json] = [{"server": "math", "prompt": "*"}]
    made = await compose(world, "desk", [], prompts=wanted)
    assert [(each.alias, each.lent) for each in made.prompts] == [("math_proof", True)]
    with pytest.raises(NotFound):
        await compose(world, "office", [], prompts=[{"server": "math", "prompt": "poem"}])


async def test_servers_whose_names_run_together_do_not_share_a_prompts_name(world: World) -> None:
    await put(world, "a_b", prompts=[Prompt(name="c")])
    await put(world, "a", prompts=[Prompt(name="b_c")])
    made = await compose(world, "desk", [part("a_b", "plus"), part("a", "plus")])
    assert len({each.alias for each in made.prompts}) == 2


async def test_what_an_override_says_is_scanned(world: World) -> None:
    made = await compose(world, "desk", [part("math", "plus", description="add\u202e")])
    assert (made.enabled, made.tags) == (False, ["security-pending"])


async def test_a_caller_is_shown_the_tools_it_may_see_and_the_servers_it_may_know_of(world: World) -> None:
    await put(world, "vault", ("open",), groups=["staff"])
    made = await compose(
        world,
        "desk",
        [part("vault", "open", alias="unlock"), part("math", "plus"), part("words", "count", scopes=["s"])],
    )
    view = await world.services.compositions.view(ANN, made)
    assert [tool["name"] for tool in view.tools] == ["unlock", "plus"]
    assert "vault" not in str(view)
    assert [each["server"] for each in view.parts] == ["math", "words"]
    staff = await world.services.compositions.view(BOB, made)
    assert [(tool["name"], tool["server"]) for tool in staff.tools] == [("unlock", "vault"), ("plus", "math")]
    scoped = Principal(ANN.subject, scopes=frozenset({"s"}))
    assert [tool["name"] for tool in (await world.services.compositions.view(scoped, made)).tools][-1] == "count"


async def test_a_tool_that_is_denied_on_its_server_is_not_told_of(world: World) -> None:
    made = await compose(world, "desk", [part("math", "plus"), part("math", "minus")])
    ann = await world.holding(Grant(assets=["math"], tools=["minus"], effect="deny"))
    assert [tool["name"] for tool in (await world.services.compositions.view(ann, made)).tools] == ["plus"]


async def test_a_virtual_server_is_found_by_the_words_of_its_tools_by_those_who_see_them_all(world: World) -> None:
    await world.redefine("math", [Tool(name="plus", description="Adds zebras.")])
    await compose(world, "desk", [part("math", "plus")], description="For office work.")
    await compose(world, "scoped", [part("math", "plus", scopes=["s"])], description="For office work.")
    found = await world.services.search.find(ANN, "zebras", kinds=["virtual_server"])
    assert [hit.asset.path for hit in found.hits] == ["desk"]
    by_name = await world.services.search.find(ANN, "office", kinds=["virtual_server"])
    assert {hit.asset.path for hit in by_name.hits} == {"desk", "scoped"}
    scoped = Principal(ANN.subject, scopes=frozenset({"s"}))
    assert (await world.services.search.find(scoped, "zebras", kinds=["virtual_server"])).total == 2


@pytest.mark.parametrize(
    ("grants", "lent", "stop"),
    [
        ([Grant(assets=["desk"])], True, None),
        ([Grant(assets=["desk"])], False, "not lent, and plus is not granted on server 'math'"),
        ([Grant(assets=["desk", "math"])], False, None),
        ([Grant(assets=["desk"]), Grant(assets=["math"], effect="deny", actions=["call"])], True,
         "plus is denied on server 'math'"),
    ],
)  # fmt: skip
async def test_explain_says_what_stops_a_call_at_the_server_behind(
    world: World, grants: list[Grant], lent: bool, stop: str | None
) -> None:
    owner = Principal("token:owner") if not lent else SYSTEM
    if not lent:
        owner = await world.holding(Grant(kinds=["virtual_server"], actions=["*"]), who=owner, name="composer")
    await compose(world, "desk", [part("math", "plus")], who=owner)
    ann = await world.holding(*grants)
    said = await world.services.explainer.explain(ann, "me", "call", "virtual_server/desk", tool="plus")
    assert (said.allowed, said.stops) == (stop is None, () if stop is None else (stop,))


async def test_explain_says_that_the_server_behind_is_off(world: World) -> None:
    await compose(world, "desk", [part("math", "plus")])
    await world.services.catalog.toggle(SYSTEM, "server", "math", False)
    said = await world.services.explainer.explain(SYSTEM, "me", "call", "virtual_server/desk", tool="plus")
    assert said.stops == ("the server behind it is switched off",)


async def test_at_most_so_many_tools_are_composed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.composing.MOST", 1)
    with pytest.raises(Invalid):
        await compose(world, "desk", [part("math", "*")])


async def test_a_local_recipe_is_no_part(world: World) -> None:
    local = asset("server", "local", transport="stdio", command="npx", tools=[{"name": "plus"}])
    assert isinstance(local, Server)
    await world.services.catalog.register(SYSTEM, local)
    with pytest.raises(Invalid):
        await compose(world, "desk", [part("local", "plus")])


async def test_prompts_of_a_server_that_is_gone_stay_when_the_tools_change(world: World) -> None:
    await compose(world, "desk", [part("math", "plus"), part("words", "count")])
    await world.services.catalog.delete(SYSTEM, "server", "math")
    left = await world.services.compositions.remove(SYSTEM, "desk", lambda tool: tool.server == "words")
    assert [each.alias for each in left.prompts] == ["math_proof"]


async def test_a_part_past_its_sunset_says_so(world: World) -> None:
    made = await compose(world, "desk", [part("math", "plus", version="1.0.0")])
    await world.services.catalog.register(SYSTEM, world.server("math", version="2.0.0"))
    await world.services.versions.set_default(SYSTEM, "server", "math", "2.0.0")
    await world.services.versions.deprecate(SYSTEM, "server", "math", "1.0.0", sunset=world.clock.now())
    world.clock.pass_(60)
    (told,) = (await world.services.compositions.view(SYSTEM, made)).parts
    assert told["problem"] == "past its sunset"
