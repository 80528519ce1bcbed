"""The Cisco packages go on when a part of them fails; the worker takes that for an error and not for a pass."""

import logging
import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from airegistry.scanners.cisco_worker import Scanners, answered

pytestmark = pytest.mark.anyio
CARD = {"id": 1, "kind": "card", "card": {"name": "a"}}
SKILL = {"id": 2, "kind": "skill", "files": {"SKILL.md": "# s"}}
TOOLS = {"id": 3, "kind": "tools", "tools": [{"name": "t", "description": "d", "inputSchema": {}}]}


class Package:
    """The three packages. `logs` is said by the logger of this name when they scan; the rest is what they answer."""

    def __init__(self, logs: tuple[str, int, str] | None = None, **answers: Any) -> None:
        self.logs = logs
        self.analyzers: Sequence[str] = answers.get("analyzers", ("yara", "heuristic"))
        self.status = answers.get("status", "completed")
        self.failed = answers.get("failed", [])
        self.rules = answers.get("rules", object())
        self.breaks = answers.get("breaks", False)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, member in (
            ("mcpscanner", "YaraAnalyzer"),
            ("a2ascanner", "Scanner"),
            ("skill_scanner", "SkillScanner"),
        ):
            module = ModuleType(name)
            setattr(module, member, self.scanner)
            module.Config = object  # type: ignore[attr-defined]  # as that of A2A has it
            monkeypatch.setitem(sys.modules, name, module)

    def scanner(self, *config: object) -> "Package":
        self.yara_analyzer = SimpleNamespace(rules=self.rules)
        return self

    def say(self) -> None:
        if self.breaks:
            raise ValueError("no such rule")
        if self.logs is not None:
            name, level, message = self.logs
            logging.getLogger(name).log(level, message)

    async def analyze(self, text: str, context: object) -> list[object]:
        self.say()
        return []

    async def scan_agent_card(self, card: object, analyzers: object) -> SimpleNamespace:
        self.say()
        return SimpleNamespace(analyzers=self.analyzers, status=self.status, findings=[])

    def scan_skill(self, folder: str, lenient: bool) -> SimpleNamespace:
        self.say()
        return SimpleNamespace(findings=[], analyzers_failed=self.failed)


@pytest.mark.parametrize("request_", [CARD, SKILL, TOOLS])
async def test_a_scan_in_which_all_went_well_finds_nothing(
    monkeypatch: pytest.MonkeyPatch, request_: dict[str, Any]
) -> None:
    Package(("skill_scanner.core", logging.WARNING, "unknown field")).install(monkeypatch)
    assert await answered(Scanners(), request_) == {"id": request_["id"], "findings": []}


@pytest.mark.parametrize(("request_", "package", "says"), [
    (CARD, Package(("a2ascanner.core.scanner", logging.ERROR, "Heuristic analyzer failed: x")), "Heuristic"),
    (CARD, Package(analyzers=["heuristic"]), "did not run: yara"),
    (CARD, Package(status="failed"), "status failed"),
    (CARD, Package(rules=None), "did not load"),
    (SKILL, Package(failed=[{"analyzer": "static_analyzer", "error": "x"}]), "static_analyzer"),
    (SKILL, Package(("skill_scanner.core.rules.yara_scanner", logging.WARNING, "YARA scanning error: t")), "YARA"),
    (SKILL, Package(breaks=True), "no such rule"),
    (TOOLS, Package(breaks=True), "no such rule"),
])  # fmt: skip
async def test_a_part_that_failed_is_an_error(
    monkeypatch: pytest.MonkeyPatch, request_: dict[str, Any], package: Package, says: str
) -> None:
    package.install(monkeypatch)
    answer = await answered(Scanners(), request_)
    assert "findings" not in answer
    assert says in answer["error"]
    handlers = logging.getLogger().handlers
    assert not [each for each in handlers if type(each).__name__ == "Complaints"]
