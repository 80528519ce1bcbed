"""Records of AWS Agent Registry, read from a fake that takes only what botocore's descriptions allow."""

import json
from collections import deque

import pytest
from starlette.responses import JSONResponse

from airegistry.core.assets import Agent, Server, Skill
from airegistry.core.errors import AirError, CredentialRefused, Invalid, UpstreamFailed
from airegistry.core.sources import Offer
from tests.sources.agentcore.reading import aws, configured, read_all
from tests.sources.agentcore.world import HOME, WHEN, Parameters, Refused

pytestmark = pytest.mark.anyio
REGISTRY, SECOND = "abcdef123456", "secondabc123"
ARN = f"arn:aws:agent-registry:us-east-1:{HOME}:registry/"
OLD_ARN = f"arn:aws:bedrock-agentcore:us-east-1:{HOME}:registry/"
SERVER_JSON = {
    "name": "com.example/weather",
    "description": "Weather of today",
    "version": "2.1.0",
    "remotes": [{"type": "streamable-http", "url": "https://weather.example.com/mcp"}],
}
TOOLS = {"tools": [{"name": "forecast", "description": "Tells the weather", "inputSchema": {"type": "object"}}]}
CARD = {
    "protocolVersion": "0.3.0", "name": "Planner", "description": "Plans trips.", "version": "1.4.0",
    "url": "https://planner.example.com/a2a", "capabilities": {}, "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [{"id": "plan", "name": "Plan", "description": "Plans a trip.", "tags": ["travel"]}],
}  # fmt: skip
SKILL_MD = "---\nname: tidy-notes\ndescription: Tidies notes up.\n---\nRead them, then sort them.\n"
CUSTOM = {"endpoint": "https://legacy.example.com/rpc", "owner": "ops", "description": "An older one"}


def record(number: int, type_: str, descriptors: Parameters, **more: object) -> Parameters:
    """A record of `agent-registry`."""
    id = f"rec{number:09d}"
    return {
        "registryArn": f"{ARN}{REGISTRY}", "recordArn": f"{ARN}{REGISTRY}/record/{id}", "recordId": id,
        "name": f"thing-{number}", "description": f"Thing {number}", "recordType": type_, "recordVersion": "1.0.0",
        "descriptors": descriptors, "status": "APPROVED", "createdAt": WHEN, "updatedAt": WHEN, **more,
    }  # fmt: skip


def old_record(number: int, type_: str, descriptors: Parameters, **more: object) -> Parameters:
    """A record of the preview under `bedrock-agentcore`."""
    made = record(number, type_, descriptors, **more)
    made["descriptorType"] = made.pop("recordType")
    id = made["recordId"]
    return {**made, "registryArn": f"{OLD_ARN}{REGISTRY}", "recordArn": f"{OLD_ARN}{REGISTRY}/record/{id}"}


def mcp(document: object, tools: object = None) -> Parameters:
    more: Parameters = {} if tools is None else {"additionalData": {"tools": {"data": json.dumps(tools)}}}
    return {"mcpServer": {"data": document if isinstance(document, str) else json.dumps(document), **more}}


def skill(content: str) -> Parameters:
    return {"agentSkillsDefinition": {"data": "{}", "additionalData": {"skillMd": {"data": content}}}}


FOUR = [
    record(1, "MCP", mcp(SERVER_JSON, TOOLS), displayName="Weather for all"),
    record(2, "AGENT", {"a2aAgentCard": {"data": json.dumps(CARD)}}),
    record(3, "CUSTOM", {"custom": {"data": json.dumps(CUSTOM)}}),
    record(4, "SKILL", skill(SKILL_MD), recordVersion="3.2.1"),
]
FOUR_OLD = [
    old_record(
        1, "MCP",
        {"mcp": {"server": {"inlineContent": json.dumps(SERVER_JSON)}, "tools": {"inlineContent": json.dumps(TOOLS)}}},
    ),
    old_record(2, "A2A", {"a2a": {"agentCard": {"inlineContent": json.dumps(CARD)}}}),
    old_record(3, "CUSTOM", {"custom": {"inlineContent": json.dumps(CUSTOM)}}),
    old_record(4, "AGENT_SKILLS", {"agentSkills": {"skillMd": {"inlineContent": SKILL_MD}}}, recordVersion="3.2.1"),
]  # fmt: skip


async def offers_of(*records: Parameters, **options: object) -> list[Offer]:
    async with aws() as (fake, base):
        fake.records[REGISTRY] = list(records)
        return await read_all(configured(base, "agentcore-registry", **{"registries": [REGISTRY], **options}))


def check_four(offers: list[Offer]) -> None:
    server, agent, custom, tidy = (offer.versions[0] for offer in offers)
    assert isinstance(server, Server)
    assert (server.path, server.name, server.version) == ("thing-1", "com.example/weather", "2.1.0")
    assert (server.url, [tool.name for tool in server.tools]) == ("https://weather.example.com/mcp", ["forecast"])
    assert server.tags == ["AGENTCORE", "agent-registry"]
    assert isinstance(agent, Agent)
    assert (agent.path, agent.url, agent.card) == ("thing-2", "https://planner.example.com/a2a", CARD)
    assert [each.id for each in agent.skills] == ["plan"]
    assert isinstance(custom, Agent)
    assert (custom.name, custom.url, custom.skills) == ("thing-3", "https://legacy.example.com/rpc", [])
    assert custom.metadata["custom"] == {"owner": "ops"}
    assert isinstance(tidy, Skill)
    assert (tidy.path, tidy.name, tidy.content, tidy.version) == ("thing-4", "tidy-notes", SKILL_MD, "3.2.1")


async def test_a_record_is_a_server_an_agent_or_a_skill_by_its_type() -> None:
    offers = await offers_of(*FOUR)
    check_four(offers)
    assert offers[0].versions[0].title == "Weather for all"


async def test_records_of_the_preview_become_the_same() -> None:
    check_four(await offers_of(*FOUR_OLD, api="bedrock-agentcore"))


async def test_all_registries_that_are_ready_are_read_where_none_is_named() -> None:
    def registry(id: str, status: str) -> Parameters:
        return {
            "name": id, "registryId": id, "registryArn": f"{ARN}{id}", "status": status, "createdAt": WHEN,
            "updatedAt": WHEN,
        }  # fmt: skip

    ids = [f"registry{number:04d}" for number in range(5)]
    async with aws() as (fake, base):
        fake.registries[HOME, "us-east-1"] = [registry(id, "READY") for id in ids] + [registry(SECOND, "CREATING")]
        for number, id in enumerate(ids):
            fake.records[id] = [record(number, "SKILL", skill(SKILL_MD))]
        offers = await read_all(configured(base, "agentcore-registry"))
    assert [offer.versions[0].path for offer in offers] == [f"thing-{number}" for number in range(5)]


async def test_an_account_without_registries_is_an_empty_whole_pass() -> None:
    async with aws() as (_, base):
        assert await read_all(configured(base, "agentcore-registry")) == []


async def test_a_registry_named_by_its_arn_is_read_in_its_own_region() -> None:
    async with aws() as (fake, base):
        fake.records[REGISTRY] = [record(1, "SKILL", skill(SKILL_MD))]
        config = configured(
            base, "agentcore-registry", regions=["eu-west-1", "us-east-1"], registries=[f"{ARN}{REGISTRY}"]
        )
        assert len(await read_all(config)) == 1
        assert fake.operations("ListRegistryRecords") == [(HOME, "us-east-1")]


async def test_records_of_other_types_and_in_other_states_are_not_asked_for() -> None:
    records = [*FOUR, record(5, "SKILL", skill(SKILL_MD), status="DRAFT"), record(6, "GATEWAY", mcp(SERVER_JSON))]
    assert [offer.versions[0].kind for offer in await offers_of(*records, types=["MCP"])] == ["server", "server"]
    assert [offer.versions[0].path for offer in await offers_of(*records, status="DRAFT")] == ["thing-5"]
    assert [offer.versions[0].path for offer in await offers_of(*records, filter=["*-4"])] == ["thing-4"]


async def test_a_server_whose_record_has_no_remote_is_where_its_record_was_read_from() -> None:
    source = {"source": {"fromUrl": {"url": "https://tools.example.com/mcp"}}}
    (offer,) = await offers_of(record(1, "MCP", {"mcpServer": source}))
    (server,) = offer.versions
    assert isinstance(server, Server)
    assert (server.url, server.name) == ("https://tools.example.com/mcp", "aws.agent-registry/thing-1")


REFUSED = [
    (record(1, "MCP", mcp("{")), "is no JSON"),
    (record(1, "MCP", mcp("[1]")), "no JSON object"),
    (record(1, "MCP", mcp("[" * 100_000)), "is no JSON"),
    (record(1, "MCP", mcp({"name": "a/b"})), "neither where the server is"),
    (record(1, "MCP", mcp({**SERVER_JSON, "name": "a b/c"})), "name"),
    (record(1, "MCP", mcp(SERVER_JSON, {"tools": [{"description": "no name"}]})), "name"),
    (record(1, "MCP", {}), "neither where the server is"),
    (record(1, "AGENT", {"a2aAgentCard": {"data": "{}"}}), "name is missing"),
    (record(1, "AGENT", {"http": {"source": {"fromUrl": {"url": "https://a.example.com"}}}}), "describes http"),
    (record(1, "SKILL", skill("no frontmatter")), "frontmatter"),
    (record(1, "SKILL", {"agentSkillsDefinition": {"data": "{}"}}), "no SKILL.md"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
async def test_a_record_that_is_no_asset_is_refused_with_its_reason_and_the_next_one_comes(number: int) -> None:
    broken, words = REFUSED[number]
    refused, whole = await offers_of(broken, record(2, "SKILL", skill(SKILL_MD)))
    assert not refused.versions
    assert words in refused.refused
    assert whole.versions[0].path == "thing-2"


async def test_what_is_custom_need_be_no_json() -> None:
    (offer,) = await offers_of(record(1, "CUSTOM", {"custom": {"data": "just words"}}))
    assert offer.versions[0].metadata["custom"] == {"text": "just words"}


FAULTS: list[tuple[str, JSONResponse | Refused, type[AirError], str]] = [
    ("ListRegistryRecords", Refused(404, "ResourceNotFoundException", "no registry"), Invalid, "no registry"),
    ("ListRegistryRecords", Refused(403, "AccessDeniedException"), CredentialRefused, "AccessDenied"),
    ("GetRegistryRecord", Refused(403, "AccessDeniedException"), CredentialRefused, "AccessDenied"),
    ("GetRegistryRecord", JSONResponse({"name": "half"}), UpstreamFailed, "the answer has no"),
    ("ListRegistryRecords", JSONResponse({"registryRecords": [], "nextToken": "a"}), UpstreamFailed, "has no end"),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
async def test_a_fault_ends_the_pass(number: int) -> None:
    operation, fault, error, words = FAULTS[number]
    async with aws() as (fake, base):
        fake.records[REGISTRY] = [record(1, "SKILL", skill(SKILL_MD))]
        fake.faults[operation] = deque([fault] * 3)
        with pytest.raises(error, match=words):
            await read_all(configured(base, "agentcore-registry", registries=[REGISTRY]))
