"""Reports as SARIF: what code hosts need to show a finding at its place, and to leave out what is waived."""

from datetime import UTC, datetime

import pytest

from airegistry.core.assets import Json, Server, Skill, Tool
from airegistry.core.findings import Finding, judged
from airegistry.core.sarif import LEVELS, SECURITY_SEVERITY, Scanned, place, sarif, taxonomy_of
from airegistry.core.waivers import Waiver

CODES = ["OWASP-MCP03:2025", "OWASP-ASI01:2026", "ATLAS-AML.T0110", "CWE-1427"]
FOUND = [
    Finding(
        rule="made-up.rule", severity="high", field="/tools/0/description", message="bad", evidence="x", codes=CODES,
        remediation="Do better.",
    ),
    Finding(rule="other.rule_two", severity="medium", field="/name", message="odd"),
]  # fmt: skip
SERVER = Server(path="weather", name="Weather", tools=[Tool(name="fore/cast")])


def objects(value: object) -> list[Json]:
    assert isinstance(value, list)
    return value


def run_of(*scanned: Scanned) -> Json:
    document = sarif(scanned, version="1.2.3", ruleset="abc")
    assert document["version"] == "2.1.0"
    (run,) = objects(document["runs"])
    return run


def test_each_result_points_to_its_rule_and_its_rule_to_codes_of_taxonomies() -> None:
    _, found = judged(FOUND)
    run = run_of(Scanned(SERVER, found), Scanned(SERVER, found[1:]))
    driver = run["tool"]["driver"]  # type: ignore[index,call-overload]  # JSON
    rules, results = objects(driver["rules"]), objects(run["results"])  # type: ignore[index,call-overload]  # JSON
    assert [rule["id"] for rule in rules] == ["made-up.rule", "other.rule_two"]
    assert [(each["ruleId"], each["ruleIndex"]) for each in results] == [
        ("made-up.rule", 0), ("other.rule_two", 1), ("other.rule_two", 1),
    ]  # fmt: skip
    taxonomies = {
        str(each["name"]): [taxon["id"] for taxon in objects(each["taxa"])] for each in objects(run["taxonomies"])
    }
    assert taxonomies == {
        "OWASP MCP 2025": ["OWASP-MCP03:2025"], "OWASP ASI 2026": ["OWASP-ASI01:2026"],
        "MITRE ATLAS": ["ATLAS-AML.T0110"], "CWE": ["CWE-1427"],
    }  # fmt: skip
    targets = [each["target"] for each in objects(rules[0]["relationships"])]
    assert [target["id"] for target in targets] == CODES  # type: ignore[index,call-overload]  # JSON
    named = [target["toolComponent"]["name"] for target in targets]  # type: ignore[index,call-overload]  # JSON
    assert {str(name) for name in named} == {*taxonomies}


def test_a_result_carries_place_level_severity_and_a_fingerprint_that_lasts() -> None:
    _, found = judged(FOUND)
    (result, *_) = objects(run_of(Scanned(SERVER, found))["results"])
    (location,) = objects(result["locations"])
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "registry://server/weather/tools/fore%2Fcast#/tools/0/description"}
    }
    assert result["level"] == "error"
    assert result["partialFingerprints"] == {"airegistry/v1": found[0].fingerprint}
    assert result["properties"]["security-severity"] == "8.0"  # type: ignore[index,call-overload]  # JSON
    assert "suppressions" not in result
    (in_file, *_) = objects(run_of(Scanned(SERVER, found, uri="tools.json"))["results"])
    (location,) = objects(in_file["locations"])
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "tools.json"}}


def test_a_waived_finding_is_suppressed_with_who_and_why() -> None:
    _, found = judged(FOUND)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    waiver = Waiver(
        kind="server", path="weather", fingerprint=found[0].fingerprint, rule="r", message="m", reason="known",
        by="ann", since=noon, until=noon,
    )  # fmt: skip
    first, second = objects(run_of(Scanned(SERVER, found, {waiver.fingerprint: waiver}))["results"])
    assert first["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "known (ann, until 2026-11-20T12:00:00Z)"}
    ]
    assert "suppressions" not in second


def test_nothing_found_is_a_run_without_results() -> None:
    assert run_of(Scanned(SERVER, []))["results"] == []


@pytest.mark.parametrize(
    ("field", "uri"),
    [
        ("", "registry://server/weather#"),
        ("/instructions", "registry://server/weather#/instructions"),
        ("/tools/7/name", "registry://server/weather#/tools/7/name"),
    ],
)
def test_a_place_outside_of_the_tools_is_one_of_the_server(field: str, uri: str) -> None:
    assert place(SERVER, field) == uri


def test_a_place_in_another_asset_keeps_its_pointer() -> None:
    assert place(Skill(path="s", name="s"), "/files/a~1b c") == "registry://skill/s#/files/a~1b%20c"


def test_every_severity_has_a_level_and_a_number_and_unknown_codes_a_taxonomy() -> None:
    assert LEVELS.keys() == SECURITY_SEVERITY.keys()
    assert (taxonomy_of("X-1"), taxonomy_of("OWASP-LLM01:2025")) == ("other", "OWASP LLM 2025")
