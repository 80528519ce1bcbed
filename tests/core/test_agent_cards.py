"""Agent cards against the specification, the ways they name to reach an agent, and what changes in them."""

import json

import pytest

from airegistry.core.assets import Agent, Json
from airegistry.core.card_forms import lacking
from airegistry.core.cards import fetchable, interfaces_of, interfaces_of_card
from airegistry.core.errors import AccessDenied, Invalid, ScanFailed, UpstreamFailed
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from tests.core.test_intake import OLD
from tests.core.wiring import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "change",
    [
        {"supportedInterfaces": "text"},
        {"supportedInterfaces": ["text"]},
        {"supportedInterfaces": [{"url": "https://a.test"}]},
        {"supportedInterfaces": [{"url": "https://a.test", "protocolBinding": "JSONRPC"}]},
        {"supported_interfaces": [{"url": "http://10.0.0.1"}]},
        {"URL": "http://10.0.0.1"},
        {"additionalInterfaces": [{"url": "https://a.test"}]},
        {"additionalInterfaces": [{"url": "http://10.0.0.1/", "transport": "HTTP+JSON"}]},
        {"additionalInterfaces": [{"url": "file:///etc/passwd", "transport": "GRPC"}]},
        {"preferredTransport": 5},
        {"capabilities": []},
        {"capabilities": {"streaming": "yes"}},
        {"capabilities": {"extensions": [{}]}},
        {"defaultInputModes": "text/plain"},
        {"provider": {"organization": "x"}},
        {"security": {"x": []}},
        {"securitySchemes": []},
        {"securitySchemes": {"x": {}}},
        {"securitySchemes": {"x": {"type": "basic"}}},
        {"securitySchemes": {"x": {"type": "apiKey", "name": "k"}}},
        {"securitySchemes": {"x": {"type": "oauth2", "flows": []}}},
        {"securitySchemes": {"x": {"httpAuthSecurityScheme": {}}}},
        {"securitySchemes": {"x": {"httpAuthSecurityScheme": {"scheme": "Bearer"}, "mtlsSecurityScheme": {}}}},
        {"security": [{"x": []}]},
        {"securitySchemes": {"y": {"type": "mutualTLS"}}, "security": [{"x": []}]},
        {"securitySchemes": {"y": {"mtlsSecurityScheme": {}}}, "securityRequirements": [{"schemes": {"x": {}}}]},
        {"signatures": [{}]},
        {"signatures": [{"protected": "e30", "signature": "not base64url"}]},
        {"signatures": [{"protected": "e30", "signature": "x", "header": []}]},
        {"skills": [{"id": "a", "name": "a"}, {"id": "a", "name": "b"}]},
        {"skills": [{"id": " ", "name": "a"}]},
        {"skills": [{"id": "a\n", "name": "a"}]},
        {"skills": [{"id": "a"}]},
    ],
)
async def test_a_member_of_a_card_that_is_against_the_specification_is_named(world: World, change: Json) -> None:
    with pytest.raises(Invalid):
        await world.services.intake.agent(SYSTEM, "planner", card={**OLD, **change}, governance={})
    assert await world.shelf.get("agent", "planner") is None


SCHEMES: list[Json] = [
    {"type": "apiKey", "name": "k", "in": "header"},
    {"type": "http", "scheme": "bearer"},
    {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://a.test/token", "scopes": {}}}},
    {"type": "openIdConnect", "openIdConnectUrl": "https://a.test/.well-known/openid-configuration"},
    {"type": "mutualTLS"},
    {"apiKeySecurityScheme": {"name": "k", "location": "header"}},
    {"httpAuthSecurityScheme": {"scheme": "Bearer"}},
    {"oauth2SecurityScheme": {"flows": {"clientCredentials": {"tokenUrl": "https://a.test/token"}}}},
    {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://a.test/.well-known/openid-configuration"}},
    {"mtlsSecurityScheme": {}},
]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_every_security_scheme_of_both_versions_is_taken(world: World, scheme: Json) -> None:
    needed: Json = {"securityRequirements": [{"schemes": {"x": {"list": []}}}]}
    card: Json = {
        **OLD,
        "securitySchemes": {"x": scheme},
        **({"security": [{"x": []}]} if "type" in scheme else needed),
    }
    signed: Json = {"signatures": [{"protected": "e30", "signature": "c2ln", "header": {"kid": "1"}}]}
    await world.services.intake.agent(SYSTEM, "planner", card={**card, **signed}, governance={})


def test_what_a_card_leaves_out_is_named() -> None:
    modes: Json = {"capabilities": {}, "defaultInputModes": [], "defaultOutputModes": []}
    older: Json = {"url": "https://a.test", "protocolVersion": "0.3.0", "skills": [{"id": "a", "name": "a"}]}
    assert lacking({**modes, **older}) == ["skills.0.description", "skills.0.tags"]
    assert lacking({"skills": []}) == [*modes, "url", "protocolVersion"]
    newer: Json = {"supportedInterfaces": [], "skills": []}
    assert lacking({**modes, **newer}) == []


WAYS: Json = {
    **OLD, "preferredTransport": "grpc", "url": "grpc.test:443",
    "additionalInterfaces": [
        {"url": "https://a.test/rest", "transport": "HTTP+JSON"},
        {"url": "https://a.test/rest", "transport": "HTTP+JSON"},
        {"url": "wss://a.test/ws", "transport": "https://x.test/bindings/ws"},
    ],
}  # fmt: skip


async def test_every_way_to_reach_an_agent_is_read_once_in_order_of_preference(world: World) -> None:
    ways = interfaces_of_card(WAYS)
    assert [(way.binding, way.version) for way in ways] == [
        ("GRPC", "0.3"), ("HTTP+JSON", "0.3"), ("HTTPS://X.TEST/BINDINGS/WS", "0.3"),
    ]  # fmt: skip
    assert [fetchable(way) for way in ways] == ["https://grpc.test:443", "https://a.test/rest", "https://a.test/ws"]
    agent = (await world.services.intake.agent(SYSTEM, "planner", card=WAYS, governance={})).asset
    assert isinstance(agent, Agent)
    moved = agent.model_copy(update={"url": "https://b.test"})
    assert interfaces_of(agent) == ways
    assert [(way.url, way.binding) for way in interfaces_of(moved)] == [("https://b.test", "HTTP+JSON")]
    bare = agent.model_copy(update={"card": {}, "url": "https://b.test"})
    assert [(way.url, way.binding, way.version) for way in interfaces_of(bare)] == [
        ("https://b.test", "JSONRPC", "0.3")
    ]


def test_what_is_no_interface_is_left_out() -> None:
    card: Json = {
        "url": "https://a.test",
        "preferredTransport": 5,
        "additionalInterfaces": [{"url": "https://a.test"}, 5],
    }
    assert interfaces_of_card(card) == []


async def test_a_card_is_fetched_anew_and_what_changed_is_told(world: World) -> None:
    url = "https://planner.test/.well-known/agent-card.json"
    world.network.texts[url] = json.dumps(OLD)
    await world.services.intake.agent(SYSTEM, "planner", url="https://planner.test", governance={})
    _, changes = await world.services.intake.refresh_agent(SYSTEM, "/planner")
    assert changes == []
    skill: Json = {"id": "book", "name": "Book", "description": "Books.", "tags": []}
    changed: Json = {**OLD, "description": "Plans and books.", "skills": [skill], "version": "2"}
    world.network.texts[url] = json.dumps(changed)
    kept, changes = await world.services.intake.refresh_agent(SYSTEM, "planner")
    assert isinstance(kept, Agent)
    assert (kept.card, [*kept.held]) == (OLD, ["card"])
    waiting = await world.services.definitions.changes(SYSTEM, "agent", "planner")
    assert waiting.hash is not None
    agent = await world.services.definitions.approve(SYSTEM, "agent", "planner", waiting.hash, reason="fine")
    assert isinstance(agent, Agent)
    assert agent.held == {}
    assert ([each.id for each in agent.skills], agent.description, agent.card) == (
        ["book"], "Plans and books.", changed,
    )  # fmt: skip
    assert [(change.member, change.before, change.after) for change in changes] == [
        ("description", "Plans trips.", "Plans and books."),
        ("skills.book", None, skill),
        ("skills.plan", OLD["skills"][0], None),  # type: ignore[index]  # JSON
        ("version", "1.2.0", "2"),
    ]


async def test_a_card_that_turned_bad_is_not_taken_over(world: World) -> None:
    url = "https://planner.test/card"
    world.network.texts[url] = json.dumps(OLD)
    await world.services.intake.agent(SYSTEM, "planner", url=url, governance={})
    for text in ("no json", json.dumps({**OLD, "url": "http://10.0.0.1/"}), json.dumps({**OLD, "name": ""})):
        world.network.texts[url] = text
        with pytest.raises(Invalid):
            await world.services.intake.refresh_agent(SYSTEM, "planner")
    del world.network.texts[url]
    with pytest.raises(UpstreamFailed):
        await world.services.intake.refresh_agent(SYSTEM, "planner")
    kept = await world.services.catalog.get(SYSTEM, "agent", "planner")
    assert isinstance(kept, Agent)
    assert kept.card == OLD
    world.network.texts[url] = json.dumps({**OLD, "description": "Plans \U000e0041\U000e0042\U000e0043 trips."})
    held, _ = await world.services.intake.refresh_agent(SYSTEM, "planner")
    assert isinstance(held, Agent)
    assert (held.enabled, held.card, [*held.held]) == (True, OLD, ["card"])
    waiting = await world.services.definitions.changes(SYSTEM, "agent", "planner")
    assert (waiting.hash is not None, waiting.pending["card"].verdict) == (True, "block")
    with pytest.raises(ScanFailed, match="not taken over"):
        await world.services.definitions.approve(SYSTEM, "agent", "planner", str(waiting.hash), reason="fine")


async def test_a_card_given_by_value_or_changed_by_who_may_not_is_not_fetched(world: World) -> None:
    await world.services.intake.agent(SYSTEM, "planner", card=OLD, governance={})
    with pytest.raises(Invalid, match="registered by value"):
        await world.services.intake.refresh_agent(SYSTEM, "planner")
    reader = await world.holding(Grant(assets=["planner"], actions=["read"]))
    with pytest.raises(AccessDenied):
        await world.services.intake.refresh_agent(reader, "planner")
