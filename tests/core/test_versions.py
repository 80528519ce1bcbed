"""Versions side by side: the switch of the default, deprecation, and the end."""

from datetime import timedelta

import pytest

from airegistry.core.assets import Deprecation, Json
from airegistry.core.errors import AccessDenied, AirError, Conflict, Invalid, NotFound, Retired, ScanFailed
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.versions import check_sunset, is_over, sunset_headers
from tests.core.wiring import ANN, BOB, NOON, World, asset

pytestmark = pytest.mark.anyio


async def two_versions(world: World, who: Principal = SYSTEM, **fields: object) -> None:
    """`weather` in 1.0.0, the default, and 2.0.0."""
    await world.put_server("weather", ["forecast"], who=who, version="1.0.0", **fields)
    provenance = fields.get("provenance", {})
    await world.put_server(
        "weather", ["outlook"], version="2.0.0", url="https://two.test/mcp", provenance=provenance
    )  # fmt: skip


async def default_of(world: World) -> str:
    return (await world.services.catalog.get(SYSTEM, "server", "weather")).version


async def test_the_default_is_switched_and_switched_back_by_the_same_operation(world: World) -> None:
    await two_versions(world)
    versions = world.services.versions
    for wanted in ("2.0.0", "1.0.0"):
        world.clock.pass_(60)
        switched = await versions.set_default(SYSTEM, "server", "/weather", wanted)
        assert (switched.version, switched.updated_by) == (wanted, "system")
        assert (world.told[-1].name, world.told[-1].asset) == ("server:set_default", switched)
        first, _ = await versions.list(SYSTEM, "server", "weather")
        assert (first.asset, first.default) == (switched, True)
        assert await default_of(world) == wanted
        assert len(await world.shelf.versions("server", "weather")) == 1
    last, *_ = await world.events(action="server:set_default")
    assert (last.outcome, last.reason) == ("ok", "operator; 2.0.0 -> 1.0.0")


async def test_search_finds_the_tools_of_the_default_version(world: World) -> None:
    await two_versions(world)

    async def found(word: str) -> list[str]:
        hits = (await world.services.search.find(SYSTEM, word, kinds=["tool"])).hits
        return [hit.tool.name for hit in hits if hit.tool]

    assert (await found("forecast"), await found("outlook")) == (["forecast"], [])
    await world.services.versions.set_default(SYSTEM, "server", "weather", "2.0.0")
    assert (await found("forecast"), await found("outlook")) == ([], ["outlook"])


async def test_duplicates_are_looked_for_in_the_default_version(world: World) -> None:
    await two_versions(world)
    await world.services.versions.set_default(SYSTEM, "server", "weather", "2.0.0")
    world.server("twin", ["outlook"])
    twin = world.server("twin", ["outlook"])
    done = await world.services.catalog.register(SYSTEM, twin)
    assert [(each.path, each.reason) for each in done.duplicates] == [("weather", "tools")]
    other = await world.services.catalog.register(SYSTEM, world.server("other", ["forecast"]))
    assert other.duplicates == []


async def test_a_switch_to_the_default_itself_changes_nothing(world: World) -> None:
    await two_versions(world)
    before = await world.shelf.get("server", "weather")
    told = len(world.told)
    await world.services.versions.set_default(SYSTEM, "server", "weather", "1.0.0")
    assert await world.shelf.get("server", "weather") == before
    assert len(world.told) == told


async def test_a_switch_changes_neither_whose_it_is_nor_who_sees_it(world: World) -> None:
    ann = await world.holding(Grant(actions=["register"]))
    await two_versions(world, ann, visibility="private")
    await world.services.ratings.rate(SYSTEM, "server", "weather", 5)
    switched = await world.services.versions.set_default(SYSTEM, "server", "weather", "2.0.0")
    assert (switched.visibility, switched.created_by, switched.rating.average) == ("private", "token:ann", 5)
    with pytest.raises(NotFound):
        await world.services.catalog.get(BOB, "server", "weather")
    await world.services.ratings.rate(ANN, "server", "weather", 3)
    assert (await world.services.catalog.get(ANN, "server", "weather")).rating.count == 2


async def test_what_is_switched_off_stays_off_in_another_version(world: World) -> None:
    await two_versions(world)
    await world.services.catalog.toggle(SYSTEM, "server", "weather", enabled=False)
    assert not (await world.services.versions.set_default(SYSTEM, "server", "weather", "2.0.0")).enabled


async def test_a_version_that_would_refuse_every_call_is_no_default(world: World) -> None:
    await two_versions(world)
    catalog, versions = world.services.catalog, world.services.versions
    unfetched = asset("server", "weather", version="3.0.0", url="https://three.test/mcp")
    await catalog.register(SYSTEM, unfetched, fetch=False)
    await world.put_server("weather", version="4.0.0")
    await catalog.toggle(SYSTEM, "server", "weather", enabled=False, version="4.0.0")
    await versions.deprecate(SYSTEM, "server", "weather", "2.0.0", sunset=NOON)
    for version, refusal in (("2.0.0", Retired), ("3.0.0", ScanFailed), ("4.0.0", NotFound), ("5.0.0", NotFound)):
        with pytest.raises(refusal):
            await versions.set_default(SYSTEM, "server", "weather", version)
    assert await default_of(world) == "1.0.0"


@pytest.mark.parametrize("act", ["set_default", "deprecate", "delete"])
async def test_versions_are_changed_by_whoever_may_change_the_asset(world: World, act: str) -> None:
    await two_versions(world)
    change = getattr(world.services.versions, act)
    with pytest.raises(AccessDenied):
        await change(ANN, "server", "weather", "2.0.0")
    with pytest.raises(NotFound, match="no server named 'nothing'"):
        await change(SYSTEM, "server", "nothing", "2.0.0")
    right = {"set_default": "update", "deprecate": "transition", "delete": "delete"}[act]
    editor = await world.holding(Grant(assets=["weather"], actions=[right]))
    await change(editor, "server", "weather", "2.0.0")
    denied, allowed = await world.events(subject="token:ann")
    assert {denied.decision, allowed.decision} == {"allow", "deny"}


async def test_what_comes_from_another_registry_is_not_switched_here(world: World) -> None:
    await two_versions(world, provenance={"source": "peer"})
    for act in ("set_default", "deprecate"):
        with pytest.raises(AccessDenied, match="comes from peer"):
            await getattr(world.services.versions, act)(
                SYSTEM, "server", "weather", {"set_default": "2.0.0"}.get(act, "1.0.0")
            )


async def test_who_may_not_see_the_asset_sees_no_version_of_it(world: World) -> None:
    await two_versions(world, groups=["staff"])
    for path in ("weather", "nothing"):
        with pytest.raises(NotFound, match=f"no server named '{path}'"):
            await world.services.versions.list(ANN, "server", path)
        with pytest.raises(NotFound, match=f"no server named '{path}'"):
            await world.services.catalog.get(ANN, "server", path, "2.0.0")
    seen = await world.services.versions.list(BOB, "server", "weather")
    assert [(each.asset.version, each.default) for each in seen] == [("1.0.0", True), ("2.0.0", False)]


async def test_versions_are_listed_by_number_and_without_those_the_caller_may_not_see(world: World) -> None:
    for version in ("1.9", "1.10", "2.0-beta", "1.10.1", "2.0"):
        visibility = "private" if version == "2.0" else "public"
        await world.put_server("weather", version=version, url=f"https://{version}.test/mcp", visibility=visibility)
    seen = await world.services.versions.list(ANN, "server", "weather")
    assert [each.asset.version for each in seen] == ["1.9", "2.0-beta", "1.10.1", "1.10"]
    assert len(await world.services.versions.list(SYSTEM, "server", "weather")) == 5


async def test_each_act_of_the_catalog_is_on_the_version_that_is_named(world: World) -> None:
    await two_versions(world)
    catalog = world.services.catalog
    await catalog.update(SYSTEM, "server", "weather", {"title": "Two"}, version="2.0.0")
    await world.services.stages.transition(SYSTEM, "server", "weather", "deprecated", "old", version="2.0.0")
    await world.services.rescans.scan(SYSTEM, "server", "weather", version="2.0.0")
    await catalog.refresh(SYSTEM, "weather", version="2.0.0")
    await catalog.toggle(SYSTEM, "server", "weather", enabled=False, version="2.0.0")
    one, two = [await catalog.get(SYSTEM, "server", "weather", version) for version in (None, "2.0.0")]
    assert (one.title, one.stage, one.enabled) == (None, "approved_dev", True)
    assert (two.title, two.stage, two.enabled, two.stage_since) == ("Two", "deprecated", False, NOON)
    with pytest.raises(NotFound, match=r"of version 9"):
        await catalog.update(SYSTEM, "server", "weather", {"title": "Nine"}, version="9")


async def test_a_deprecated_version_says_so_until_its_sunset_and_is_refused_then(world: World) -> None:
    await two_versions(world)
    later = NOON + timedelta(days=1)
    old = await world.services.versions.deprecate(SYSTEM, "server", "weather", "1.0.0", sunset=later, successor="2.0.0")
    assert old.deprecation == Deprecation(since=NOON, sunset=later, successor="2.0.0")
    assert sunset_headers(old, NOON) == [
        (b"deprecation", b"@1795176000"),
        (b"sunset", b"Sat, 21 Nov 2026 12:00:00 GMT"),
        (b"link", b'</weather@2.0.0/mcp>; rel="successor-version"'),
    ]
    check_sunset(old, NOON)
    with pytest.raises(
        Retired, match=r"1\.0\.0 of server 'weather' ended at 2026-11-21T12:00:00Z; use version 2\.0\.0"
    ):
        check_sunset(old, later)
    world.clock.pass_(86_400)
    listed = {each.asset.version: each.over for each in await world.services.versions.list(ANN, "server", "weather")}
    assert listed == {"1.0.0": True, "2.0.0": False}
    again = await world.services.versions.deprecate(SYSTEM, "server", "weather", "1.0.0")
    assert again.deprecation == Deprecation(since=NOON)
    back = await world.services.versions.deprecate(SYSTEM, "server", "weather", "1.0.0", deprecated=False)
    assert (back.deprecation, sunset_headers(back, later)) == (None, [])
    assert not is_over(back, later)


@pytest.mark.parametrize(
    ("default", "advice"), [("2.0.0", "use version 2.0.0"), ("1.0.0", "it has no successor"), (None, "no successor")]
)
async def test_without_a_successor_the_default_version_is_named(world: World, default: str | None, advice: str) -> None:
    await two_versions(world)
    past = NOON - timedelta(days=9)
    old = await world.services.versions.deprecate(SYSTEM, "server", "weather", "1.0.0", sunset=past)
    assert sunset_headers(old, NOON)[0] == (b"deprecation", b"@%d" % past.timestamp())
    with pytest.raises(Retired, match=advice) as refusal:
        check_sunset(old, NOON, default=default)
    assert refusal.value.code == "unsupported"
    assert refusal.value.details() == ({"successor": "2.0.0"} if default == "2.0.0" else {})


async def test_the_lifecycle_deprecates_too_and_the_earlier_end_counts(world: World) -> None:
    retirement = (NOON + timedelta(days=2)).replace(tzinfo=None)  # as a person may give it: meant in UTC
    await two_versions(world, retirement_date=retirement.isoformat())
    catalog, versions = world.services.catalog, world.services.versions
    planned = await catalog.get(SYSTEM, "server", "weather")
    assert sunset_headers(planned, NOON) == []
    old = await world.services.stages.transition(SYSTEM, "server", "weather", "deprecated", "superseded")
    assert sunset_headers(old, NOON) == [
        (b"deprecation", b"@1795176000"), (b"sunset", b"Sun, 22 Nov 2026 12:00:00 GMT"),
    ]  # fmt: skip
    assert is_over(old, NOON + timedelta(days=2))
    sooner = await versions.deprecate(
        SYSTEM, "server", "weather", "1.0.0", sunset=NOON + timedelta(days=1), successor="2.0.0"
    )
    assert sunset_headers(sooner, NOON)[1] == (b"sunset", b"Sat, 21 Nov 2026 12:00:00 GMT")


def test_an_agent_has_no_link_to_a_successor_for_its_versions_have_no_addresses() -> None:
    agent = asset("agent", "a").model_copy(update={"deprecation": Deprecation(since=NOON, successor="2")})
    assert sunset_headers(agent, NOON) == [(b"deprecation", b"@1795176000")]


@pytest.mark.parametrize("successor", ["1.0.0", "7", "../x"])
async def test_a_successor_is_another_version_of_the_asset(world: World, successor: str) -> None:
    await two_versions(world)
    with pytest.raises(Invalid, match="no other version"):
        await world.services.versions.deprecate(SYSTEM, "server", "weather", "1.0.0", successor=successor)


async def test_a_version_is_deleted_but_not_the_default_and_not_a_successor(world: World) -> None:
    await two_versions(world)
    versions = world.services.versions
    with pytest.raises(Conflict, match="is the default"):
        await versions.delete(SYSTEM, "server", "weather", "1.0.0")
    await versions.deprecate(SYSTEM, "server", "weather", "1.0.0", successor="2.0.0")
    with pytest.raises(Conflict, match=r"the successor of 1\.0\.0"):
        await versions.delete(SYSTEM, "server", "weather", "2.0.0")
    await versions.deprecate(SYSTEM, "server", "weather", "1.0.0", deprecated=False)
    gone = await world.shelf.get("server", "weather", "2.0.0")
    await versions.delete(SYSTEM, "server", "weather", "2.0.0")
    assert await world.shelf.versions("server", "weather") == []
    assert gone is not None
    assert (world.told[-1].name, world.told[-1].asset) == ("server:delete_version", gone[0])
    with pytest.raises(NotFound):
        await world.services.scans.report(SYSTEM, gone[0])


async def test_a_pinned_version_stays_until_its_sunset_for_whoever_sees_who_pins_it(world: World) -> None:
    await two_versions(world)
    pin: Json = {"server": "weather", "tool": "outlook", "version": "2.0.0"}
    for path, visibility in (("shown", "public"), ("hidden", "private")):
        await world.services.catalog.register(
            SYSTEM, asset("virtual_server", path, tools=[pin], visibility=visibility), fetch=False
        )
    editor = await world.holding(Grant(assets=["weather"], actions=["delete"]))
    versions = world.services.versions
    assert [each.pinned_by for each in await versions.list(editor, "server", "weather")] == [[], ["shown"]]
    with pytest.raises(Conflict, match="pinned by virtual servers: shown;"):
        await versions.delete(editor, "server", "weather", "2.0.0")
    with pytest.raises(Conflict, match="hidden, shown"):
        await versions.delete(SYSTEM, "server", "weather", "2.0.0")
    await versions.deprecate(SYSTEM, "server", "weather", "2.0.0", sunset=NOON)
    await versions.delete(editor, "server", "weather", "2.0.0")


async def test_an_agent_is_not_pinned_by_what_pins_a_server_of_its_name(world: World) -> None:
    await two_versions(world)
    pin: Json = {"server": "weather", "tool": "outlook", "version": "2.0.0"}
    await world.services.catalog.register(SYSTEM, asset("virtual_server", "shown", tools=[pin]), fetch=False)
    for version in ("1.0.0", "2.0.0"):
        await world.services.catalog.register(SYSTEM, asset("agent", "weather", version=version))
    seen = await world.services.versions.list(SYSTEM, "agent", "weather")
    assert [each.pinned_by for each in seen] == [[], []]
    await world.services.versions.delete(SYSTEM, "agent", "weather", "2.0.0")


async def test_a_version_pinned_by_hidden_servers_alone_is_deleted_as_if_it_were_not(world: World) -> None:
    await two_versions(world)
    pin: Json = {"server": "weather", "tool": "outlook", "version": "2.0.0"}
    await world.services.catalog.register(
        SYSTEM, asset("virtual_server", "hidden", tools=[pin], visibility="private"), fetch=False
    )
    editor = await world.holding(Grant(assets=["weather"], actions=["delete"]))
    await world.services.versions.delete(editor, "server", "weather", "2.0.0")


async def test_an_asset_that_keeps_changing_is_given_up_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await two_versions(world)

    async def late(*ignored: object) -> None:
        raise Conflict("somebody else was first")

    monkeypatch.setattr(world.shelf, "promote", late)
    monkeypatch.setattr(world.shelf, "replace", late)
    for act in ("set_default", "deprecate"):
        with pytest.raises(AirError, match="keeps changing"):
            await getattr(world.services.versions, act)(SYSTEM, "server", "weather", "2.0.0")
