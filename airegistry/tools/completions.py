"""Completion of kinds, paths, file names, actions, stages and types, limited to what the caller may see."""

import re
from collections.abc import Iterable, Mapping
from typing import get_args

from fastmcp import FastMCP
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from airegistry.core.assets import MODELS, Kind, Skill
from airegistry.core.errors import AirError, NotFound
from airegistry.core.grants import Action
from airegistry.core.lifecycle import STAGES, STEPS
from airegistry.core.principals import Principal
from airegistry.core.services import Services
from airegistry.core.shelf import key_of
from airegistry.tools.caller import current_principal
from airegistry.tools.protocol import Refusal
from airegistry.tools.resources import ASSET_TEMPLATE, SKILL_TEMPLATE
from airegistry.tools.skills_extension import MANIFEST, texts_of

LIMIT = 100
"""As many values as MCP allows in one answer."""
OWNERS = {
    "review_scan": "asset", "explain_refusal": "asset", "approve_asset": "asset", "take_down": "asset",
    "register_entity_of": "entity_type", ASSET_TEMPLATE: "asset", SKILL_TEMPLATE: "skill",
}  # fmt: skip
"""Prompts and templates with arguments to complete, and what these name."""
_PATH = re.compile(r"[a-z0-9._-]*")


class Completions:
    """Answers `completion/complete`."""

    def __init__(self, services: Services) -> None:
        self._catalog = services.catalog
        self._types = services.entity_types

    async def complete(
        self,
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        """Values that begin as the argument does; None for arguments that have none to offer."""
        about = ref.name if isinstance(ref, PromptReference) else ref.uri
        given = (context.arguments if context is not None else None) or {}
        try:
            return await self._values(current_principal(), about, argument, given)
        except AirError as error:
            raise Refusal(error) from error

    async def _values(
        self, who: Principal, about: str, argument: CompletionArgument, given: Mapping[str, str]
    ) -> Completion | None:
        match (OWNERS.get(about), argument.name):
            case ("asset", "kind"):
                return _matching(MODELS, argument.value)
            case ("asset", "path"):
                kind = given.get("kind", "")
                return await self._paths(who, [each for each in MODELS if kind in {"", each}], argument.value)
            case ("asset", "action"):
                return _matching(get_args(Action), argument.value)
            case ("asset", "stage"):
                return _matching(await self._stages(who, given), argument.value)
            case ("entity_type", "type"):
                return _matching([each.name for each in await self._types.list()], argument.value)
            case ("skill", "path"):
                return await self._paths(who, ["skill"], argument.value)
            case ("skill", "file"):
                return await self._files(who, given.get("path", ""), argument.value)
        return None

    async def _stages(self, who: Principal, given: Mapping[str, str]) -> Iterable[str]:
        """The stages that come next; all of them while it is not said of what."""
        kind = next((each for each in MODELS if each == given.get("kind")), None)
        if kind is None or not given.get("path"):
            return STAGES
        try:
            asset = await self._catalog.get(who, kind, given["path"])
        except AirError:
            return ()
        return [step.to for step in STEPS[asset.stage]]

    async def _paths(self, who: Principal, kinds: Iterable[Kind], start: str) -> Completion:
        found, more = set[str](), False
        for kind in kinds if _PATH.fullmatch(start) else ():
            page = await self._catalog.list(who, [kind], limit=LIMIT, cursor=_just_before(kind, start))
            matching = [asset.path for asset in page.assets if asset.path.startswith(start)]
            found.update(matching)
            more |= page.next_cursor is not None and len(matching) == len(page.assets)
        return Completion(values=sorted(found)[:LIMIT], has_more=more or len(found) > LIMIT)

    async def _files(self, who: Principal, path: str, start: str) -> Completion:
        try:
            skill = await self._catalog.get(who, "skill", path)
        except NotFound:
            return Completion(values=[])
        if not isinstance(skill, Skill) or not skill.enabled:
            return Completion(values=[])
        return _matching(dict.fromkeys([*sorted(texts_of(skill)), MANIFEST]), start)


def _just_before(kind: Kind, start: str) -> str | None:
    """The cursor after which the paths that begin like this come first, and together: lists are in order of path."""
    if not start:
        return None
    return key_of(kind, f"{start[:-1]}{chr(ord(start[-1]) - 1)}~")  # "~" comes after every character of a path


def _matching(values: Iterable[str], start: str) -> Completion:
    matching = [value for value in values if value.startswith(start)]
    return Completion(values=matching[:LIMIT], total=len(matching), has_more=len(matching) > LIMIT)


def add_completions(mcp: FastMCP, services: Services) -> None:
    """Give a server the completion of the registry's prompts and resource templates."""
    mcp.add_completion_handler(Completions(services).complete)
