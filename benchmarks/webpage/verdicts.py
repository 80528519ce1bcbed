"""A figure beside what it has to be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """What was measured; without a bound it is told and not judged."""

    what: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is what it has to be."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.at_most is None or self.value <= self.at_most

    def __str__(self) -> str:
        bound = "" if self.at_least is None else f"at least {self.at_least:g}"
        bound = bound if self.at_most is None else f"at most {self.at_most:g}"
        verdict = ("PASS" if self.met else "FAIL") if bound else ""
        return f"{self.what:44} {self.value:8.0f} {self.unit:6} {bound:14} {verdict}".rstrip()
