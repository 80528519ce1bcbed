"""Assets too large to be read: more tools than a model can choose from, texts in which anything hides."""

from collections.abc import Iterator, Sequence

from airegistry.core.assets import Server
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.rules import LONGEST_TEXT, SPOKEN, Rule
from airegistry.scanners.texts import texts

_CODES = ("OWASP-MCP10:2025", "OWASP-ASI08:2026", "OWASP-LLM10:2025", "CWE-770")
LONG_TEXT = Rule(
    "size.text", "high", "a text longer than the scanner reads", "Shorten it.", _CODES, "high", structural=True
)
LONG_DESCRIPTION = Rule(
    "size.description", "medium", "a description of a tool that fills a model's context", "Shorten it.", _CODES, "high"
)
ASSET = Rule(
    "size.asset", "high", "more text than the scanner reads", "Split the server.", _CODES, "high", structural=True
)
FLOOD = Rule(
    "size.flood", "high", "more tools than anybody has read", "Split the server.", _CODES, "high", structural=True
)
MANY_TOOLS = Rule(
    "size.tools", "medium", "more tools than a model can choose from", "Offer them by a virtual server.", _CODES, "high"
)
DEEP = Rule(
    "size.depth", "high", "a schema nested deeper than data are", "Flatten it.", _CODES, "high", structural=True
)
RULES = (LONG_TEXT, LONG_DESCRIPTION, ASSET, FLOOD, MANY_TOOLS, DEEP)

MAX_DESCRIPTION = 16_384
MAX_ASSET = 8_000_000
MAX_TOOLS = 500
MAX_FLOOD = 5_000
MAX_DEPTH = 32


class Sizes:
    """Counts before any pattern runs."""

    name = "size/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per cap that is passed and place."""
        return list(_findings(asset)) if asset.kind in SPOKEN else ()


def _findings(asset: AnyAsset) -> Iterator[Finding]:
    total = 0
    for text in texts(asset):
        total += len(text.raw)
        if len(text.raw) > LONGEST_TEXT:
            yield LONG_TEXT.finding(text.field, f"{len(text.raw)} characters")
        elif len(text.raw) > MAX_DESCRIPTION and text.field.startswith("/tools/"):
            yield LONG_DESCRIPTION.finding(text.field, f"{len(text.raw)} characters")
    if total > MAX_ASSET:
        yield ASSET.finding("", f"{total} characters")
    if isinstance(asset, Server):
        yield from _of_tools(asset)


def _of_tools(server: Server) -> Iterator[Finding]:
    count = len(server.tools)
    if count > MAX_TOOLS:
        yield (FLOOD if count > MAX_FLOOD else MANY_TOOLS).finding("/tools", f"{count} tools")
    for at, tool in enumerate(server.tools):
        for member, schema in (("inputSchema", tool.input_schema), ("outputSchema", tool.output_schema)):
            if _deeper(schema, MAX_DEPTH):
                yield DEEP.finding(f"/tools/{at}/{member}", f"deeper than {MAX_DEPTH}")


def _deeper(value: object, limit: int) -> bool:
    """Whether objects and arrays are nested more than so often, without recursion."""
    level = [value]
    for _ in range(limit + 1):
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True
