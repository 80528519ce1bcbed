"""Reads skills: SKILL.md and every companion, prose and code."""

from collections.abc import Iterator, Sequence

from airegistry.core.assets import Skill
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.skill_flow import flow_findings
from airegistry.scanners.skill_orders import LOCKED_ARCHIVE, OVER_THE_HEAD
from airegistry.scanners.skill_packages import file_findings, package_findings
from airegistry.scanners.skill_parts import Part, parts
from airegistry.scanners.skill_python import python_findings
from airegistry.scanners.skill_sayings import said
from airegistry.scanners.skill_settings import settings_findings
from airegistry.scanners.skill_shell import shell_findings
from airegistry.scanners.skill_words import BEHIND_THE_BACK


def _word_findings(part: Part) -> Iterator[Finding]:
    return said(part, _SAYINGS) if part.language in ("prose", "hidden", "decoded", "other", "yaml") else iter(())


_SAYINGS = (*BEHIND_THE_BACK, *OVER_THE_HEAD, LOCKED_ARCHIVE)
_READERS = (shell_findings, settings_findings, package_findings, python_findings, _word_findings)


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
        return list(best.values())


_ORDER = ("info", "low", "medium", "high", "critical")


def _weight(finding: Finding) -> tuple[bool, int]:
    return finding.structural, _ORDER.index(finding.severity)
