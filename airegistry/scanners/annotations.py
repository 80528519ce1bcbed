"""Annotations that say the opposite of the tool: read-only, and it deletes."""

import re
from collections.abc import Iterator, Sequence

from airegistry.core.assets import Server, Tool
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.rules import Rule

_CODES = ("OWASP-MCP03:2025", "OWASP-ASI02:2026", "OWASP-LLM06:2025", "ATLAS-AML.T0110", "CWE-451")
_REMEDIATION = "Set the annotations to what the tool does."
READ_ONLY = Rule(
    "annotations.read-only",
    "high",
    "called read-only, and its name says that it changes something",
    _REMEDIATION,
    _CODES,
)
READ_ONLY_TEXT = Rule(
    "annotations.read-only-text",
    "medium",
    "called read-only, and its description says that it changes something",
    _REMEDIATION,
    _CODES,
)
NOT_DESTRUCTIVE = Rule(
    "annotations.not-destructive",
    "medium",
    "called harmless, and its name says that it destroys something",
    _REMEDIATION,
    _CODES,
)
CLAIMED = Rule(
    "annotations.claimed-read-only",
    "medium",
    "described as read-only, with a parameter that makes it write",
    "Remove the parameter, or the claim.",
    _CODES,
)
CLOSED_WORLD = Rule(
    "annotations.closed-world",
    "low",
    "called closed to the world, and its name says that it sends something out",
    _REMEDIATION,
    _CODES,
)
RULES = (READ_ONLY, READ_ONLY_TEXT, NOT_DESTRUCTIVE, CLAIMED, CLOSED_WORLD)

_DESTROYS = r"(?:delete|remove|drop|destroy|purge|wipe|truncate|erase|kill|terminate|uninstall|revoke|overwrite)"
_CHANGES = (
    rf"(?:{_DESTROYS}|write|send|create|update|execute|exec|pay|transfer|post|publish|deploy|install|insert|modify|"
    rf"edit|rename|upload|"
    r"move|approve|merge|push|grant|reset|withdraw|buy|sell|purchase|submit)"
)
_CHANGING_NAME = re.compile(rf"^(?:\w{{1,24}}[_.-])?{_CHANGES}(?:[_.-]|$)")
_DESTROYING_NAME = re.compile(rf"^(?:\w{{1,24}}[_.-])?{_DESTROYS}(?:[_.-]|$)")
_SENDING_NAME = re.compile(r"^(?:send|post|publish|upload|email|mail|tweet|notify|forward)(?:[_.-]|$)")
_CHANGING_TEXT = re.compile(
    r"^(?:this tool |permanently |immediately )?(?:deletes?|removes?|drops?|destroys?|purges?|wipes?|truncates?|"
    r"erases?|overwrites?|transfers? (?:money|funds)|executes? (?:\w+ ){0,3}?(?:commands?|code|scripts?)|"
    r"sends? an? (?:email|message|payment)|pays?)\b|\b(?:also|then|permanently|irreversibly) (?:deletes?|removes?|"
    r"destroys?|wipes?|overwrites?|transfers?|executes?)\b|"
    r"\b(?:running|executing) (?:the |a |any |every |given |arbitrary |supplied |shell |system ){1,5}(?:commands?(?: "
    r"lines?)?|scripts?|"
    r"programs?|binar(?:y|ies))\b(?! (?:against|on) (?:a )?(?:copy|sandbox))"
)
_SAYS_READ_ONLY = re.compile(
    r"\b(?:read[- ]?only|does not modify|never (?:writes|modifies)|no side effects|safe to call)\b"
)
_WRITING_PARAMETER = re.compile(
    r"\b(?:write|delete|overwrite|execute|exec|commit|admin|modify|destructive|drop)_(?:mode|enabled|access|flag|"
    r"back|data|after|allowed)\b|\b(?:allow|enable)_(?:writes?|delete|exec\w*|modif\w*|destructive|drop)\b"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Annotations:
    """Compares what tools are annotated with and what they are called."""

    name = "annotations/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """Findings of every tool that contradicts itself."""
        if not isinstance(asset, Server):
            return ()
        return [finding for at, tool in enumerate(asset.tools) for finding in _findings(f"/tools/{at}", tool)]


def _findings(pointer: str, tool: Tool) -> Iterator[Finding]:
    hints = tool.annotations or {}
    name = _CAMEL.sub("_", tool.name[:256]).lower()
    said = " ".join(tool.description[:4096].lower().split())
    if hints.get("readOnlyHint") is True:
        if _CHANGING_NAME.search(name):
            yield READ_ONLY.finding(f"{pointer}/annotations/readOnlyHint", tool.name)
        elif match := _CHANGING_TEXT.search(said):
            yield READ_ONLY_TEXT.finding(f"{pointer}/annotations/readOnlyHint", match[0])
    elif hints.get("destructiveHint") is False and _DESTROYING_NAME.search(name):
        yield NOT_DESTRUCTIVE.finding(f"{pointer}/annotations/destructiveHint", tool.name)
    if hints.get("openWorldHint") is False and _SENDING_NAME.search(name):
        yield CLOSED_WORLD.finding(f"{pointer}/annotations/openWorldHint", tool.name)
    if hints.get("readOnlyHint") is True or _SAYS_READ_ONLY.search(said):
        properties = tool.input_schema.get("properties")
        named = " ".join(properties)[:4096].lower() if isinstance(properties, dict) else ""
        if match := _WRITING_PARAMETER.search(f"{named} {said}"):
            yield CLAIMED.finding(f"{pointer}/inputSchema", match[0])
