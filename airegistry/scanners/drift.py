"""Definitions that changed since they were approved, by what the change lets them do.

That something changed is for `core/definitions.py` to say, and for a person to approve. Here it is weighed: a refresh
that reads like one is not held against a server, one that turns a tool against its users is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from airegistry.core.canonical import canonical
from airegistry.core.definitions import Change, Definition, changes_of, parts_of, plain
from airegistry.core.findings import SEVERITIES, Finding, Severity, escaped
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.schema_changes import Edit
from airegistry.scanners.drift_reach import Reach, reaches
from airegistry.scanners.drift_words import Added, weighed
from airegistry.scanners.texts import Text, texts
from airegistry.scanners.tokens import redacted

CODES = [
    "OWASP-MCP03:2025", "OWASP-MCP04:2025", "OWASP-ASI04:2026", "ATLAS-AML.T0109", "CISCO-AITech-9.3.3:2.0", "CWE-494",
]  # fmt: skip
REMEDIATION = "Compare it with the approved definition, and approve the change or keep serving the approved one."
_FOR_READERS = re.compile(r"https://(?:docs?|developers?|help|support|status|learn|api-docs|wiki)\.[\w.-]+$")
_FOR_MORE = re.compile(
    r"\b(?:see|docs|documentation|details|more|reference|guide|learn|described|listed)\b[^.!?;]{0,40}$"
)
_LONGEST = 100_000
_HELD = SEVERITIES.index("high")


@dataclass(frozen=True, slots=True)
class _Weight:
    """How bad a change is, by which rule, and what shows it."""

    rule: str
    severity: Severity
    evidence: str = ""

    @property
    def rank(self) -> int:
        return SEVERITIES.index(self.severity)


class Drift:
    """Compares an asset with the approved one, where there is one; one finding per part that changed."""

    name = "drift/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """What changed, but for what is cosmetic."""
        approved = around.approved
        if approved is None or approved is asset:
            return ()
        before, after = parts_of(approved), parts_of(asset)
        changes = [
            change for change in changes_of(before, after) if change.grade != "cosmetic" and change.part in after
        ]
        if not changes:
            return ()
        old, new = _by_part(approved, before), _by_part(asset, after)
        return [_finding(change, _pointers(asset, after)[change.part], _weigh(change, before, after, old, new))
                for change in changes]  # fmt: skip


def _weigh(
    change: Change, before: Mapping[str, Definition], after: Mapping[str, Definition],
    old: Mapping[str, list[Text]], new: Mapping[str, list[Text]],
) -> _Weight:  # fmt: skip
    if change.part not in before or change.grade == "minor":
        return _Weight("changed", "low", change.said)
    weights = [_Weight("changed", "low", change.said)]
    said = _lowered(after[change.part])
    weights += [_edit(edit, plain(before[change.part]), said) for edit in change.edits]
    weights += [_Weight("reach", each.severity, each.evidence) for each in _reaches(change.part, before, after)]
    words = weighed(Added.between(old[change.part], new[change.part]))
    if words is not None:
        severity, evidence = words
        # A skill is made of instructions: what new ones may not say is for the rules of skills.
        long = change.part == "SKILL.md" or change.part.startswith("files/")
        weights.append(_Weight("words", "medium" if long else severity, evidence))
    return max(weights, key=lambda weight: weight.rank)


def _reaches(part: str, before: Mapping[str, Definition], after: Mapping[str, Definition]) -> Iterable[Reach]:
    """What a tool can do now and could not; of other parts the words tell enough."""
    return reaches(plain(before[part]), plain(after[part])) if part.startswith("tools/") else ()


def _lowered(definition: Definition) -> str:
    return canonical(plain(definition))[:_LONGEST].lower()


def _edit(edit: Edit, before: object, said: str) -> _Weight:
    """The weight of an edit by its kind; its words are weighed by themselves."""
    if edit.kind == "hint-widened":
        return _Weight("hint", _hint(edit, before), edit.said)
    if edit.kind == "security-removed":
        return _Weight("security", "critical", edit.said)
    if edit.kind == "address":
        if edit.grade != "privilege_widened" and _documents(edit, said):
            return _Weight("changed", "low", edit.said)
        return _Weight("address", "high" if edit.grade == "privilege_widened" else "medium", edit.said)
    narrowed = edit.kind == "hint-narrowed" and "not stated" not in edit.said
    return _Weight("hint" if narrowed else "changed", "medium" if narrowed else "low", edit.said)


def _documents(edit: Edit, said: str) -> bool:
    """Whether the host that a text names now is where its reader finds more, and nothing is sent there."""
    host = edit.said.removeprefix("names ").partition(",")[0]
    at = said.find(host)
    return at >= 0 and bool(_FOR_READERS.match(host) and _FOR_MORE.search(said[max(0, at - 60) : at]))


def _hint(edit: Edit, before: object) -> Severity:
    """A tool that was approved as harmless and says now that it is not; a hint that states what was assumed is none."""
    name = edit.at.rpartition("/")[2]
    annotations = before.get("annotations") if isinstance(before, dict) else None
    stated = annotations.get(name) if isinstance(annotations, dict) else None
    if name == "readOnlyHint":
        return "critical" if stated is True else "low"
    if name == "destructiveHint":
        return "critical" if stated is False else "low"
    return "medium" if stated is False else "low"


def _pointers(asset: AnyAsset, parts: Mapping[str, Definition]) -> dict[str, str]:
    """Where each part of an asset stands in it."""
    places: dict[str, int] = {}
    found = {}
    for part in parts:
        kind, slash, name = part.partition("/")
        if part == "SKILL.md":
            found[part] = "/content"
        elif kind == "files" or not slash:
            found[part] = f"/{kind}{slash}{name.replace('~', '~0').replace('/', '~1')}"
        else:
            found[part] = f"/{kind}/{places.setdefault(kind, 0)}"
            places[kind] += 1
    return found


def _by_part(asset: AnyAsset, parts: Mapping[str, Definition]) -> dict[str, list[Text]]:
    """The texts of each part."""
    by_pointer = {pointer: part for part, pointer in _pointers(asset, parts).items()}
    found: dict[str, list[Text]] = {part: [] for part in parts}
    for text in texts(asset):
        members = text.field.split("/")
        for pointer in ("/".join(members[:3]), "/".join(members[:2])):
            if pointer in by_pointer:
                found[by_pointer[pointer]].append(text)
                break
    return found


def _finding(change: Change, pointer: str, weight: _Weight) -> Finding:
    return Finding(
        rule=f"drift.{weight.rule}", severity=weight.severity, confidence="high", structural=weight.rank >= _HELD,
        field=pointer, message=f"changed since it was approved: {change.said}"[:300],
        evidence=escaped(redacted(weight.evidence)), remediation=REMEDIATION, codes=CODES,
    )  # fmt: skip
