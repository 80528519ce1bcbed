"""Every text in an asset that a model or a person reads: where it stands, what it is, and what it says.

Rules of words run over `plain` and `decoded`, so that no spelling of a sentence hides it from them.
"""

import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from airegistry.core.assets import Agent, AgentSkill, Entity, Prompt, Resource, Server, Skill, Tool, VirtualServer
from airegistry.core.ports import AnyAsset
from airegistry.scanners.plain import decoded, plain

Role = Literal[
    "name", "title", "description", "parameter", "schema", "default", "enum", "example", "instructions", "annotation",
    "prompt", "resource", "url", "tag", "file", "data", "other",
]  # fmt: skip
"""What a text is for. Prose inside a schema is `description` and `title` too; `schema` is what else stands there."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text: `field` is a JSON pointer into the asset, `raw` the text as it stands.

    `plain` is made for rules of words: NFKC, without what nobody sees, lookalike letters folded in words that mix
    scripts, spaced-out letters joined, runs of white space one space; case is kept. `decoded` are the readable texts
    found inside it (base64, hex, URL, JSON and HTML escapes, hidden characters), each plain.
    """

    field: str
    role: Role
    raw: str
    plain: str
    decoded: tuple[str, ...]

    @property
    def spoken(self) -> tuple[str, ...]:
        """The plain text and what is hidden in it."""
        return (self.plain, *self.decoded)


_LATELY: deque[tuple[weakref.ref[AnyAsset], Sequence[Text]]] = deque(maxlen=4)
"""The last few assets: every scanner asks for the texts of the same one. Appending and reading are atomic."""


def texts(asset: AnyAsset) -> Sequence[Text]:
    """Every text of an asset, names of members that are not the registry's own included.

    A parameter's name is text that models read. Times and names of people are left out.
    """
    for known, found in tuple(_LATELY):
        if known() is asset:
            return found
    fields = asset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_SKIPPED, warnings=False)
    found = [Text(field, role, raw, plain(raw), decoded(raw)) for field, role, raw in _walk(fields)]
    _LATELY.append((weakref.ref(asset), found))
    return found


def spoken(asset: AnyAsset) -> Iterator[tuple[Text, str]]:
    """Pairs of a text and what it says: itself in plain, then each text that is hidden in it."""
    for text in texts(asset):
        for words in text.spoken:
            yield text, words


_SKIPPED = {
    "path", "kind", "created_at", "updated_at", "created_by", "updated_by", "fetched_at", "content_hash", "stage",
    "stage_since", "health", "health_report", "transport", "visibility", "held", "rating", "callable",
}  # fmt: skip
_KEYWORDS = frozenset(
    "$schema $id $ref $anchor $comment $defs $dynamicRef $dynamicAnchor $vocabulary definitions type properties "
    "patternProperties additionalProperties unevaluatedProperties propertyNames required items prefixItems contains "
    "additionalItems unevaluatedItems minItems maxItems uniqueItems minContains maxContains minLength maxLength "
    "pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf enum const default examples example "
    "title description readOnly writeOnly deprecated nullable allOf anyOf oneOf not if then else dependentSchemas "
    "dependentRequired dependencies minProperties maxProperties contentEncoding contentMediaType contentSchema".split()
)
_OWN = frozenset(
    "_meta arguments annotations uri uriTemplate mimeType size icons src sizes theme title name description "
    "readOnlyHint destructiveHint idempotentHint openWorldHint url version protocolVersion capabilities skills "
    "defaultInputModes defaultOutputModes inputModes outputModes provider organization streaming "
    "pushNotifications supportedInterfaces protocolBinding preferredTransport additionalInterfaces transport "
    "securitySchemes security examples tags id".split()
)
_MODELS = (Server, Agent, Skill, VirtualServer, Entity, Tool, Prompt, Resource, AgentSkill)
_FIELDS = frozenset(field.alias or name for model in _MODELS for name, field in model.model_fields.items())
_PROPERTIES = frozenset(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"))
_VALUES: dict[str, Role] = {
    "default": "default", "enum": "enum", "const": "enum", "examples": "example", "example": "example",
    "title": "title", "description": "description", "$comment": "description",
}  # fmt: skip
_ROLES: dict[str, Role] = {
    **dict.fromkeys(("name", "displayName", "alias", "organization"), "name"),
    "title": "title",
    **dict.fromkeys(("description", "summary"), "description"),
    "instructions": "instructions",
    "annotations": "annotation",
    **dict.fromkeys(("inputSchema", "outputSchema", "schema"), "schema"),
    "prompts": "prompt",
    **dict.fromkeys(("resources", "resource_templates"), "resource"),
    "tags": "tag",
    "examples": "example",
    **dict.fromkeys(("content", "files"), "file"),
    **dict.fromkeys(("metadata", "data", "card", "server_info", "frontmatter", "icons", "_meta"), "data"),
}  # fmt: skip


def _walk(fields: dict[str, object]) -> Iterator[tuple[str, Role, str]]:
    """Triples of pointer, role and text."""
    stack: list[tuple[str, Role, object]] = [("", "other", fields)]
    while stack:
        pointer, role, value = stack.pop()
        if isinstance(value, str):
            yield pointer, role, value
        elif isinstance(value, list):
            stack += [(f"{pointer}/{i}", role, item) for i, item in reversed([*enumerate(value)])]
        elif isinstance(value, dict):
            inside: list[tuple[str, Role, object]] = []
            for key, item in value.items():
                at = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
                if role == "schema" and key in _PROPERTIES and isinstance(item, dict):
                    for name, schema in item.items():
                        below = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
                        yield below, "parameter", name
                        inside.append((below, "schema", schema))
                    continue
                if named := _role_of_key(role, key):
                    yield at, named, key
                inside.append((at, _role_of_value(role, key), item))
            stack += reversed(inside)


def _role_of_key(within: Role, key: str) -> Role | None:
    """None for the names of members that every asset has."""
    if within == "schema":
        return None if key in _KEYWORDS else "schema"
    if within == "file":
        return "name"
    return None if key in _FIELDS or key in _OWN else within


def _role_of_value(within: Role, key: str) -> Role:
    if within == "schema":
        return _VALUES.get(key, "schema")
    if within in ("default", "enum", "example", "annotation", "file"):
        return within
    if within in ("prompt", "resource") and key == "description":
        return within
    if key in ("url", "uri") or key.endswith(("_url", "Url", "URL", "uriTemplate")):
        return "url"
    return _ROLES.get(key, within)
