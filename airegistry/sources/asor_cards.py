"""Agent definitions of Workday's Agent System of Record as A2A agent cards."""

from collections.abc import Sequence

from pydantic import JsonValue

from airegistry.core.assets import Agent, Json
from airegistry.core.cards import read_card
from airegistry.core.errors import Invalid
from airegistry.core.sources import Offer
from airegistry.core.validation import validated
from airegistry.sources.reading import Paths, digest_of, object_, objects, text, version_of

TAG = "ASOR"
PROTOCOL = "0.3.0"
"""The version of A2A that definitions follow: one URL, modes and skills beside it."""
_MAX_TOOLS = 200


def offer_of(record: JsonValue, source: str, paths: Paths) -> Offer:
    """What a definition offers: an agent, or the reason why it is none."""
    if not isinstance(record, dict):
        return Offer(f"?{digest_of({'record': record})[-16:]}", refused="the definition is no object")
    id = text(record.get("id")) or "/".join(
        (_named(record.get("provider")), text(record.get("name")), text(record.get("version")))
    )
    try:
        agent = agent_of(record, paths.of(id, text(record.get("name")), text(record.get("version"))))
    except Invalid as error:
        return Offer(id, refused=error.message, digest=digest_of(record))
    provenance = agent.provenance.model_copy(update={"url": f"{source}/{id}" if id == record.get("id") else source})
    return Offer(id, [agent.model_copy(update={"provenance": provenance})], digest_of(record))


def agent_of(record: Json, path: str) -> Agent:
    """An agent of a definition.

    Raises:
        Invalid: its card is none that A2A allows.
    """
    card = card_of(record)
    name, description, version, endpoints, skills = read_card(card)
    fields: Json = {
        "kind": "agent",
        "path": path,
        "name": name[:200],
        "description": description,
        "version": version_of(version),
        "url": endpoints[0] if endpoints else None,
        "card": card,
        "skills": [skill.model_dump(mode="json", by_alias=True) for skill in skills],
        "tags": [TAG],
        "metadata": {"asor": _about(record)},
    }
    agent = validated(fields)
    assert isinstance(agent, Agent)  # by its kind
    return agent


def card_of(record: Json) -> Json:
    """The agent card that a definition is: modes and tags are objects there, and the provider is a reference."""
    provider = _provider(record)
    card: Json = {
        "protocolVersion": PROTOCOL,
        "name": record.get("name"),
        "description": record.get("description"),
        "url": record.get("url"),
        "preferredTransport": "JSONRPC",
        "version": record.get("version"),
        "capabilities": _flags(record.get("capabilities")),
        "defaultInputModes": [*(_words(record.get("defaultInputModes"), "type") or ["text/plain"])],
        "defaultOutputModes": [*(_words(record.get("defaultOutputModes"), "type") or ["text/plain"])],
        "skills": [_skill(skill) for skill in objects(record.get("skills"))],
        **({} if provider is None else {"provider": provider}),
    }
    if not text(record.get("url")):
        raise Invalid("agent card: url is missing", field="url")
    for member in ("documentationUrl", "iconUrl"):
        if text(record.get(member)):
            card[member] = record[member]
    if isinstance(extended := record.get("supportsAuthenticatedExtendedCard"), bool):
        card["supportsAuthenticatedExtendedCard"] = extended
    return card


def _skill(skill: Json) -> Json:
    mapped: Json = {
        "id": skill.get("id"),
        "name": skill.get("name"),
        "description": text(skill.get("description")),
        "tags": [*_words(skill.get("tags"), "tag")],
    }
    for member in ("inputModes", "outputModes"):
        if words := _words(skill.get(member), "type"):
            mapped[member] = [*words]
    return mapped


def _words(value: JsonValue, name: str) -> Sequence[str]:
    """The texts of a list of objects, or of a list of texts, as older versions have it."""
    if not isinstance(value, list):
        return []
    said = (text(each.get(name)) if isinstance(each, dict) else text(each) for each in value)
    return list(dict.fromkeys(word for word in said if word))


def _flags(value: JsonValue) -> Json:
    known = ("streaming", "pushNotifications", "stateTransitionHistory")
    said = object_(value)
    return {name: said[name] for name in known if isinstance(said.get(name), bool)}


def _provider(record: Json) -> Json | None:
    """The provider as cards have it: with a URL, which v1.2 does not state; its documentation is one."""
    provider = record.get("provider")
    said = object_(provider)
    url = text(said.get("url")) or text(record.get("documentationUrl"))
    name = text(said.get("organization")) or _named(provider)
    return {"organization": name, "url": url} if name and url else None


def _named(reference: JsonValue) -> str:
    """What a reference such as `{"id": "Provider=Acme", "descriptor": "Acme Inc."}` names."""
    said = object_(reference)
    id = text(said.get("id")) or text(said.get("mode"))
    return text(said.get("descriptor")) or id.partition("=")[2] or id


def _about(record: Json) -> Json:
    """What a definition says beside the card, as metadata."""
    told: Json = {
        "id": text(record.get("id")),
        "provider": _named(record.get("provider")) or text(object_(record.get("provider")).get("organization")),
        "platform": _named(record.get("platform")),
        "overview": text(record.get("overview")),
        "external_agent_id": text(record.get("externalAgentID")),
        "external_tenant_id": text(record.get("externalTenantID")),
        "skills": {text(each.get("skillId")): _resources(each) for each in objects(record.get("workdayConfig"))},
    }
    return {name: value for name, value in told.items() if value}


def _resources(each: Json) -> Json:
    used = objects(each.get("workdayResources"))[:_MAX_TOOLS]
    tools = [text(one.get("tool_name")) or text(one.get("operation")) for one in used]
    return {"execution_mode": _named(each.get("executionMode")), "tools": [tool for tool in tools if tool]}
