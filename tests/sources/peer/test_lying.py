"""A peer that lies, breaks off or has no end: what it says is contained, and nothing of ours goes astray."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from airegistry.core.assets import Server
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.sources import Offer
from airegistry.egress.guard import Guard
from airegistry.sources import peer_api
from airegistry.sources.peer import Peers
from tests.sources.peer.lying import OTHER, REGISTRY, LyingPeer, Reader, a_server, reading

pytestmark = pytest.mark.anyio


def listed(*ids: str, following: object = None, **more: object) -> dict[str, Any]:
    """A page of the listing."""
    items = [{"id": id, "digest": "sha256:0"} for id in ids]
    return {"registry": REGISTRY, "gateway": True, "items": items, "next": following, **more}


def deep(levels: int) -> dict[str, Any]:
    """JSON that is nested so deep."""
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


async def one(body: object, id: str = "server/weather", **options: object) -> Offer:
    """The offer that a body becomes."""
    async with reading(LyingPeer({id: body}), **options) as reader:  # type: ignore[dict-item]  # any JSON
        (offer,) = await reader.read()
    return offer


async def test_a_listing_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_api, "MAX_PAGES", 20)
    endless = LyingPeer()
    endless.pages = [listed(f"server/s{number}", following=str(number + 1)) for number in range(30)]
    async with reading(endless) as reader:
        with pytest.raises(UpstreamFailed, match="more than 20 pages"):
            await reader.read()
    assert len(endless.seen) == 20


async def test_a_listing_that_goes_in_circles_is_given_up_at_the_second_round() -> None:
    circle = LyingPeer()
    circle.pages = [listed("server/a", following="1"), listed("server/b", following="1")]
    async with reading(circle) as reader:
        with pytest.raises(UpstreamFailed, match="goes in circles"):
            await reader.read()
    assert len(circle.seen) == 2


async def test_a_listing_of_too_many_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_api, "MAX_ENTRIES", 50)
    many = LyingPeer()
    many.pages = [listed(*(f"server/s{number}" for number in range(51)))]
    async with reading(many) as reader:
        with pytest.raises(UpstreamFailed, match="more than 50 assets"):
            await reader.read()


@pytest.mark.parametrize(
    "page",
    [
        [],
        {},
        {"registry": REGISTRY},
        listed() | {"registry": "A" * 32},
        listed() | {"registry": 7},
        listed() | {"gateway": "yes"},
        listed() | {"items": {}},
        listed() | {"items": None},
        listed() | {"items": ["server/a"]},
        listed() | {"items": [{"id": "server/a"}]},
        listed() | {"items": [{"id": 7, "digest": "x"}]},
        listed() | {"items": [{"id": "server/" + "a" * 300, "digest": "x"}]},
        listed() | {"items": [{"id": "server/a", "digest": "x"}] * 5_001},
        listed(following="1"),
        listed("server/a", following=7),
        listed("server/a", following=""),
        listed("server/a", following="x" * 2_000),
    ],
    ids=range(17),
)
async def test_a_page_that_makes_no_sense_ends_the_pass(page: object) -> None:
    odd = LyingPeer()
    odd.pages = [page]
    async with reading(odd) as reader:
        with pytest.raises(UpstreamFailed):
            await reader.read()


async def test_a_listing_that_changes_hands_in_the_middle_ends_the_pass() -> None:
    odd = LyingPeer()
    odd.pages = [listed("server/a", following="1"), listed("server/b") | {"registry": OTHER}]
    async with reading(odd) as reader:
        with pytest.raises(UpstreamFailed, match="another registry"):
            await reader.read()


@pytest.mark.parametrize(
    "answer",
    [
        {"registry": OTHER, "items": [], "left": []},
        {"registry": REGISTRY, "items": {}, "left": []},
        {"registry": REGISTRY, "items": [], "left": "all"},
        {"registry": REGISTRY, "items": [], "left": ["server/a"]},
        {"registry": REGISTRY},
        [],
    ],
    ids=range(6),
)
async def test_bodies_that_make_no_sense_or_never_come_end_the_pass(answer: object) -> None:
    odd = LyingPeer({"server/a": a_server("a")})
    odd.answers = answer
    async with reading(odd) as reader:
        with pytest.raises(UpstreamFailed):
            await reader.read()


async def test_what_nobody_asked_for_is_not_taken_and_what_was_listed_and_is_not_there_is_gone() -> None:
    odd = LyingPeer({"server/a": a_server("a"), "server/b": a_server("b")})
    odd.answers = {
        "registry": REGISTRY, "left": [],
        "items": [{"id": "server/a", "body": a_server("a")}, {"id": "server/evil", "body": a_server("evil")}],
    }  # fmt: skip
    async with reading(odd) as reader:
        offers = await reader.read()
    assert [(offer.id, len(offer.versions)) for offer in offers] == [("server/a", 1)]


@pytest.mark.parametrize(
    "id",
    [
        "server/Weather", "SERVER/weather", "server/../x", "server/mcp", "server/a/b", "server/", "weather", "",
        "tool/weather", "server/weather\u202e", "server/\x00", "server/wéather",
    ],
)  # fmt: skip
async def test_an_id_that_is_no_name_is_refused_and_not_asked_for(id: str) -> None:
    odd = LyingPeer({id: a_server("weather"), "server/a": a_server("a")})
    async with reading(odd) as reader:
        offers = {offer.id: offer for offer in await reader.read()}
    assert offers[id].refused
    assert offers[id].refused.isascii()
    assert odd.asked == ["server/a"]


async def test_names_outside_the_globs_are_not_asked_for_whatever_the_peer_lists() -> None:
    odd = LyingPeer({"server/team-a": a_server("team-a"), "server/other": a_server("other"), "skill/team-x": {}})
    async with reading(odd, allow=["server/team-*"]) as reader:
        offers = await reader.read()
    assert [offer.id for offer in offers] == ["server/team-a"]
    assert odd.asked == ["server/team-a"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"versions": []},
        {"versions": {}},
        {"versions": ["x"]},
        {"versions": [a_server("a")["versions"][0]] * 2},
        {"versions": [{"name": "a", "version": str(number)} for number in range(51)]},
        a_server("a", version="../1"),
        a_server("a", name=""),
        a_server("a", name="x" * 201),
        a_server("a", tags="all"),
        a_server("a", tags=["t"] * 100),
        a_server("a", tools="all"),
        a_server("a", tools=[{"name": ""}]),
        a_server("a", tools=[{"name": "x"}, {"name": "x"}]),
        a_server("a", tools=[{"name": "x", "inputSchema": "none"}]),
        a_server("a", documentation_url="javascript:alert(1)"),
        a_server("a", metadata=deep(70)),
        a_server("a") | {"via": "me"},
        a_server("a") | {"via": [7]},
        a_server("a") | {"via": ["A" * 32]},
        a_server("a") | {"via": [OTHER, OTHER]},
        a_server("a") | {"via": [f"{number:032x}" for number in range(17)]},
    ],
    ids=range(25),
)
async def test_a_body_that_is_no_asset_is_refused_with_the_reason_in_plain_letters(body: object) -> None:
    offer = await one(body)
    assert not offer.versions
    assert offer.refused.isascii()
    assert len(offer.refused) <= 200


@pytest.mark.parametrize(
    ("id", "version"),
    [
        ("agent/a", {"card": "x"}),
        ("agent/a", {"card": {"name": "A"}}),
        ("agent/a", {"card": {"name": "A", "description": "d", "version": "1", "skills": []}}),
        ("skill/a", {"content": "no frontmatter", "name": "a"}),
        ("skill/a", {"content": "---\nname: a\ndescription: b\n---\n", "files": {"../x": "y"}}),
        ("skill/a", {"content": "---\nname: a\ndescription: b\n---\n", "files": {"x": 7}}),
        ("skill/a", {"content": 7}),
        ("entity/a", {"name": "a", "data": {}}),
        ("entity/a", {"name": "a", "type": "t", "data": []}),
    ],
)
async def test_what_does_not_fit_the_format_of_its_kind_is_refused(id: str, version: object) -> None:
    assert (await one({"versions": [version]}, id)).refused


async def test_hostile_text_stands_in_no_reason_as_it_is() -> None:
    offer = await one(a_server("a", tools=[{"name": "x", "inputSchema": {}, "\u202eevil\n": 1, "annotations": 7}]))
    assert offer.refused.isprintable()


async def test_fields_that_are_not_its_to_say_are_left_out() -> None:
    told = a_server(
        "weather", visibility="private", groups=["root"], stage="approved_production", enabled=False, health="healthy",
        rating={"average": 5, "count": 9}, review={}, created_by="operator", requires_approval=["x"], path="other",
        provenance={"source": "local"}, fetched_at="2020-01-01T00:00:00Z", held={"forecast": "no"},
        health_url="http://127.0.0.1:9/", unknown={"of": "tomorrow"},
    )  # fmt: skip
    (server,) = (await one(told)).versions
    plain = (await one(a_server("weather"))).versions[0]
    same = {"created_at": plain.created_at, "updated_at": plain.updated_at, "provenance": plain.provenance}
    assert isinstance(server, Server)
    assert isinstance(plain, Server)
    assert server.model_copy(update={**same, "url": plain.url}) == plain


async def test_where_a_server_is_called_is_not_for_a_peer_to_say_with_the_gateway() -> None:
    told = a_server("weather", url="http://169.254.169.254/latest", command="sh", args=["-c", "x"], transport="sse")
    async with reading(LyingPeer({"server/weather": told})) as reader:
        ((offer),) = await reader.read()
        (server,) = offer.versions
        assert isinstance(server, Server)
        assert (server.url, server.command, server.args, server.transport) == (
            f"{reader.config.url}/weather/mcp", None, [], "streamable-http",
        )  # fmt: skip


async def test_digests_that_lie_hide_a_change_until_the_next_whole_pass_and_cause_no_other() -> None:
    odd = LyingPeer({"server/a": a_server("a")})
    odd.digests["server/a"] = "always the same"
    async with reading(odd) as reader:
        (first,) = await reader.read()
        odd.bodies["server/a"] = a_server("a", description="Changed.")
        assert await reader.read() == []
        (changed,) = await reader.read(whole=True)
        odd.digests["server/a"] = "another one each time"
        (same,) = await reader.read()
    assert first.digest != changed.digest == same.digest


async def test_what_came_through_here_is_neither_asked_for_nor_taken_nor_refused() -> None:
    odd = LyingPeer({"server/a": a_server("a") | {"via": [OTHER]}, "server/b": a_server("b")})
    async with reading(odd) as reader:
        reader.driver = Peers(Guard(loopback=True), OTHER)
        offers = await reader.read()  # the listing does not say through whom: the body does
        assert [offer.id for offer in offers] == ["server/b"]
        odd.pages = [listed("server/b") | {"items": [{"id": "server/a", "digest": "x", "via": [OTHER]}]}]
        odd.asked.clear()
        assert await reader.read(whole=True) == []
    assert odd.asked == []


async def test_this_registry_is_no_peer_of_its_own() -> None:
    async with reading(LyingPeer({"server/a": a_server("a")})) as reader:
        reader.driver = Peers(Guard(loopback=True), REGISTRY)
        with pytest.raises(Invalid, match="its own"):
            await reader.read()


@asynccontextmanager
async def broken_off(odd: LyingPeer) -> AsyncIterator[Reader]:
    """A reader that has read one page with assets, of more."""
    async with reading(odd) as reader:
        async with reader.driver.open(reader.config) as source:
            page = await source.page(None, None)
            assert page.after is not None
        yield reader


async def test_a_pass_that_was_broken_off_leaves_nothing_that_a_later_one_would_rely_on() -> None:
    odd = LyingPeer({"server/a": a_server("a")})
    async with broken_off(odd) as reader:
        reader.mark = "sha256:0"
        offers = await reader.read()
    assert reader.pages[0].whole
    assert [offer.id for offer in offers] == ["server/a"]


@pytest.mark.parametrize("after", ["-1", "99", "x", "", "٣"])
async def test_a_place_in_a_pass_that_there_is_not_is_refused(after: str) -> None:
    async with reading(LyingPeer({"server/a": a_server("a")})) as reader:
        async with reader.driver.open(reader.config) as source:
            await source.page(None, None)
            with pytest.raises(Invalid):
                await source.page(None, after)
