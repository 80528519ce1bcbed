"""Labels virtual servers whose tools, put together, can carry private data out at a stranger's word."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from airegistry.core.assets import Server, Tool, VirtualServer
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.plain import plain
from airegistry.scanners.rules import Rule

_CODES = (
    "OWASP-MCP10:2025",
    "OWASP-ASI02:2026",
    "OWASP-LLM06:2025",
    "ATLAS-AML.T0086",
    "ATLAS-AML.T0085.001",
    "CWE-200",
)
_REMEDY = "Take the sending tool out, give it a scope of its own, or let it require approval."

_FLOW = Rule(
    "flows.untrusted-private-out",
    "medium",
    "one tool reads what strangers write, one reads private data, and one sends: together they can leak",
    _REMEDY,
    _CODES,
    "low",
)
_SAME = Rule(
    "flows.one-server",
    "info",
    "one server reads what strangers write and private data, and sends",
    _REMEDY,
    _CODES,
    "low",
)
_LEAK = Rule("flows.private-out", "info", "one tool reads private data, and another one sends", _REMEDY, _CODES, "low")

Label = Literal["untrusted", "private", "sink"]
_READS = (
    r"\b(?:read|get|fetch|list|search|query|find|retriev|load|download|view|browse|scrap|crawl|open|show"
    r"|check)\w{0,4}\b"
)
_SENDS = (
    r"\b(?:send|post|publish|creat|upload|writ|reply|comment|share|forward|submit|push|add|updat|tweet"
    r"|email|notify)\w{0,4}\b"
)
_LABELS: dict[Label, tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]] = {
    "untrusted": (
        (
            re.compile(_READS),
            re.compile(
                r"\b(?:web ?pages?|urls?|websites?|web|internet|rss|feeds?|issues?|pull requests?|comments?|e?mails?"
                r"|inbox|messages?|tweets?|posts?|reviews?|tickets?|search results|html|forum|discussions?"
                r"|attachments?)\b"
            ),
        ),
    ),
    "private": (
        (
            re.compile(_READS),
            re.compile(
                r"\b(?:files?|documents?|drive|e?mails?|inbox|messages?|calendar|contacts?|database|tables?|rows"
                r"|records?|customers?|secrets?|credentials?|passwords?|notes?|private|internal|repositor\w{1,3}"
                r"|source code|payroll|invoices?|patients?|memory|environment variables)\b"
            ),
        ),
    ),
    "sink": (
        (
            re.compile(_SENDS),
            re.compile(
                r"\b(?:e?mails?|messages?|http|webhooks?|slack|channels?|issues?|comments?|pull requests?|gists?"
                r"|tweets?|posts?|urls?|sms|files? to|buckets?|s3|drive|external|tickets?|wiki|pages?|api)\b"
            ),
        ),
    ),
}


class Flows:
    """Looks at all tools of a virtual server at once; it tells, and never holds."""

    name = "flows/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """At most one finding: the widest flow, with a tool for each of its ends."""
        if not isinstance(asset, VirtualServer) or not around.parts:
            return ()
        ends: dict[Label, list[tuple[str, str]]] = {"untrusted": [], "private": [], "sink": []}
        for server, tool in _tools(asset, around.parts):
            for label in labels_of(tool):
                ends[label].append((server, tool.name))
        return [*_judged(ends)]


def labels_of(tool: Tool) -> set[Label]:
    """Which ends of a flow a tool can be, by its name and first sentences, and what it says of itself."""
    text = plain(re.sub(r"[_\-.]|(?<=[a-z])(?=[A-Z])", " ", tool.name) + ". " + tool.description[:400]).lower()
    found: set[Label] = {
        label
        for label, pairs in _LABELS.items()
        if any(verb.search(text) and thing.search(text) for verb, thing in pairs)
    }
    hints = tool.annotations or {}
    if hints.get("readOnlyHint") is True and hints.get("openWorldHint") is not True:
        found.discard("sink")
    return found


def _tools(asset: VirtualServer, parts: Sequence[Server]) -> Iterator[tuple[str, Tool]]:
    known = {(part.path, tool.name): tool for part in parts for tool in part.tools}
    for entry in asset.tools:
        if tool := known.get((entry.server, entry.tool)):
            described = tool.model_copy(update={"description": entry.description}) if entry.description else tool
            yield entry.server, described


def _judged(ends: dict[Label, list[tuple[str, str]]]) -> Iterator[Finding]:
    untrusted, private, sink = ends["untrusted"], ends["private"], ends["sink"]
    if not private or not sink:
        return
    reader = next((each for each in private if each not in sink), private[0])
    sender = next((each for each in sink if each[0] != reader[0]), sink[0])
    if not untrusted:
        if reader != sender:
            yield _LEAK.finding("/tools", _told(reader, sender))
        return
    stranger = next((each for each in untrusted if each[0] not in (reader[0], sender[0])), untrusted[0])
    servers = {stranger[0], reader[0], sender[0]}
    if len({stranger, reader, sender}) > 1:
        yield (_FLOW if len(servers) > 1 else _SAME).finding("/tools", _told(stranger, reader, sender))


def _told(*ends: tuple[str, str]) -> str:
    return " -> ".join(f"{server}/{tool}" for server, tool in ends)
