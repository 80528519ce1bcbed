"""The Cisco AI Defense scanners as a process of their own: one JSON object a line in, one a line out, in order.

It runs under a Python that has the Cisco packages, and so imports nothing of the registry and no package at its top.
A request is `{"id", "kind": "tools" | "card" | "skill", "tools" | "card" | "files"}`; an answer
`{"id", "findings": [...]}` or `{"id", "error"}`. What the packages print goes to standard error.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

CARD_ANALYZERS = ["yara", "heuristic"]
PACKAGES = ("mcpscanner", "a2ascanner", "skill_scanner")


class Complaints(logging.Handler):
    """What the packages log when a part of them fails: they go on without it, and their answer says nothing of it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        failed = record.levelno >= logging.ERROR or message.startswith("YARA")
        if failed and record.name.partition(".")[0] in PACKAGES:
            self.said.append(message)


class Scanners:
    """The three scanners, each built when it is first asked: that takes seconds."""

    def __init__(self) -> None:
        self._yara: Any = None
        self._cards: Any = None
        self._skills: Any = None

    async def tools(self, tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the YARA rules of the MCP scanner find in tool definitions."""
        if self._yara is None:
            self._yara = import_module("mcpscanner").YaraAnalyzer()
        found = []
        for number, tool in enumerate(tools):
            rest = {name: value for name, value in tool.items() if name not in {"name", "description"}}
            for part, text in (("description", tool.get("description") or ""), ("parameters", json.dumps(rest))):
                context = {"tool_name": str(tool.get("name")), "content_type": part}
                for finding in await self._yara.analyze(text, context):
                    found.append({
                        "severity": finding.severity, "name": finding.threat_category, "message": finding.summary,
                        "field": f"/tools/{number}/" + ("description" if part == "description" else "inputSchema"),
                    })  # fmt: skip
        return found

    async def card(self, card: dict[str, Any]) -> list[dict[str, Any]]:
        """What the A2A scanner finds in an agent card.

        Raises:
            RuntimeError: an analyzer did not run; the scanner itself says no more of it than that it is not listed.
        """
        if self._cards is None:
            module = import_module("a2ascanner")
            self._cards = module.Scanner(module.Config())
        result = await self._cards.scan_agent_card(card, CARD_ANALYZERS)
        ran = {str(name).lower() for name in result.analyzers}
        missing = [name for name in CARD_ANALYZERS if not any(name in each for each in ran)]
        if missing or result.status != "completed":
            raise RuntimeError(f"status {result.status}, analyzers that did not run: {', '.join(missing) or 'none'}")
        self._check_loaded()
        return [
            {
                "severity": each.severity, "name": each.threat_name, "message": each.summary,
                "field": "/card", "analyzer": each.analyzer,
            }
            for each in result.findings
        ]  # fmt: skip

    def _check_loaded(self) -> None:
        """Whether the rules of the A2A scanner are there: it goes on without them and says nothing."""
        analyzers = vars(self._cards)
        for name in ("yara_analyzer", "_yara_analyzer"):
            if name in analyzers and getattr(analyzers[name], "rules", True) is None:
                raise RuntimeError("the YARA rules of the A2A scanner did not load")

    async def skill(self, files: dict[str, str]) -> list[dict[str, Any]]:
        """What the skill scanner finds in a skill."""
        return await asyncio.to_thread(self._in_folder, files)

    def _in_folder(self, files: dict[str, str]) -> list[dict[str, Any]]:
        """The skill scanner wants a folder."""
        if self._skills is None:
            self._skills = import_module("skill_scanner").SkillScanner()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            for file, text in files.items():
                path = (folder / file).resolve()
                if not path.is_relative_to(folder):
                    raise RuntimeError(f"file {file!r} lies outside of the skill")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
            result = self._skills.scan_skill(str(folder), lenient=True)
        if failed := getattr(result, "analyzers_failed", None):
            raise RuntimeError(f"analyzers that failed: {failed}")
        return [
            {
                "severity": getattr(each.severity, "value", each.severity), "name": each.rule_id,
                "message": getattr(each, "title", each.rule_id),
                "field": "/files/" + str(each.file_path or "SKILL.md").replace("~", "~0").replace("/", "~1"),
            }
            for each in result.findings
        ]  # fmt: skip


async def answered(scanners: Scanners, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request, an error when the scanner breaks, or a part of it."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        if request["kind"] == "tools":
            findings = await scanners.tools(request["tools"])
        elif request["kind"] == "card":
            findings = await scanners.card(request["card"])
        else:
            findings = await scanners.skill(request["files"])
    except Exception as error:  # noqa: BLE001  # whatever a scanner raises, the next request is answered
        return {"id": request["id"], "error": f"{type(error).__name__}: {error}"[:1000]}
    finally:
        logging.getLogger().removeHandler(complaints)
    if complaints.said:
        return {"id": request["id"], "error": f"a part of it failed: {complaints.said[0]}"[:1000]}
    return {"id": request["id"], "findings": findings}


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the packages print must not pass for an answer
    scanners = Scanners()

    async def serve() -> None:
        while line := await asyncio.to_thread(sys.stdin.readline):
            answers.write(json.dumps(await answered(scanners, json.loads(line))) + "\n")
            answers.flush()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
