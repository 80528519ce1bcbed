"""The catalog as MCP resources.

- `airegistry://{kind}/{path}` is an asset, in the JSON that the tools answer with.
- `skill://{path}/{file}` is a file of an enabled skill: SKILL.md, its companions, or `_manifest`, which lists them.

Both read the same to whom an asset is hidden and where there is none. `resources/list` lists what the caller may see,
in the catalog's order: each asset, and each enabled skill's SKILL.md; companions are found through `_manifest`.

FastMCP asks a provider for all resources at once and cuts the page afterwards. With ten thousand assets that costs
every page the price of all, so the handler of `resources/list` is wrapped here: what other providers list comes
first, then pages of the catalog, each read from where the last one ended.
"""

import json
import mimetypes
import re
from collections.abc import Sequence

from fastmcp import FastMCP
from fastmcp.resources import Resource, ResourceTemplate, TextResource
from fastmcp.server.dependencies import bind_request_context
from fastmcp.server.providers import Provider
from fastmcp.utilities.versions import VersionSpec
from mcp.server.context import ServerRequestContext
from mcp_types import ListResourcesResult, PaginatedRequestParams
from mcp_types import Resource as Listed
from pydantic import AnyUrl, ConfigDict

from airegistry.core.assets import MODELS, Kind, Skill
from airegistry.core.errors import AirError, NotFound
from airegistry.core.ports import AnyAsset
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.listing import ListingTools
from airegistry.tools.protocol import Refusal
from airegistry.tools.skills_extension import MAIN, MANIFEST, SkillsExtension, digest_of, name_of, split_uri, texts_of

ASSET_TEMPLATE = "airegistry://{kind}/{path}"
SKILL_TEMPLATE = "skill://{path}/{file*}"
JSON, MARKDOWN = "application/json", "text/markdown"
CURSOR = "catalog:"
"""Begins the cursors of pages of the catalog; those of other providers are FastMCP's own."""
PAGE = 200
"""Assets in a page of a list."""
SUMMARY = 500
"""Characters of a description that a list shows."""
_ASSET = re.compile(r"airegistry://([a-z_]+)/([a-z0-9][a-z0-9._-]*)")
_KINDS: dict[str, Kind] = {kind: kind for kind in MODELS}


class Refused(Resource):
    """A resource that is there, and that the caller may not have."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    error: Refusal

    async def read(self) -> str:
        """Refuse."""
        raise self.error


class CatalogResources(Provider):
    """Reads assets and files of skills, and lists them in pages."""

    def __init__(self, services: Services, page_size: int) -> None:
        super().__init__()
        self._catalog = services.catalog
        self._listing = ListingTools(services)
        self._page_size = page_size

    async def page(self, after: str | None = None) -> ListResourcesResult:
        """One page of what the caller may see.

        Raises:
            Unauthenticated: nobody calls.
            Invalid: the cursor is none of the catalog's.
        """
        kinds = list(MODELS)
        found = await self._catalog.list(current_principal(), kinds, limit=self._page_size, cursor=after)
        listed = [entry for asset in found.assets for entry in _listed(asset)]
        cursor = None if found.next_cursor is None else CURSOR + found.next_cursor
        return ListResourcesResult(resources=listed, next_cursor=cursor)

    async def _list_resource_templates(self) -> Sequence[ResourceTemplate]:
        return [
            _template(ASSET_TEMPLATE, "asset", JSON, f"An asset of the registry. kind: {', '.join(MODELS)}."),
            _template(
                SKILL_TEMPLATE, "skill_file", MARKDOWN, "A file of a skill: SKILL.md, a companion, or _manifest."
            ),
        ]

    async def _get_resource_template(self, uri: str, version: VersionSpec | None = None) -> ResourceTemplate | None:
        """None: the templates describe URIs, and `_get_resource` alone decides what there is."""
        return None

    async def _get_resource(self, uri: str, version: VersionSpec | None = None) -> Resource | None:
        if version is not None:
            return None
        try:
            found = await self._find(uri)
        except NotFound:
            return None
        except AirError as error:
            return Refused(uri=AnyUrl(uri), error=Refusal(error))
        return None if found is None else TextResource(uri=AnyUrl(uri), text=found[0], mime_type=found[1])

    async def _find(self, uri: str) -> tuple[str, str] | None:
        """Text and media type of a resource; None when the URI is of another form or names no file.

        Raises:
            NotFound: no such asset, or none the caller may know of.
            AccessDenied, Unauthenticated: the caller may not read it.
        """
        if match := _ASSET.fullmatch(uri):
            who, kind = current_principal(), _KINDS.get(match[1])
            if kind is None:
                return None
            asset = await self._catalog.get(who, kind, match[2])
            return (await self._listing.details(who, asset)).model_dump_json(by_alias=True), JSON
        if parts := split_uri(uri):
            skill = await self._catalog.get(current_principal(), "skill", parts[0])
            return _file(skill, parts[1]) if isinstance(skill, Skill) and skill.enabled else None
        return None


def add_resources(mcp: FastMCP, services: Services, *, page_size: int = PAGE) -> None:
    """Give a server the catalog's resources and the skills extension. Add it once, before the server is served."""
    catalog = CatalogResources(services, page_size)
    mcp.add_provider(catalog)
    mcp.add_extension(SkillsExtension(services, page_size))
    _list_lazily(mcp, catalog)


def ref_of(uri: str) -> str | None:
    """The asset, as `kind/path`, that a URI of the catalog's is of; None for any other URI."""
    if match := _ASSET.fullmatch(uri):
        return f"{match[1]}/{match[2]}" if match[1] in _KINDS else None
    parts = split_uri(uri)
    return f"skill/{parts[0]}" if parts else None


def _list_lazily(mcp: FastMCP, catalog: CatalogResources) -> None:
    entry = mcp._mcp_server.get_request_handler("resources/list")
    assert entry is not None  # FastMCP registers it when it is built
    others = entry.handler

    async def list_resources(context: ServerRequestContext, params: PaginatedRequestParams) -> ListResourcesResult:
        cursor = params.cursor
        before: list[Listed] = []
        if cursor is None or not cursor.startswith(CURSOR):
            result = await others(context, params)
            assert isinstance(result, ListResourcesResult)  # what FastMCP's handler answers with
            if result.next_cursor is not None:
                return result
            before, cursor = result.resources, None
        with bind_request_context(context):
            try:
                page = await catalog.page(None if cursor is None else cursor.removeprefix(CURSOR))
            except AirError as error:
                raise Refusal(error) from error
        return ListResourcesResult(resources=[*before, *page.resources], next_cursor=page.next_cursor)

    mcp._mcp_server.add_request_handler("resources/list", PaginatedRequestParams, list_resources)


def _listed(asset: AnyAsset) -> list[Listed]:
    title, summary = asset.title or asset.name, asset.description[:SUMMARY]
    uri = f"airegistry://{asset.kind}/{asset.path}"
    entries = [Listed(uri=uri, name=asset.path, title=title, description=summary, mime_type=JSON)]
    if isinstance(asset, Skill) and asset.enabled:
        entries.append(
            Listed(
                uri=f"skill://{asset.path}/{MAIN}", name=name_of(asset), title=title, description=summary,
                mime_type=MARKDOWN, size=len(asset.content.encode()),
            )
        )  # fmt: skip
    return entries


def _file(skill: Skill, name: str) -> tuple[str, str] | None:
    """Text and media type of a file of a skill. A real companion named `_manifest` comes before the made one."""
    texts = texts_of(skill)
    inner = name.removeprefix(f"{name_of(skill)}/") if name_of(skill) != skill.path else name
    for known in (inner, name):
        if known in texts:
            return texts[known], _media_type(known)
    return (_manifest(skill), JSON) if inner == MANIFEST else None


def _manifest(skill: Skill) -> str:
    """The files of a skill, in the form FastMCP's skill providers give it."""
    files = []
    for name, text in sorted(texts_of(skill).items()):
        digest, size = digest_of(text)
        files.append({"path": name, "size": size, "hash": digest})
    return json.dumps({"skill": name_of(skill), "files": files})


def _media_type(name: str) -> str:
    return MARKDOWN if name.endswith(".md") else mimetypes.guess_type(name)[0] or "text/plain"


def _template(uri: str, name: str, media_type: str, description: str) -> ResourceTemplate:
    return ResourceTemplate(uri_template=uri, name=name, description=description, mime_type=media_type, parameters={})
