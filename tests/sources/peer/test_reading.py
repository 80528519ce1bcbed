"""Reading an honest peer: what is new is fetched, what is gone is told, what comes in is as the options say."""

import pytest

from airegistry.core.assets import Agent, Entity, Server, Skill
from airegistry.core.errors import Invalid
from airegistry.core.sources import Offer, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.sources.peer import Peers
from tests.sources.peer.lying import OTHER, REGISTRY, TOKEN, LyingPeer, Reader, a_server, reading

pytestmark = pytest.mark.anyio
CARD = {
    "name": "Planner", "description": "Plans.", "version": "1.0", "url": "http://127.0.0.1:9/a2a",
    "protocolVersion": "0.3.0", "capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
    "skills": [{"id": "plan", "name": "Plan", "description": "Plans.", "tags": []}],
}  # fmt: skip
SKILL = "---\nname: brew\ndescription: Brews tea.\n---\nBoil water."
BOOK = {"type": {"name": "book", "schema": {"type": "object"}, "description": "A book."}}


def everything() -> LyingPeer:
    return LyingPeer(
        {
            "agent/planner": {"via": [], "versions": [{"name": "Planner", "version": "1.0", "card": CARD}]},
            "entity/moby": {"via": [], "versions": [{"name": "Moby", "type": "book", "data": {"pages": 635}}]},
            "server/weather": a_server("weather", tags=["sky"]),
            "skill/brew": {"via": [OTHER], "versions": [{"name": "brew", "content": SKILL, "files": {"a.txt": "x"}}]},
            "virtual_server/desk": a_server("desk"),
            "entity_type/book": BOOK,
        }
    )


def by_id(offers: list[Offer]) -> dict[str, Offer]:
    return {offer.id: offer for offer in offers}


async def test_everything_comes_in_with_the_gateways_address_and_the_way_it_came() -> None:
    async with reading(everything()) as reader:
        offers = by_id(await reader.read())
        base = reader.config.url
    (weather,), (planner,), (desk,), (brew,), (moby,) = (
        offers[id].versions
        for id in ("server/weather", "agent/planner", "virtual_server/desk", "skill/brew", "entity/moby")
    )
    assert isinstance(weather, Server)
    assert (weather.url, weather.provenance.via, weather.tools[0].name) == (
        f"{base}/weather/mcp", [REGISTRY], "forecast",
    )  # fmt: skip
    assert isinstance(planner, Agent)
    assert planner.url == planner.card["url"] == f"{base}/agents/planner"
    assert isinstance(desk, Server)
    assert (desk.path, desk.url) == ("desk", f"{base}/desk/mcp")
    assert isinstance(brew, Skill)
    assert (brew.content, brew.files, brew.provenance.via) == (SKILL, {"a.txt": "x"}, [OTHER, REGISTRY])
    assert isinstance(moby, Entity)
    assert (moby.type, moby.data) == ("book", {"pages": 635})
    assert [told.name for told in reader.pages[0].types] == ["book"]
    assert all(page.whole for page in reader.pages)
    assert [page.mark is None for page in reader.pages] == [page.after is not None for page in reader.pages]


async def test_an_unchanged_peer_is_asked_for_its_listing_and_nothing_else() -> None:
    peer = everything()
    async with reading(peer) as reader:
        await reader.read()
        peer.asked.clear()
        assert await reader.read() == []
    assert peer.asked == []
    assert [page.whole for page in reader.pages] == [False]


async def test_of_a_changed_peer_only_what_changed_is_fetched_and_what_is_gone_is_told_first() -> None:
    peer = everything()
    async with reading(peer) as reader:
        await reader.read()
        peer.asked.clear()
        peer.bodies["server/weather"] = a_server("weather", description="Better.")
        del peer.bodies["agent/planner"]
        offers = await reader.read()
    assert peer.asked == ["server/weather"]
    assert [(offer.id, len(offer.versions)) for offer in offers] == [("agent/planner", 0), ("server/weather", 1)]
    assert not any(page.whole for page in reader.pages)


async def test_a_reader_that_remembers_nothing_reads_everything_where_something_changed() -> None:
    peer = everything()
    async with reading(peer) as reader:
        first = by_id(await reader.read())
        reader.driver = Peers(Guard(loopback=True))  # as after a restart
        assert await reader.read() == []
        del peer.bodies["server/weather"]
        again = by_id(await reader.read())
    assert reader.pages[0].whole
    assert again.keys() == first.keys() - {"server/weather"}
    assert {id: offer.digest for id, offer in again.items()} == {id: first[id].digest for id in again}


async def test_a_change_of_a_type_alone_is_told() -> None:
    peer = everything()
    async with reading(peer) as reader:
        await reader.read()
        peer.bodies["entity_type/book"] = {"type": {"name": "book", "schema": {"type": "object"}, "description": "!"}}
        assert await reader.read() == []
        assert [told.description for told in reader.pages[0].types] == ["!"]


async def test_directly_a_server_is_where_its_peer_says_and_a_virtual_one_at_the_gateway() -> None:
    async with reading(everything(), route="direct") as reader:
        offers = by_id(await reader.read())
        base = reader.config.url
    assert [getattr(offers[id].versions[0], "url", None) for id in ("server/weather", "agent/planner")] == [
        "http://127.0.0.1:9/mcp", "http://127.0.0.1:9/a2a",
    ]  # fmt: skip
    assert getattr(offers["virtual_server/desk"].versions[0], "url", None) == f"{base}/desk/mcp"


async def test_versions_beside_the_default_one_are_called_by_their_number() -> None:
    peer = LyingPeer({"server/weather": a_server("weather")})
    peer.bodies["server/weather"]["versions"] += a_server("weather", version="2.0.0")["versions"]
    async with reading(peer) as reader:
        ((offer),) = await reader.read()
        base = reader.config.url
    urls = [version.url for version in offer.versions if isinstance(version, Server)]
    assert urls == [f"{base}/weather/mcp", f"{base}/weather@2.0.0/mcp"]


async def test_a_local_server_stays_the_recipe_that_it_is() -> None:
    recipe = a_server("files", transport="stdio", command="npx", args=["files"], url=None)
    async with reading(LyingPeer({"server/files": recipe})) as reader:
        ((offer),) = await reader.read()
    (server,) = offer.versions
    assert isinstance(server, Server)
    assert (server.transport, server.command, server.args, server.url) == ("stdio", "npx", ["files"], None)


async def test_without_a_gateway_remote_servers_are_refused_with_what_to_do() -> None:
    peer = LyingPeer({"server/weather": a_server("weather")})
    peer.gateway = False
    async with reading(peer) as reader:
        ((offer),) = await reader.read()
    assert "route=direct" in offer.refused


async def test_kinds_globs_and_tags_narrow_what_is_asked_for() -> None:
    peer = everything()
    async with reading(peer, kinds=["server", "skill"], allow=["w*", "skill/b*"], tags=["sky"], relay=True) as reader:
        offers = await reader.read()
    assert [offer.id for offer in offers if offer.versions] == ["server/weather"]
    assert {*peer.asked} == {"server/weather", "skill/brew"}
    assert peer.seen[0][1] == {"kinds": "server,skill", "tags": "sky", "relay": "true"}
    assert {authorization for _, _, authorization in peer.seen} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("options", "secrets", "field"),
    [
        ({}, {}, "input"),
        ({}, {"token": "x", "client_id": "a", "client_secret": "b"}, "input"),
        ({}, {"client_id": "a"}, "input"),
        ({}, {"token": "x", "password": "y"}, "password"),
        ({"route": "sideways"}, {"token": "x"}, "route"),
        ({"kinds": ["tool"]}, {"token": "x"}, "kinds.0"),
        ({"all": True}, {"token": "x"}, "all"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_without_repeating_a_secret(
    options: dict[str, object], secrets: dict[str, object], field: str
) -> None:
    config = SourceConfig("a", "peer", "http://127.0.0.1:1", options, secrets)  # type: ignore[arg-type]  # JSON
    with pytest.raises(Invalid) as refusal:
        Peers(Guard(loopback=True)).check(config)
    assert refusal.value.message.startswith(field)


@pytest.mark.parametrize("url", ["ftp://x.test", "http://", "http://[", "https://x.test/?a=b", "http://10.0.0.1"])
def test_a_url_that_is_none_of_a_registry_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        Peers(Guard()).check(SourceConfig("a", "peer", url, {}, {"token": "x"}))


async def test_of_three_passes_the_last_two_are_remembered() -> None:
    peer = everything()
    async with reading(peer) as reader:
        for words in ("One.", "Two.", "Three."):
            peer.bodies["server/weather"] = a_server("weather", description=words)
            await reader.read()
        del peer.bodies["agent/planner"]
        assert [offer.id for offer in await reader.read()] == ["agent/planner"]
    assert not reader.pages[0].whole


async def test_what_is_gone_fills_as_many_pages_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.sources.peer._TOLD", 2)
    peer = LyingPeer({f"server/s{number}": a_server(f"s{number}") for number in range(5)})
    async with reading(peer) as reader:
        await reader.read()
        peer.bodies = {"server/new": a_server("new")}
        offers = await reader.read()
    assert [offer.id for offer in offers] == [*(f"server/s{number}" for number in range(5)), "server/new"]
    assert [len(page.offers) for page in reader.pages] == [2, 2, 1, 1]


async def test_a_type_that_is_none_is_left_out_and_so_are_types_where_no_entities_are_wanted() -> None:
    peer = everything()
    peer.bodies["entity_type/odd"] = {"type": {"name": "other", "schema": {}}}
    peer.bodies["entity_type/none"] = {"type": 7}
    async with reading(peer) as reader:
        await reader.read()
        assert [told.name for told in reader.pages[0].types] == ["book"]
        narrowed = Reader(reader.config.url, kinds=["server"])
        await narrowed.read()
    assert [page.types for page in narrowed.pages] == [()] * len(narrowed.pages)
