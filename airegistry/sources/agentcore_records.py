"""Records of AWS Agent Registry as servers, agents and skills."""

import json

from pydantic import JsonValue

from airegistry.core.assets import Agent, Json, Provenance, Server, Skill, Tool
from airegistry.core.cards import read_card
from airegistry.core.errors import Invalid
from airegistry.core.intake import skill_fields
from airegistry.core.ports import AnyAsset
from airegistry.core.server_json import server_of
from airegistry.core.sources import Offer
from airegistry.core.validation import validated
from airegistry.sources.agentcore_assets import PROTOCOL, TAG
from airegistry.sources.reading import Paths, digest_of, object_, objects, text, version_of

TYPES: dict[str, tuple[str, ...]] = {
    "MCP": ("MCP", "GATEWAY"),
    "A2A": ("AGENT",),
    "CUSTOM": ("CUSTOM",),
    "AGENT_SKILLS": ("SKILL",),
}
"""The types of records by their names in the preview, and what they are called now."""

_NEWER = {"A2A": "AGENT", "AGENT_SKILLS": "SKILL"}
_WORDS = frozenset({"name", "description", "url", "endpoint", "baseUrl", "version", "skills", "capabilities"})


def newer(record: Json) -> Json:
    """A record, or a summary, of the preview in the form that took its place; one of that form as it is."""
    if "descriptorType" not in record:
        return record
    said = object_(record.get("descriptors"))
    descriptors: Json = {}
    if mcp := object_(said.get("mcp")):
        tools: Json = {"tools": _data(mcp.get("tools"))} if mcp.get("tools") else {}
        descriptors["mcpServer"] = {**_data(mcp.get("server")), "additionalData": tools, **_origin(record)}
    if a2a := object_(said.get("a2a")):
        descriptors["a2aAgentCard"] = _data(a2a.get("agentCard"))
    if custom := object_(said.get("custom")):
        descriptors["custom"] = _data(custom)
    if skills := object_(said.get("agentSkills")):
        descriptors["agentSkillsDefinition"] = {
            **_data(skills.get("skillDefinition")),
            "additionalData": {"skillMd": _data(skills.get("skillMd"))},
        }
    type_ = text(record.get("descriptorType"))
    return {**record, "recordType": _NEWER.get(type_, type_), "descriptors": descriptors}


def record_offer(record: Json, region: str, paths: Paths) -> Offer:
    """What a record offers: an asset, or the reason why it is none."""
    arn, name, type_ = (text(record.get(member)) for member in ("recordArn", "name", "recordType"))
    kept: Json = {
        member: record.get(member) for member in ("name", "displayName", "description", "recordType", "descriptors")
    }
    kept["version"] = record.get("recordVersion")
    try:
        path = paths.of(arn, name, region)
        match type_:
            case "MCP" | "GATEWAY":
                asset: AnyAsset = _server(record, path)
            case "AGENT":
                asset = _agent(record, path)
            case "CUSTOM":
                asset = _custom(record, path)
            case "SKILL":
                asset = _skill(record, path)
            case _:
                raise Invalid(f"records of type {type_[:40]!r} are not known", field="recordType")
    except Invalid as error:
        return Offer(arn or name, refused=error.message, digest=digest_of(kept))
    about: Json = {"record": arn, "type": type_, "region": region}
    stated = {
        "tags": [TAG, "agent-registry"],
        "metadata": {**asset.metadata, "agentcore": about},
        "provenance": Provenance(url=_console(region)),
        "title": asset.title or text(record.get("displayName"))[:200] or None,
    }
    return Offer(arn, [asset.model_copy(update=stated)], digest_of(kept))


def _server(record: Json, path: str) -> Server:
    """A record holds a `server.json` of the MCP registry, whose name may be short, and its tools beside it."""
    descriptor = _descriptor(record, "mcpServer")
    document = _parsed(descriptor.get("data"), "mcpServer.data") if descriptor.get("data") else {}
    name = text(record.get("name"))
    if "/" not in text(document.get("name")):
        document["name"] = name if "/" in name else f"aws.agent-registry/{name}"
    document.setdefault("version", _version(record))
    document.setdefault("description", text(record.get("description")))
    url = text(object_(object_(descriptor.get("source")).get("fromUrl")).get("url"))
    if not document.get("remotes") and not document.get("packages"):
        if not url:
            raise Invalid("the record says neither where the server is nor how it is started", field="mcpServer")
        document["remotes"] = [{"type": "streamable-http", "url": url}]
    server = server_of(document)
    return server.model_copy(update={"path": path, "tools": _tools(descriptor), "version": version_of(server.version)})


def _tools(descriptor: Json) -> list[Tool]:
    """The tools that a record lists, checked by the form of the asset; those of no form are left to the first fetch."""
    said = text(object_(object_(descriptor.get("additionalData")).get("tools")).get("data"))
    if not said:
        return []
    fields: Json = {"kind": "server", "path": "tools", "name": "tools", "tools": [*objects(_tool_list(said))]}
    server = validated(fields)
    assert isinstance(server, Server)  # by its kind
    return server.tools


def _tool_list(said: str) -> JsonValue:
    value = _json(said, "mcpServer.additionalData.tools")
    return value.get("tools") if isinstance(value, dict) else value


def _agent(record: Json, path: str) -> Agent:
    descriptors = object_(record.get("descriptors"))
    if not descriptors.get("a2aAgentCard"):
        spoken = ", ".join(sorted(descriptors)) or "nothing"
        raise Invalid(f"the record of an agent describes {spoken}, and no agent card", field="descriptors")
    return _carded(_parsed(_descriptor(record, "a2aAgentCard").get("data"), "a2aAgentCard.data"), path)


def _custom(record: Json, path: str) -> Agent:
    """Whatever it is: an agent without skills, where its content names no other, with the content beside the card."""
    said = text(_descriptor(record, "custom").get("data"))
    try:
        content = object_(_json(said, "custom.data"))
    except Invalid:
        content = {"text": said}
    url = next(
        (text(content.get(member)) for member in ("url", "endpoint", "baseUrl") if text(content.get(member))), ""
    )
    card: Json = {
        "protocolVersion": PROTOCOL,
        "name": text(record.get("displayName")) or text(record.get("name")),
        "description": text(record.get("description")) or text(content.get("description")) or text(record.get("name")),
        "version": _version(record),
        "capabilities": {},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [],
        **({"url": url, "preferredTransport": "JSONRPC"} if url else {}),
    }
    agent = _carded(card, path)
    rest: Json = {name: value for name, value in content.items() if name not in _WORDS}
    return agent.model_copy(update={"metadata": {"custom": rest} if rest else {}})


def _carded(card: Json, path: str) -> Agent:
    name, description, version, endpoints, skills = read_card(card)
    fields: Json = {
        "kind": "agent", "path": path, "name": name[:200], "description": description, "version": version_of(version),
        "url": endpoints[0] if endpoints else None, "card": card,
        "skills": [skill.model_dump(mode="json", by_alias=True) for skill in skills],
    }  # fmt: skip
    agent = validated(fields)
    assert isinstance(agent, Agent)  # by its kind
    return agent


def _skill(record: Json, path: str) -> Skill:
    """A skill of the record's SKILL.md, of which the definition is a summary."""
    skill_md = object_(object_(_descriptor(record, "agentSkillsDefinition").get("additionalData")).get("skillMd"))
    content = text(skill_md.get("data"))
    if not content:
        raise Invalid("the record of a skill has no SKILL.md", field="agentSkillsDefinition")
    skill = validated({**skill_fields(path, content, {}), "version": version_of(_version(record))})
    assert isinstance(skill, Skill)  # by its kind
    return skill


def _descriptor(record: Json, name: str) -> Json:
    return object_(object_(record.get("descriptors")).get(name))


def _version(record: Json) -> str:
    return text(record.get("recordVersion")) or "1.0.0"


def _parsed(said: JsonValue, what: str) -> Json:
    value = _json(text(said), what)
    if not isinstance(value, dict):
        raise Invalid(f"{what} is no JSON object", field=what)
    return value


def _json(said: str, what: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(said)
    except (ValueError, RecursionError):
        raise Invalid(f"{what} is no JSON", field=what) from None
    return value


def _data(part: JsonValue) -> Json:
    content = object_(part).get("inlineContent")
    return {} if content is None else {"data": content}


def _origin(record: Json) -> Json:
    origin = object_(record.get("synchronizationConfiguration")).get("fromUrl")
    return {"source": {"fromUrl": origin}} if origin else {}


def _console(region: str) -> str:
    return f"https://{region}.console.aws.amazon.com/agent-registry/home?region={region}"
