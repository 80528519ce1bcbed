"""Reads skills: SKILL.md and every companion, prose and code."""

from collections.abc import Iterable, Iterator, Sequence

from airegistry.core.assets import Skill
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.skill_excuses import ASKS_FIRST
from airegistry.scanners.skill_flow import flow_findings
from airegistry.scanners.skill_foreign import foreign_findings
from airegistry.scanners.skill_orders import ADDRESSED, LOCKED_ARCHIVE, OVER_THE_HEAD
from airegistry.scanners.skill_packages import file_findings, package_findings
from airegistry.scanners.skill_parts import Part, parts
from airegistry.scanners.skill_python import python_findings
from airegistry.scanners.skill_reach import reach_findings
from airegistry.scanners.skill_remarks import remarks
from airegistry.scanners.skill_reverse import reverse_findings
from airegistry.scanners.skill_sayings import said
from airegistry.scanners.skill_settings import settings_findings
from airegistry.scanners.skill_shadows import shadow_findings
from airegistry.scanners.skill_shell import START_BY_ITSELF, shell_findings
from airegistry.scanners.skill_turns import ADDRESSED_FOR_KEYS, AGAINST_ITS_USER, LOCKED_COMPANION
from airegistry.scanners.skill_words import BEHIND_THE_BACK


def _word_findings(part: Part) -> Iterator[Finding]:
    if part.language in ("prose", "hidden", "decoded", "other", "yaml"):
        yield from said(part, _SAYINGS if part.language == "prose" else _BESIDE)
        yield from foreign_findings(part)
    for remark in remarks(part):
        yield from said(remark, _REMARKED)
        yield from foreign_findings(remark)


_SAYINGS = (*BEHIND_THE_BACK, *OVER_THE_HEAD, *AGAINST_ITS_USER, LOCKED_ARCHIVE, LOCKED_COMPANION)
_BESIDE = (*_SAYINGS, ADDRESSED)
_REMARKED = (*_BESIDE, ADDRESSED_FOR_KEYS)
_READERS = (
    shell_findings,
    reverse_findings,
    reach_findings,
    shadow_findings,
    settings_findings,
    package_findings,
    python_findings,
    _word_findings,
)


class Skills:
    """Finds what a skill does to the person who installs it; what it warns of or teaches is a note."""

    name = "skills/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per rule and file, the worst of its kind."""
        if not isinstance(asset, Skill):
            return ()
        read = parts(asset)
        found = [finding for part in read for reader in _READERS for finding in reader(part)]
        found += [*flow_findings(read), *file_findings(asset)]
        best: dict[tuple[str, str], Finding] = {}
        for finding in found:
            key = (finding.rule, finding.field)
            if key not in best or _weight(finding) > _weight(best[key]):
                best[key] = finding
        return [_asked(finding, asset, best.values()) for finding in best.values()]


def _asked(finding: Finding, skill: Skill, all_found: Iterable[Finding]) -> Finding:
    """A note of something that starts by itself, where its user is asked first and nothing else is wrong there."""
    if finding.rule != START_BY_ITSELF or any(
        each is not finding and each.field == finding.field and each.severity not in ("info", "low")
        for each in all_found
    ):
        return finding
    named = finding.field.removeprefix("/files/").replace("~1", "/").replace("~0", "~")
    text = skill.content if finding.field == "/content" else skill.files.get(named, "")
    return finding.model_copy(update={"severity": "low"}) if ASKS_FIRST.search(text) else finding


_ORDER = ("info", "low", "medium", "high", "critical")


def _weight(finding: Finding) -> tuple[bool, int]:
    return finding.structural, _ORDER.index(finding.severity)
