"""Cases of danger are judged as registrations are, and read from their id, kind and payload alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from airegistry.core.assets import Agent, Json, Server, Skill
from airegistry.core.errors import Invalid
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.evaluation import scanning
from airegistry.evaluation.scanning import Case, drafted, judged_cases, judged_sources, read_cases
from airegistry.evaluation.sources import Source
from benchmarks.scan_cases import BENIGN, own_cases, read_labelled
from benchmarks.scan_variants import variants

pytestmark = pytest.mark.anyio
HIDDEN = "harmless\u202egnihtemos"
TOOL: Json = {"name": "x", "description": HIDDEN}


def case(kind: str, payload: Json, id: str = "1") -> Case:
    return Case.model_validate({"id": id, "kind": kind, "payload": payload})


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


async def test_each_kind_is_scanned_and_flagged_by_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    class ByName:
        name = "by-name/1"

        def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
            if asset.name == "break":
                raise RuntimeError("out of order")
            severity = {"bad": "high", "odd": "medium"}.get(asset.name)
            finding = {"rule": "r.x", "severity": severity, "structural": True, "field": "", "message": "m"}
            return [] if severity is None else [Finding.model_validate(finding)]

    monkeypatch.setattr(scanning, "open_scanners", lambda: (ByName(),))
    cases = [
        case("mcp_tool", {"server": {"name": name}, "tool": {"name": "t"}}, name)
        for name in ("bad", "odd", "fine", "break")
    ]
    cases.append(case("agent_card", {"name": "bad"}, "card"))
    cases.append(case("skill", {"files": {"SKILL.md": "---\nname: odd\ndescription: d\n---\n"}}, "skill"))
    found = await judged_cases(cases, silent)
    assert found.flagged("block") == {
        "bad": True, "odd": False, "fine": False, "break": True, "card": True, "skill": False,
    }  # fmt: skip
    assert {id for id, flag in found.flagged("review").items() if flag} == {"bad", "odd", "break", "card", "skill"}
    assert list(found.failed) == ["break"]
    assert found.seconds.keys() == found.said.keys()


async def test_a_tool_is_scanned_on_its_server_beside_the_catalog_and_what_was_approved() -> None:
    draft = drafted(case("mcp_tool", {
        "server": {"name": "github"}, "tool": TOOL, "baseline": {"name": "x"},
        "catalog": [{"server": "github", "trusted": True, "tools": ["x", {"name": "y"}]},
                    {"server": "other one", "trusted": False, "tools": []}],
    }))  # fmt: skip
    assert isinstance(draft.asset, Server)
    assert isinstance(draft.approved, Server)
    assert (draft.asset.name, draft.asset.tools[0].description, draft.approved.tools[0].description) == (
        "github", HIDDEN, "",
    )  # fmt: skip
    assert [(server.name, server.stage, len(server.tools)) for server in draft.catalog] == [
        ("github", "approved_production", 2), ("other one", "approved_dev", 0),
    ]  # fmt: skip
    paths = {server.path for server in (draft.asset, *draft.catalog)}
    assert len(paths) == 3
    assert draft.approved.path == draft.asset.path


def test_what_is_of_the_wrong_type_is_read_as_text_and_not_refused() -> None:
    tool: Json = {
        "name": "x", "title": 7, "description": ["a"], "inputSchema": "none", "outputSchema": 3, "annotations": "no",
        "extra": 1,
    }  # fmt: skip
    server = drafted(case("mcp_tool", {"tool": tool})).asset
    assert isinstance(server, Server)
    (read,) = server.tools
    assert (read.title, read.description, read.input_schema["description"]) == ("7", '["a"]', "none")
    agent = drafted(case("agent_card", {"skills": [{"name": "s", "description": None}, 3], "url": 5})).asset
    assert isinstance(agent, Agent)
    assert (agent.name, [skill.name for skill in agent.skills]) == ("", ["s"])
    skill = drafted(case("skill", {"files": {"b/SKILL.md": "no frontmatter", "a": "x"}})).asset
    assert isinstance(skill, Skill)
    assert (skill.content, skill.files) == ("no frontmatter", {"a": "x"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{oops", ":1: Invalid JSON"),
        ('{"id": "1", "kind": "tool", "payload": {}}', ":1: kind"),
        ('{"kind": "skill", "payload": {}}', ":1: id"),
        ('{"id": "1", "kind": "mcp_tool", "payload": {}}', "case '1': payload.tool is no object"),
        ('{"id": "1", "kind": "mcp_tool", "payload": {"tool": {}, "server": {"x": 1}}}', "server.name is no text"),
        ('{"id": "1", "kind": "mcp_tool", "payload": {"tool": {}, "catalog": {}}}', "catalog is no list"),
        ('{"id": "1", "kind": "mcp_tool", "payload": {"tool": {}, "catalog": [{}]}}', "catalog.0.server is no text"),
        ('{"id": "1", "kind": "skill", "payload": {"files": {}}}', "maps no names to texts"),
        ('{"id": "1", "kind": "skill", "payload": {"files": {"SKILL.md": 3}}}', "maps no names to texts"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(Invalid) as refusal:
        read_cases(path)
    assert said in refusal.value.message
    assert str(path) in refusal.value.message


async def test_a_source_is_judged_with_the_rules_it_was_judged_by() -> None:
    (found,) = await judged_sources([Source(drafted(case("mcp_tool", {"tool": TOOL})).asset, "tools.json")])
    assert (found.report.verdict, len(found.report.ruleset)) == ("block", 16)


def test_our_own_set_has_cases_enough_of_every_kind_and_variants_that_are_always_the_same(tmp_path: Path) -> None:
    own, made = own_cases(), variants()
    assert {each.case.kind for each in own} == {"mcp_tool", "agent_card", "skill"}
    assert sum(each.label == "malicious" for each in own) >= 150
    assert sum(each.label == BENIGN for each in own) >= 200
    assert made == variants()
    families = {each.family for each in made} - {BENIGN}
    assert families == {
        "homoglyph", "shadowing_name", "shadowing", "hidden_unicode", "rug_pull", "context_exfiltration",
        "base64_obfuscation",
    }  # fmt: skip
    for family in families:
        assert len({json.dumps(each.case.payload) for each in made if each.family == family}) >= 40
    path = tmp_path / "set.jsonl"
    lines = [{**each.case.model_dump(), "label": each.label, "family": each.family} for each in made]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert read_labelled(path) == made
    for each in (*own, *made):
        drafted(each.case)
