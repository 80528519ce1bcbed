"""What a `server.json` has to look like to be published: the schema of 2025-12-11, and what the official registry asks.

Members that the schema does not name are let through: they are kept.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from airegistry.core.assets import Json, Server
from airegistry.core.errors import Invalid
from airegistry.core.formats import FORMATS
from airegistry.core.server_json import check_document, server_of

MAX_ISSUES = 100
"""Faults of one document that are told."""

_RANGE = re.compile(r"^[\^~<>=]|[*|]|\s-\s|(^|\.)[xX](\.|$)")
_URL = r"^(https?://[^\s]+|\{[a-zA-Z_][a-zA-Z0-9_]*\}[^\s]*)$"


class Misfit(Invalid):
    """A document that does not fit the schema."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault of a document: where, as a JSON path without its root, and what."""

    path: str
    message: str


def _uri(value: str) -> str:
    if not FORMATS.conforms(value, "uri"):
        raise ValueError("is no URI")
    return value


def _exact(value: str) -> str:
    if value == "latest" or _RANGE.search(value):
        raise ValueError("is no exact version")
    return value


Uri = Annotated[str, AfterValidator(_uri)]
WebUrl = Annotated[Uri, Field(pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://")]
"""A URL that may be shown as a link: of what would run where it is shown, none is."""
Version = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_exact)]


class _Part(BaseModel):
    """A part of a document. An optional member is left out and not null, as JSON Schema has it."""

    model_config = ConfigDict(strict=True, extra="allow", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, value: object) -> object:
        if isinstance(value, dict):
            known = (field.alias or name for name, field in cls.model_fields.items())
            if nulls := [name for name in known if name in value and value[name] is None]:
                raise ValueError(f"{nulls[0]} is null")
        return value


class _Repository(_Part):
    url: WebUrl
    source: str
    id: str = ""
    subfolder: str = ""


class _Icon(_Part):
    src: Annotated[WebUrl, Field(max_length=255)]
    mime_type: Literal["image/png", "image/jpeg", "image/jpg", "image/svg+xml", "image/webp"] | None = Field(
        None, alias="mimeType"
    )
    sizes: list[Annotated[str, Field(pattern=r"^(\d+x\d+|any)$")]] = Field(default_factory=list)
    theme: Literal["light", "dark"] | None = None


class _Input(_Part):
    description: str = ""
    is_required: bool = Field(False, alias="isRequired")
    format: Literal["string", "number", "boolean", "filepath"] = "string"
    value: str = ""
    is_secret: bool = Field(False, alias="isSecret")
    default: str = ""
    placeholder: str = ""
    choices: list[str] = Field(default_factory=list)


class _Template(_Input):
    variables: dict[str, _Input] = Field(default_factory=dict)


class _KeyValue(_Template):
    name: str


class _Positional(_Template):
    type: Literal["positional"]
    value_hint: str = Field("", alias="valueHint")
    is_repeated: bool = Field(False, alias="isRepeated")

    @model_validator(mode="after")
    def _says_what(self) -> "_Positional":
        if not {"value", "value_hint"} & self.model_fields_set:
            raise ValueError("a positional argument has a value or a valueHint")
        return self


class _Named(_Template):
    type: Literal["named"]
    name: str
    is_repeated: bool = Field(False, alias="isRepeated")


class _Stdio(_Part):
    type: Literal["stdio"]


class _Remote(_Part):
    type: Literal["streamable-http", "sse"]
    url: str = Field(pattern=_URL)
    headers: list[_KeyValue] = Field(default_factory=list)
    variables: dict[str, _Input] = Field(default_factory=dict)


_Argument = Annotated[_Positional | _Named, Field(discriminator="type")]


class _Package(_Part):
    registry_type: str = Field(alias="registryType")
    registry_base_url: Uri = Field("", alias="registryBaseUrl")
    identifier: str = Field(pattern=r"^[^-]")
    version: Version = ""
    file_sha256: str = Field("", alias="fileSha256", pattern=r"^[a-f0-9]{64}$")
    runtime_hint: str = Field("", alias="runtimeHint")
    transport: Annotated[_Stdio | _Remote, Field(discriminator="type")]
    runtime_arguments: list[_Argument] = Field(default_factory=list, alias="runtimeArguments")
    package_arguments: list[_Argument] = Field(default_factory=list, alias="packageArguments")
    environment_variables: list[_KeyValue] = Field(default_factory=list, alias="environmentVariables")


class _Meta(_Part):
    provided: dict[str, JsonValue] = Field(
        default_factory=dict, alias="io.modelcontextprotocol.registry/publisher-provided"
    )


class _Document(_Part):
    schema_: Uri = Field("", alias="$schema")
    name: str = Field(min_length=3, max_length=200, pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$")
    description: str = Field(min_length=1, max_length=100)
    title: str = Field("", min_length=1, max_length=100)
    repository: _Repository | None = None
    version: Version
    website_url: WebUrl = Field("", alias="websiteUrl")
    icons: list[_Icon] = Field(default_factory=list)
    packages: list[_Package] = Field(default_factory=list)
    remotes: list[_Remote] = Field(default_factory=list)
    meta: _Meta | None = Field(None, alias="_meta")


def issues_of(document: Json) -> Sequence[Issue]:
    """The first faults of a document that is to be published; none is the answer for a good one."""
    try:
        check_document(document)
        _Document.model_validate(document, by_alias=True, by_name=False)
        server_of(document)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        return [
            Issue(".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, "))
            for fault in faults[:MAX_ISSUES]
        ]
    except Invalid as error:
        return [Issue(error.field or "", error.message)]
    return []


def fitting(document: Json) -> Server:
    """The server that a document which is to be published describes.

    Raises:
        Misfit: it does not fit; the message names the first fault.
    """
    if issues := issues_of(document):
        raise Misfit(f"{issues[0].path or 'server.json'}: {issues[0].message}", field=issues[0].path or None)
    return server_of(document)
