"""What answers are narrowed to, and what stands in them beside the results."""

from collections.abc import Mapping, Sequence

import pytest

from airegistry.core.answers import Found
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.search import Search
from airegistry.core.shelf import ref
from airegistry.core.sight import Sight
from tests.core.wiring import ANN, BOB, World, asset, build

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> World:
    made = await build()
    await made.put_server("rain-gauge", ["get_rain", "set_rain"], description="Rain.", tags=["sky"], owner_team="sky")
    await made.put_server("rain-vault", ["open_vault"], description="Rain.", groups=["staff"], environment="prod")
    await made.services.catalog.register(SYSTEM, asset("agent", "rain-agent", description="Rain.", owner_team="sea"))
    await made.services.catalog.register(SYSTEM, asset("skill", "rain-dance", description="Rain."))
    return made


def paths(found: Found) -> set[str]:
    return {ref(hit.asset) for hit in found.hits if hit.tool is None}


@pytest.mark.parametrize(
    ("facets", "expected"),
    [
        ({"owner": ["sky"]}, {"server/rain-gauge"}),
        ({"owner": ["sky", "sea"]}, {"server/rain-gauge", "agent/rain-agent"}),
        ({"owner": ["sky"], "environment": ["prod"]}, set()),
        ({"environment": ["prod"]}, {"server/rain-vault"}),
        ({"stage": ["deprecated"]}, set()),
        ({"stage": ["approved_dev"], "tags": ["sky"]}, {"server/rain-gauge"}),
        ({"source": ["elsewhere"]}, set()),
        ({"health": ["healthy"]}, {"server/rain-gauge", "server/rain-vault"}),
        ({"owner": []}, {"server/rain-gauge", "server/rain-vault", "agent/rain-agent", "skill/rain-dance"}),
    ],
)
async def test_answers_are_narrowed_by_any_of_the_values_of_each_name(
    world: World, facets: Mapping[str, Sequence[str]], expected: set[str]
) -> None:
    assert paths(await world.services.search.find(BOB, "rain", facets=facets)) == expected


async def test_a_filter_by_health_follows_the_checks(world: World) -> None:
    search = world.services.search
    assert paths(await search.find(BOB, "rain", facets={"health": ["unhealthy"]})) == set()
    del world.network.tools["https://rain-gauge.test/mcp"]
    for _ in range(2):
        await world.services.health.check(SYSTEM, "server", "rain-gauge")
    found = await search.find(BOB, "rain", facets={"health": ["unhealthy"]})
    assert paths(found) == {"server/rain-gauge"}
    assert {hit.tool.name for hit in found.hits if hit.tool} == {"get_rain", "set_rain"}


async def test_each_kind_has_the_best_of_its_own(world: World) -> None:
    found = await world.services.search.find_by_kind(BOB, "rain", ["server", "tool", "agent", "entity"], limit=1)
    assert {kind: (len(each.hits), each.total) for kind, each in found.items()} == {
        "server": (1, 2), "tool": (1, 3), "agent": (1, 1),
    }  # fmt: skip


async def test_reasons_are_given_when_they_are_asked_for(world: World) -> None:
    (hit,) = (await world.services.search.find(ANN, "open a rain agent", kinds=["agent"], explain=True)).hits
    assert set(hit.why) == {"name: agent", "name: rain", "description: rain"}
    (hit,) = (await world.services.search.find(ANN, "rain", kinds=["agent"])).hits
    assert hit.why == ()


async def test_whatever_is_called_exactly_so_is_a_strong_match_in_the_smallest_registry(world: World) -> None:
    (hit,) = (await world.services.search.find(ANN, "rain dance", kinds=["skill"])).hits
    assert hit.match == "strong"
    (hit,) = (await world.services.search.find(ANN, "rain", kinds=["skill"])).hits
    assert hit.match == "weak"


@pytest.mark.parametrize(
    ("who", "typed", "kinds", "expected"),
    [
        (ANN, "get_rian", None, ["get_rain"]),
        (ANN, "call get_rian for Bern", None, ["get_rain"]),
        (ANN, "get_rain", None, []),
        (ANN, "GetRain", None, []),
        (ANN, "rain-dence", None, ["rain-dance"]),
        (ANN, "rain-dence", ["server", "tool"], []),
        (ANN, "rain-vualt", None, []),
        (BOB, "rain-vualt", None, ["rain-vault"]),
        (BOB, "opn_vault", None, ["open_vault"]),
        (ANN, "something else entirely", None, []),
    ],
)
async def test_names_nearly_like_the_typed_one_are_suggested_of_what_the_caller_may_see(
    world: World, who: Principal, typed: str, kinds: list[str] | None, expected: list[str]
) -> None:
    assert await world.services.search.suggest(who, typed, kinds=kinds) == expected


async def test_a_name_that_is_hidden_does_not_keep_its_neighbour_from_being_suggested(world: World) -> None:
    await world.put_server("rain-vaults", groups=[])
    assert await world.services.search.suggest(ANN, "rain-vault") == ["rain-vaults"]
    assert await world.services.search.suggest(BOB, "rain-vault") == []


async def test_what_is_switched_off_or_deleted_is_not_suggested(world: World) -> None:
    search, catalog = world.services.search, world.services.catalog
    await catalog.toggle(SYSTEM, "skill", "rain-dance", False)
    assert await search.suggest(ANN, "rain-dence") == []
    assert await search.suggest(ANN, "rain-dence", include_disabled=True) == ["rain-dance"]
    await catalog.delete(SYSTEM, "skill", "rain-dance")
    assert await search.suggest(ANN, "rain-dence", include_disabled=True) == []


async def test_who_registered_something_private_finds_it_whoever_of_the_same_rights_asked_before(world: World) -> None:
    may = Grant(assets=["mine*"], actions=["register"])
    eve = await world.holding(may, who=Principal("user:eve"))
    fay = await world.holding(may, who=Principal("user:fay"))
    search = world.services.search
    for who in (fay, eve):
        assert paths(await search.find(who, "mine")) == set()
    await world.put_server("mine", who=eve, visibility="private")
    assert paths(await search.find(fay, "mine")) == set()
    assert paths(await search.find(eve, "mine")) == {"server/mine"}
    assert await search.suggest(fay, "mines") == []
    assert await search.suggest(eve, "mines") == ["mine"]


async def test_who_sees_all_tools_of_a_virtual_server_is_asked_anew_when_a_server_behind_it_changes(
    world: World,
) -> None:
    entry = {"server": "rain-vault", "tool": "open_vault"}
    await world.services.catalog.register(SYSTEM, asset("virtual_server", "bundle", tools=[entry]))
    search = world.services.search

    async def words(who: Principal) -> int:
        return (await search.find(who, "vault", kinds=["virtual_server"])).total

    assert (await words(BOB), await words(ANN)) == (1, 0)
    await world.services.catalog.update(SYSTEM, "server", "rain-vault", {"groups": []})
    assert (await words(BOB), await words(ANN)) == (1, 1)
    await world.services.catalog.update(SYSTEM, "server", "rain-vault", {"groups": ["staff"]})
    assert (await words(BOB), await words(ANN)) == (1, 0)


async def test_tools_of_what_is_unfit_are_left_out_before_the_cut(world: World) -> None:
    search = world.services.search
    assert len((await search.find_tools(BOB, "rain vault", limit=3)).hits) == 3
    found = await search.find_tools(BOB, "rain vault", limit=2, unfit=lambda asset: asset.path == "rain-vault")
    assert {hit.asset.path for hit in found.hits} == {"rain-gauge"}
    assert len(found.hits) == 2


async def test_a_task_of_several_steps_gets_a_tool_for_each(world: World) -> None:
    for number in range(5):
        await world.put_server(f"mail-{number}", ["send_mail"], description="Mail.")
    found = await world.services.search.find_tools(BOB, "open the vault and then send a mail to Ann", limit=2)
    assert {hit.tool.name for hit in found.hits if hit.tool} == {"open_vault", "send_mail"}


async def test_each_way_of_searching_is_recorded_once(world: World) -> None:
    services = world.services
    search = Search(
        services.search.indexing.index, None, services.access, world.visibility, world.shelf, services.audit
    )
    await search.rebuild()
    await search.find_by_kind(ANN, "rain", ["server", "agent"])
    await search.find_tools(ANN, "read the rain and then set the rain gauge")
    await services.audit.settle()
    events = await world.events(action="registry:search")
    assert [event.reason for event in events] == ["2 of 2 shown", "2 of 2 shown"]


async def test_what_is_not_held_is_not_seen(world: World) -> None:
    services = world.services
    held = services.search.indexing.assets
    sight = Sight(SYSTEM, services.access, world.visibility, held.get, True, None, held.sketches.get)
    assert sight.mask(["server/rain-gauge", "server/gone", "tool/gone/x", ""]).tolist() == [True, False, False, False]
