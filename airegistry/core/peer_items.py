"""What registries of this kind tell each other of an asset: the fields that travel, its versions, and its digest.

Health, ratings, reviews, stages, who may see it, credentials and what was approved here stay at home: the registry that
takes an asset in decides on them itself.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydantic import JsonValue

from airegistry.core.assets import Agent, EntityType, Json, Kind, VirtualServer
from airegistry.core.cards import interfaces_at, without_addresses
from airegistry.core.ports import AnyAsset
from airegistry.core.shelf import ref
from airegistry.core.virtual import View

TYPE = "entity_type"
"""In place of a kind: an administrators' type that entities are of."""
REGISTRY_ID = re.compile(r"[0-9a-f]{32}")
MAX_VIA = 16
"""Registries that an asset may have come through."""
GOVERNANCE = frozenset(
    (
        "name title description version tags license owner_team technical_owner business_capability environment "
        "risk_level data_classification documentation_url repository_url icons metadata retirement_date deprecation"
    ).split()
)
FORMATS: Mapping[Kind, frozenset[str]] = {
    "server": frozenset(
        "transport url command args env tools resources resource_templates prompts instructions manifest".split()
    ),
    "virtual_server": frozenset({"tools", "prompts"}),
    "agent": frozenset({"card"}),
    "skill": frozenset({"content", "files"}),
    "entity": frozenset({"type", "data"}),
}
_COMPOSER = frozenset("server version scopes lent owner tool alias summary".split())
"""Members of a virtual server's tools that are its composer's affair."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of the listing. `digest` is equal as long as nothing of it changed; `via` as in `Provenance`."""

    id: str
    digest: str
    via: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in full. `body` is JSON: `{"via": […], "versions": […]}`, or `{"type": …}` of a type."""

    id: str
    body: bytes
    via: Sequence[str] = ()

    def entry(self) -> Entry:
        """What the listing says of it."""
        return Entry(self.id, digest_of(self.body), self.via)

    def whole(self) -> bytes:
        """All of it, as JSON."""
        return b'{"id":%b,"body":%b}' % (orjson.dumps(self.id), self.body)


def digest_of(text: bytes) -> str:
    """`sha256:` and the hash of a text in hexadecimal."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def sorted_json(value: JsonValue) -> bytes:
    """JSON whose members stand in order, so that equal values are equal texts."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def item_of(versions: Sequence[Json], asset: AnyAsset) -> Item:
    """An asset, told by the `version_of` each of its versions, the default one first."""
    via = asset.provenance.via
    body: Json = {"via": [*via], "versions": [*versions]}
    return Item(ref(asset), sorted_json(body), via)


def type_item(entity_type: EntityType) -> Item:
    """An administrators' type."""
    told: Json = entity_type.model_dump(mode="json", by_alias=True)
    return Item(f"{TYPE}/{entity_type.name}", sorted_json({"type": told}))


def version_of(asset: AnyAsset, *, here: str, addressed: bool, view: View | None = None) -> Json:
    """One version, as its reader may see it. `here` is the registry's gateway, empty where it has none; `addressed`
    tells where an agent is, to those who may know. `view` is what the reader sees of a virtual server."""
    fields = GOVERNANCE | FORMATS[asset.kind]
    told: Json = asset.model_dump(mode="json", by_alias=True, exclude_none=True, include={*fields})
    if isinstance(asset, Agent):
        gateway = interfaces_at(asset, f"{here}/agents/{asset.path}") if here else {}
        told |= {"url": asset.url} if addressed else {"card": {**without_addresses(asset.card), **gateway}}
    if isinstance(asset, VirtualServer):
        assert view is not None  # whoever tells of a virtual server has looked at it
        told["tools"] = [_without(tool, _COMPOSER) for tool in view.tools]
        told["prompts"] = [{"name": prompt["name"]} for prompt in view.prompts]
    return told


def _without(members: Json, names: frozenset[str]) -> Json:
    return {name: value for name, value in members.items() if name not in names}
