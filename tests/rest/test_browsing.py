"""Looking through the catalog: pages and counts over every kind, and that nothing hidden is counted."""

from pathlib import Path
from urllib.parse import quote

import pytest

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from tests.rest.api_world import HIDDEN, World, furnished

pytestmark = pytest.mark.anyio


async def browse(world: World, query: str = "", who: str = "admin") -> Json:
    return await world.get(f"/catalog?{query}", who=who)


def named(answer: Json) -> list[str]:
    """The assets of an answer, as `kind/path`."""
    results = answer["results"]
    assert isinstance(results, list)
    return [f"{each['kind']}/{each['path']}" for each in results if isinstance(each, dict)]


def counts(answer: Json, facet: str) -> dict[str, int]:
    facets = answer["facets"]
    assert isinstance(facets, dict)
    found = facets[facet]
    assert isinstance(found, list)
    return {str(each["value"]): int(str(each["count"])) for each in found if isinstance(each, dict)}


async def test_every_kind_is_shown_in_order_of_path_and_counted(world: World) -> None:
    answer = await browse(world)
    paths = [each.partition("/")[2] for each in named(answer)]
    assert paths == sorted(paths)
    assert {"server/weather", "agent/planner", "skill/folding", "entity/rain"} <= {*named(answer)}
    assert sum(counts(answer, "kind").values()) == answer["total"] == len(paths)
    assert counts(answer, "type") == {"dataset": 1}


async def test_pages_hold_everything_once(world: World) -> None:
    whole, found, cursor = named(await browse(world)), list[str](), ""
    while True:
        page = await browse(world, f"limit=2{cursor}")
        found += named(page)
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={quote(str(page['next_cursor']))}"
    assert found == whole
    refused = await world.ask("GET", "/catalog?cursor=elsewhere")
    assert (refused.status_code, refused.json()["field"]) == (400, "cursor")


async def test_a_facet_counts_what_would_be_shown_in_place_of_what_is_chosen(tmp_path: Path) -> None:
    async with furnished(tmp_path) as world:
        for path, owner, tags in (("a1", "red", ["x"]), ("a2", "red", ["x", "y"]), ("a3", "blue", ["y"])):
            await world.server(path, owner_team=owner, tags=tags, risk_level="high")
        red = await browse(world, "owner=red")
        assert named(red) == ["server/a1", "server/a2"]
        assert counts(red, "owner") == {"red": 2, "blue": 1}
        assert counts(red, "tags") == {"x": 2, "y": 1}
        both = await browse(world, "owner=red&tags=y&risk=high")
        assert (named(both), both["total"]) == (["server/a2"], 1)
        assert counts(both, "owner") == {"blue": 1, "red": 1}
        skills = await browse(world, "kinds=skill")
        assert counts(skills, "kind") == counts(await browse(world), "kind")
        of_type = await browse(world, "type=dataset")
        assert (named(of_type), counts(of_type, "kind")) == (["entity/rain"], counts(skills, "kind"))


async def test_what_is_switched_off_is_shown_and_counted_only_when_asked_for(tmp_path: Path) -> None:
    async with furnished(tmp_path) as world:
        await world.ask("PUT", "/servers/maps/enabled", json={"enabled": False})
        assert "server/maps" not in named(await browse(world))
        assert "server/maps" in named(await browse(world, "include_disabled=true"))
        before, after = [counts(await browse(world, query), "kind") for query in ("", "include_disabled=true")]
        assert after["server"] == before["server"] + 1


async def test_matches_come_best_first_with_how_good_they_are(world: World) -> None:
    answer = await browse(world, "query=weather&limit=3")
    assert named(answer)[0] == "server/weather"
    results = answer["results"]
    assert isinstance(results, list)
    assert results[0]["match"] == "strong"  # type: ignore[index, call-overload]
    assert counts(answer, "kind") == counts(await browse(world), "kind")
    assert (await browse(world, "query=wether"))["suggestions"] == ["weather"]


async def test_hidden_assets_are_in_no_result_count_suggestion_or_byte(tmp_path: Path) -> None:
    """What a caller is answered is the same to the byte whether there are hidden assets or not."""
    queries = [
        "",
        "limit=1",
        "include_disabled=true",
        f"query={HIDDEN}",
        f"tags={HIDDEN}",
        "query=weather",
        f"owner={HIDDEN}",
    ]
    async with furnished(tmp_path) as world:
        before = [await world.ask("GET", f"/catalog?{each}", who="nothing") for each in queries]
        await world.server("secret", visibility="group", groups=["staff"], owner_team=HIDDEN, tags=[HIDDEN, "x"])
        await world.app.services.intake.entity(
            SYSTEM, "dataset", "secret-data", {"rows": 1}, governance={"groups": ["staff"], "tags": [HIDDEN]}
        )
        after = [await world.ask("GET", f"/catalog?{each}", who="nothing") for each in queries]
    assert [each.content for each in after] == [each.content for each in before]
    assert HIDDEN not in before[0].text


async def test_whoever_asks_is_told_who_they_are_and_what_they_may_do(world: World) -> None:
    restricted = await world.get("/me", who="restricted")
    assert (restricted["subject"], restricted["actions"]) == ("token:restricted", ["call", "list", "rate", "read"])
    assert restricted["scopes"] == ["restricted"]
    reader = await world.get("/me", who="reader")
    assert reader["actions"] == ["list", "rate", "read", "update"]
    operator = await world.get("/me")
    assert {"policy", "token", "approve", "audit", "register"} <= {*operator["actions"]}  # type: ignore[misc]  # a list
