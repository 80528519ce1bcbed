"""Scan reports as SARIF 2.1.0 (OASIS), which code hosts and CI systems show beside the code."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from pydantic import JsonValue

from airegistry.core.assets import Json, Server
from airegistry.core.findings import Finding, Severity
from airegistry.core.ports import AnyAsset
from airegistry.core.waivers import Waiver

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: Mapping[Severity, str] = {
    "info": "note", "low": "note", "medium": "warning", "high": "error", "critical": "error",
}  # fmt: skip
SECURITY_SEVERITY: Mapping[Severity, str] = {
    "info": "0.0", "low": "3.0", "medium": "5.5", "high": "8.0", "critical": "9.5",
}  # fmt: skip
"""What code hosts sort by: on the scale of CVSS."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """An asset, what was found in it, and the waivers in force by fingerprint. `uri` is the file that was scanned."""

    asset: AnyAsset
    findings: Sequence[Finding]
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    uri: str | None = None


def sarif(scanned: Iterable[Scanned], *, version: str, ruleset: str = "") -> Json:
    """One run with all rules, places and waivers. `version` is the registry's, `ruleset` names the rules in force."""
    results: list[JsonValue] = []
    rules: dict[str, Finding] = {}
    numbers: dict[str, int] = {}
    for each in scanned:
        for finding in each.findings:
            rules.setdefault(finding.rule, finding)
            numbers.setdefault(finding.rule, len(numbers))
            results.append(_result(each, finding, numbers[finding.rule]))
    taxonomies = _taxonomies(code for finding in rules.values() for code in finding.codes)
    driver: Json = {
        "name": "airegistry", "semanticVersion": version, "rules": [_rule(each) for each in rules.values()],
        "supportedTaxonomies": [{"name": name} for name in taxonomies],
    }  # fmt: skip
    run: Json = {
        "tool": {"driver": driver}, "results": results, "columnKind": "utf16CodeUnits",
        "taxonomies": [_taxonomy(name, codes) for name, codes in taxonomies.items()],
        "properties": {"ruleset": ruleset},
    }  # fmt: skip
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def place(asset: AnyAsset, field: str) -> str:
    """The URI of a place in an asset: `registry://server/weather/tools/forecast#/tools/0/description`."""
    members = field.split("/")
    part = ""
    if isinstance(asset, Server) and len(members) > 2 and members[1] == "tools" and members[2].isdigit():
        number = int(members[2])
        part = f"/tools/{quote(asset.tools[number].name, safe='')}" if number < len(asset.tools) else ""
    return f"registry://{asset.kind}/{quote(asset.path, safe='')}{part}#{quote(field, safe='/~')}"


def _rule(finding: Finding) -> Json:
    """A rule, as far as one of its findings tells; codes and remedy are the rule's."""
    return {
        "id": finding.rule,
        "name": "".join(word.capitalize() for word in finding.rule.replace(".", "-").replace("_", "-").split("-")),
        "shortDescription": {"text": finding.rule},
        "help": {"text": finding.remediation or finding.message},
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
        "relationships": [
            {"target": {"id": code, "toolComponent": {"name": taxonomy_of(code)}}, "kinds": ["relevant"]}
            for code in dict.fromkeys(finding.codes)
        ],
        "properties": {
            "security-severity": SECURITY_SEVERITY[finding.severity], "tags": ["security", finding.family],
        },
    }  # fmt: skip


def _result(scanned: Scanned, finding: Finding, index: int) -> Json:
    asset, waiver = scanned.asset, scanned.waivers.get(finding.fingerprint)
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message + (f" [{finding.evidence}]" if finding.evidence else "")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": scanned.uri or place(asset, finding.field)}},
                "logicalLocations": [{"fullyQualifiedName": f"{asset.kind}/{asset.path}{finding.field}"}],
            }
        ],
        "partialFingerprints": {"airegistry/v1": finding.fingerprint},
        "properties": {
            "security-severity": SECURITY_SEVERITY[finding.severity], "severity": finding.severity,
            "confidence": finding.confidence, "tier": finding.tier, "version": asset.version,
        },
    }  # fmt: skip
    if waiver is not None:
        why = f"{waiver.reason} ({waiver.by}, until {waiver.until:%Y-%m-%dT%H:%M:%SZ})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def taxonomy_of(code: str) -> str:
    """The taxonomy a code is of, with its year: `OWASP-MCP03:2025` is of `OWASP MCP 2025`."""
    name, _, year = code.partition(":")
    if name.startswith("OWASP-"):
        return f"OWASP {name.removeprefix('OWASP-').rstrip('0123456789')} {year}".strip()
    known = {"ATLAS-": "MITRE ATLAS", "CWE-": "CWE", "AITech-": "Cisco AI Security and Safety Taxonomy"}
    return next((taxonomy for start, taxonomy in known.items() if name.startswith(start)), "other")


def _taxonomies(codes: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in dict.fromkeys(codes):
        found.setdefault(taxonomy_of(code), []).append(code)
    return found


def _taxonomy(name: str, codes: Sequence[str]) -> Json:
    return {"name": name, "taxa": [{"id": code} for code in codes]}
