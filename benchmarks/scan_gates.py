"""The gates of the scanners: what is found at least, and how much honest work is held up at most; PASS or FAIL each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.scan_cases import BENIGN, Labelled

FEW = 20
"""Cases of a family under which its variants count in place of them."""
FAMILIES: Mapping[str, tuple[Sequence[str], float]] = {
    "hidden Unicode": (("hidden_unicode",), 1.0),
    "homoglyphs": (("homoglyph",), 0.95),
    "names that shadow": (("shadowing_name",), 0.95),
    "texts that shadow": (("shadowing", "shadow", "cross_tool"), 0.95),
    "rug pulls": (("rug_pull",), 0.95),
}
"""Families of tools by what they are called in sets, and the share of them that is blocked at least."""

Flagged = Mapping[str, bool]


@dataclass
class Gates:
    """Prints each gate with its figure, and remembers which failed."""

    failed: list[str] = field(default_factory=list)

    def most(self, what: str, value: float, target: float, unit: str) -> None:
        """A figure that may not be above its target."""
        self._line(what, value, "at most", target, unit, value <= target)

    def least(self, what: str, value: float, target: float, unit: str) -> None:
        """A figure that may not be below its target."""
        self._line(what, value, "at least", target, unit, value >= target)

    def _line(self, what: str, value: float, bound: str, target: float, unit: str, kept: bool) -> None:
        print(f"  {'PASS' if kept else 'FAIL'}  {what:<64} {value:>7.2f} {unit:<2} {bound} {target:g}")
        if not kept:
            self.failed.append(what)


def share(cases: Sequence[Labelled], flagged: Flagged) -> float:
    """Percent of some cases that are flagged."""
    return 100 * sum(flagged[each.case.id] for each in cases) / len(cases)


def rate_gates(
    gates: Gates, name: str, cases: Sequence[Labelled], block: Flagged, review: Flagged, cisco: Flagged | None
) -> None:
    """The gates of one set on what it has; `cisco` has what the other scanners flag, where they ran."""

    def of(kind: str, label: str) -> list[Labelled]:
        return [each for each in cases if each.case.kind == kind and each.label == label]

    if bad := of("mcp_tool", "malicious"):
        gates.least(f"{name}, tools: blocked of the malicious", share(bad, block), 35, "%")
        gates.least(f"{name}, tools: reviewed of the malicious", share(bad, review), 70, "%")
    if good := of("mcp_tool", BENIGN):
        gates.most(f"{name}, tools: blocked of the benign", share(good, block), 0.5, "%")
        gates.most(f"{name}, tools: reviewed of the benign", share(good, review), 10, "%")
    if good := of("agent_card", BENIGN):
        gates.most(f"{name}, cards: blocked of the benign", share(good, block), 5, "%")
        gates.most(f"{name}, cards: reviewed of the benign", share(good, review), 5, "%")
    bad, good = of("skill", "malicious"), of("skill", BENIGN)
    if good:
        gates.most(f"{name}, skills: blocked of the benign", share(good, block), 3, "%")
        gates.most(f"{name}, skills: reviewed of the benign", share(good, review), 3, "%")
    if cisco is not None and bad and good:
        gates.least(
            f"{name}, skills: reviewed of the malicious, beside Cisco's", share(bad, review), share(bad, cisco), "%"
        )
        gates.most(
            f"{name}, skills: reviewed of the benign, beside Cisco's", share(good, review), share(good, cisco), "%"
        )


def family_gates(gates: Gates, sets: Mapping[str, tuple[Sequence[Labelled], Flagged]]) -> None:
    """The gates of families, on each set that has enough cases of one."""
    for what, (families, least) in FAMILIES.items():
        for name, (cases, block) in sets.items():
            found = [each for each in cases if each.label == "malicious" and each.family in families]
            if len(found) >= FEW:
                gates.least(f"{name}, {what}: blocked of {len(found)}", share(found, block), 100 * least, "%")
