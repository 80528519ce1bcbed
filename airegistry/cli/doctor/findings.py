"""What a check is: something small to look at, and what is found there. It changes nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import anyio

from airegistry.cli.errors import NoAnswer, Refused
from airegistry.cli.output import one_line
from airegistry.cli.values import Json
from airegistry.core.errors import AirError

Verdict = Literal["ok", "warn", "fail", "skip"]
P = TypeVar("P")
SECONDS = 60.0
"""What one check may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, and for `warn` and `fail` what to do about it."""

    verdict: Verdict
    saw: str
    do: str = ""


def ok(saw: str) -> Finding:
    """As it should be."""
    return Finding("ok", saw)


def warn(saw: str, do: str) -> Finding:
    """It works, and should not stay so."""
    return Finding("warn", saw, do)


def fail(saw: str, do: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding("fail", saw, do)


def skip(why: str) -> Finding:
    """It could not be looked at, or there is nothing to look at."""
    return Finding("skip", why)


@dataclass(frozen=True, slots=True)
class Check(Generic[P]):
    """One look at a registry `P`. `looks_at` says at what; `do` is what helps when the look itself fails."""

    id: str
    looks_at: str
    look: Callable[[P], Awaitable[Finding]]
    do: str


@dataclass(frozen=True, slots=True)
class Row:
    """A check and what it found."""

    id: str
    looks_at: str
    finding: Finding

    def json(self) -> Json:
        """As `--json` prints it."""
        found = self.finding
        said: Json = {"id": self.id, "looks_at": self.looks_at, "verdict": found.verdict, "saw": found.saw}
        return {**said, "do": found.do} if found.do else said


async def examine(checks: Sequence[Check[P]], patient: P) -> list[Row]:
    """Make all checks, one after the other: a check that breaks off is a finding too."""
    return [Row(check.id, check.looks_at, await _look(check, patient)) for check in checks]


async def _look(check: Check[P], patient: P) -> Finding:
    try:
        with anyio.fail_after(SECONDS):
            return await check.look(patient)
    except TimeoutError:
        return fail(f"no answer within {SECONDS:g} s", check.do)
    except NoAnswer as error:
        return fail(error.message, error.hint)
    except Refused as error:
        if error.code == "access_denied":
            return skip("it takes an administrator to look: `airegistry login --admin`, or an administrator's token")
        return fail(one_line(error.message), check.do)
    except AirError as error:
        return fail(one_line(error.message), check.do)
    except OSError as error:
        return fail(str(error), check.do)
