"""SEP-2640 for modern clients: `skills/list` and `skills/get` over the catalog.

A skill's folder is `skill://{path}/`. The specification wants the last part of a folder to be the skill's own name,
so a skill registered under another path than its name is listed as `skill://{path}/{name}/`; `resources.py` serves
it at both.
"""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from fastmcp.server.extensions import MethodBinding, ServerExtension
from fastmcp.skills.models import (
    GetSkillParams,
    GetSkillResult,
    ListSkillsParams,
    ListSkillsResult,
    SkillFrontmatter,
    SkillResource,
)
from fastmcp.skills.models import Skill as Entry
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from airegistry.core.assets import Skill
from airegistry.core.errors import AirError, NotFound
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.protocol import Refusal

log = logging.getLogger(__name__)
MAIN, MANIFEST = "SKILL.md", "_manifest"
_URI = re.compile(r"skill://([a-z0-9][a-z0-9._-]*)/(.+)", re.DOTALL)


def split_uri(uri: str) -> tuple[str, str] | None:
    """The path of a skill and the name of a file in its folder; None when the URI is of another form."""
    match = _URI.fullmatch(uri)
    return None if match is None else (match[1], unquote(match[2]))


def name_of(skill: Skill) -> str:
    """The name in a skill's frontmatter; the asset's own may be another."""
    name = skill.frontmatter.get("name")
    return name if isinstance(name, str) else skill.path


def folder_of(skill: Skill) -> str:
    """The URI of a skill's folder, with a slash at the end."""
    name = name_of(skill)
    return f"skill://{skill.path}/" if skill.path == name else f"skill://{skill.path}/{name}/"


def texts_of(skill: Skill) -> Mapping[str, str]:
    """SKILL.md and its companions by relative name."""
    return {MAIN: skill.content, **skill.files}


def file_uri(folder: str, name: str) -> str:
    """The URI of a file in a folder."""
    return folder + quote(name, safe="/")


def digest_of(text: str) -> tuple[str, int]:
    """The SHA-256 of a file and its size in bytes, as `resources/read` returns it."""
    content = text.encode()
    return f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)


def entry_of(skill: Skill) -> Entry | None:
    """A skill on the wire; None, and a line in the log, when its frontmatter is not as SEP-2640 has it."""
    folder = folder_of(skill)
    resources = []
    for name, text in sorted(texts_of(skill).items()):
        digest, size = digest_of(text)
        resources.append(SkillResource(uri=file_uri(folder, name), digest=digest, size=size))
    try:
        return Entry(uri=folder + MAIN, frontmatter=SkillFrontmatter(skill.frontmatter), resources=resources)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
        log.warning("skill %s is not offered by skills/list: %s", skill.path, reason)
        return None


class SkillsExtension(ServerExtension):
    """Offers the enabled skills that the caller may see, in order of path."""

    identifier = "io.modelcontextprotocol/skills"

    def __init__(self, services: Services, page_size: int) -> None:
        self._catalog = services.catalog
        self._page_size = page_size

    def methods(self) -> Sequence[MethodBinding]:
        """The two methods of SEP-2640."""
        modern = frozenset(MODERN_PROTOCOL_VERSIONS)
        return (
            MethodBinding("skills/list", ListSkillsParams, self._list, modern),
            MethodBinding("skills/get", GetSkillParams, self._get, modern),
        )

    async def _list(self, context: ServerRequestContext, params: ListSkillsParams) -> ListSkillsResult:
        try:
            page = await self._catalog.list(
                current_principal(), ["skill"], limit=self._page_size, cursor=params.cursor,
                where={"enabled": True},
            )  # fmt: skip
        except AirError as error:
            raise Refusal(error) from error
        found = (entry_of(skill) for skill in page.assets if isinstance(skill, Skill))
        return ListSkillsResult(skills=[entry for entry in found if entry is not None], next_cursor=page.next_cursor)

    async def _get(self, context: ServerRequestContext, params: GetSkillParams) -> GetSkillResult:
        try:
            entry = await self._entry(params.uri)
        except AirError as error:
            raise Refusal(error) from error
        if entry is None or entry.uri != params.uri:
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown skill URI: {params.uri}")
        return GetSkillResult(skill=entry)

    async def _entry(self, uri: str) -> Entry | None:
        who, parts = current_principal(), split_uri(uri)
        if parts is None:
            return None
        try:
            skill = await self._catalog.get(who, "skill", parts[0])
        except NotFound:
            return None
        return entry_of(skill) if isinstance(skill, Skill) and skill.enabled else None
