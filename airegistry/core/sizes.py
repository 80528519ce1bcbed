"""How large an asset may be: what is stored is read, scanned, indexed and shown again and again."""

import json

from airegistry.core.assets import Server
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset

MAX_ASSET = 16_000_000
MAX_TOOLS = 5_000
MAX_TOOL = 262_144
MAX_PARAMETERS = 1_000


def check_sizes(asset: AnyAsset) -> None:
    """Refuse what is too large. Takes a while for a large asset: give it a thread.

    Raises:
        Invalid: the asset, or one of its tools, is over a limit; the message names which.
    """
    tools = asset.tools if isinstance(asset, Server) else []
    if len(tools) > MAX_TOOLS:
        raise Invalid(f"{len(tools)} tools; at most {MAX_TOOLS} are taken", field="tools")
    for tool in tools:
        parameters = tool.input_schema.get("properties")
        if isinstance(parameters, dict) and len(parameters) > MAX_PARAMETERS:
            raise Invalid(
                f"tool {tool.name[:80]!r} has {len(parameters)} parameters; at most {MAX_PARAMETERS} are taken",
                field="tools",
            )
        if _length(tool.model_dump(mode="json", by_alias=True)) > MAX_TOOL:
            raise Invalid(f"tool {tool.name[:80]!r} is longer than {MAX_TOOL} characters of JSON", field="tools")
    if _length(asset.model_dump(mode="json", by_alias=True)) > MAX_ASSET:
        raise Invalid(f"{asset.path!r} is longer than {MAX_ASSET} characters of JSON")


def _length(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False))
