"""Assets as a registry of this kind tells them: read as a stranger's words, and addressed as the options say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from pydantic import JsonValue, ValidationError

from airegistry.core.assets import Agent, AgentSkill, EntityType, Json, Kind, check_path
from airegistry.core.cards import interfaces_at, interfaces_of_card, read_card, without_addresses
from airegistry.core.errors import Invalid
from airegistry.core.intake import skill_fields
from airegistry.core.peer_feed import MAX_VERSIONS
from airegistry.core.peer_items import (
    FORMATS,
    GOVERNANCE,
    MAX_VIA,
    REGISTRY_ID,
    TYPE,
    digest_of,
    sorted_json,
)
from airegistry.core.ports import AnyAsset
from airegistry.core.sources import Offer
from airegistry.core.validation import validated
from airegistry.egress.messages import printable

MAX_DEPTH = 64
Route = Literal["gateway", "direct"]
_ID = re.compile(r"([a-z_]{1,20})/([a-z0-9][a-z0-9._-]{0,63})")


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of a peer before its assets are read: its URL, its id, whether it has a gateway, how it is used."""

    base: str
    registry: str
    gateway: bool
    route: Route


def kind_and_path(id: str) -> tuple[Kind | Literal["entity_type"], str]:
    """The two parts of an id.

    Raises:
        Invalid: it has others.
    """
    match = _ID.fullmatch(id)
    if match is None or match[1] not in {*get_args(Kind), TYPE}:
        raise Invalid(f"the id {printable(id[:100])} is not of the form kind/path")
    if match[1] != TYPE:
        check_path(match[2])
    return cast(Kind, match[1]), match[2]


def offer_of(id: str, body: JsonValue, frame: Frame) -> Offer:
    """What a peer says of one id, as an offer; one that is refused where it cannot be an asset."""
    try:
        check_depth(body)
        digest = digest_of(sorted_json([body, frame.base, frame.registry, frame.gateway, frame.route]))
        return Offer(id, _versions(id, body, frame), digest)
    except Invalid as error:
        return Offer(id, refused=printable(error.message))


def type_of(id: str, body: JsonValue) -> EntityType | None:
    """A type that a peer tells of; None when it is none."""
    try:
        check_depth(body)
        told = EntityType.model_validate(body.get("type") if isinstance(body, dict) else None)
    except (Invalid, ValidationError):
        return None
    return told if id == f"{TYPE}/{told.name}" else None


def check_depth(value: JsonValue) -> None:
    """Refuse JSON that is nested deeper than anything here is meant to be read.

    Raises:
        Invalid: it is.
    """
    level: list[JsonValue] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            each
            for part in level
            for each in (part.values() if isinstance(part, dict) else part if isinstance(part, list) else ())
        ]
        if not level:
            return
    raise Invalid(f"it is nested deeper than {MAX_DEPTH} levels")


def _versions(id: str, body: JsonValue, frame: Frame) -> Sequence[AnyAsset]:
    kind, path = kind_and_path(id)
    if body is None:
        raise Invalid("it is longer than what is taken of one asset")
    told = body.get("versions") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(told, list) or not 1 <= len(told) <= MAX_VERSIONS:
        raise Invalid(f"it has not between 1 and {MAX_VERSIONS} versions")
    via = [*_via(body.get("via", [])), frame.registry]
    made: list[AnyAsset] = []
    for version in told:
        if not isinstance(version, dict):
            raise Invalid("a version of it is no object")
        fields = _fields(cast(Kind, kind), path, version, frame, beside=bool(made))
        url = fields.get("url")
        provenance: Json = {"via": [*via], "url": url if isinstance(url, str) else frame.base}
        made.append(validated({**fields, "path": path, "provenance": provenance}))
    if len({asset.version for asset in made}) < len(made):
        raise Invalid("two of its versions have one number")
    return made


def _via(told: JsonValue) -> list[str]:
    """The registries that it came through before this one.

    Raises:
        Invalid: they are no ids, one of them stands there twice, or they are too many.
    """
    if not isinstance(told, list) or len(told) >= MAX_VIA or len({str(each) for each in told}) < len(told):
        raise Invalid(f"via is no list of less than {MAX_VIA} different registries")
    ids = [each for each in told if isinstance(each, str) and REGISTRY_ID.fullmatch(each)]
    if len(ids) < len(told):
        raise Invalid("via names what is no registry")
    return ids


def _fields(kind: Kind, path: str, told: Json, frame: Frame, *, beside: bool) -> Json:
    """The fields of one version, of those that travel. `beside`: it is not the default one."""
    known = {name: value for name, value in told.items() if name in GOVERNANCE | FORMATS[kind] | {"url"}}
    if kind in {"server", "virtual_server"}:
        return {**_server(kind, path, known, frame, beside=beside), "kind": "server"}
    if kind == "agent":
        return {**_agent(path, known, frame), "kind": "agent"}
    known.pop("url", None)
    return {**_skill(path, known), **known} if kind == "skill" else {**known, "kind": "entity"}


def _server(kind: Kind, path: str, known: Json, frame: Frame, *, beside: bool) -> Json:
    """With the gateway a remote server is where the peer serves it, by an address that is not for the peer to say."""
    if known.get("transport") == "stdio" or (kind == "server" and frame.route == "direct"):
        return known
    _check_gateway(frame)
    version = known.get("version")
    name = f"{path}@{version}" if beside and isinstance(version, str) else path
    remote = {name: value for name, value in known.items() if name not in {"command", "args", "env"}}
    return {**remote, "transport": "streamable-http", "url": f"{frame.base}/{name}/mcp"}


def _agent(path: str, known: Json, frame: Frame) -> Json:
    card = known.get("card")
    if not isinstance(card, dict):
        raise Invalid("it has no agent card")
    if frame.route == "gateway":
        _check_gateway(frame)
        interfaces = interfaces_at(Agent(path=path, name=path, card=card), f"{frame.base}/agents/{path}")
        if not interfaces:
            raise Invalid("it is reached in no way that the peer's gateway carries")
        card = {**without_addresses(card), **interfaces}
        known = {name: value for name, value in known.items() if name != "url"}
    name, description, version, _, skills = read_card(card)
    stated: Json = {"name": name, "description": description, "version": version}
    url = next((each.url for each in interfaces_of_card(card)), None)
    told: list[JsonValue] = [_dumped(skill) for skill in skills]
    return {**stated, **({"url": url} if url else {}), **known, "card": card, "skills": told}


def _dumped(skill: AgentSkill) -> Json:
    return skill.model_dump(mode="json", by_alias=True)


def _skill(path: str, known: Json) -> Json:
    content, files = known.get("content"), known.get("files", {})
    if not isinstance(content, str) or not isinstance(files, dict):
        raise Invalid("it has no SKILL.md")
    texts = {name: text for name, text in files.items() if isinstance(text, str)}
    if len(texts) < len(files):
        raise Invalid("a companion of it is no text")
    return skill_fields(path, content, texts)


def _check_gateway(frame: Frame) -> None:
    if not frame.gateway:
        raise Invalid("the peer has no gateway: it is reached with the option route=direct alone, if at all")
