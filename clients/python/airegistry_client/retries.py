"""Which requests are made again, how often, and after what pause."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from airegistry_client.errors import Unreachable
from airegistry_client.transport import NotSent, Reply, Request

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Retries:
    """A request is made at most `attempts` times. The pauses double from `first` seconds to at most `longest`, each
    cut by chance to between half and all of it, so that callers who failed together do not come back together.

    A pause that the registry asks for (`Retry-After`) is kept; one over `patience` seconds is not waited for.
    """

    attempts: int = 4
    first: float = 0.25
    longest: float = 8.0
    patience: float = 30.0

    def pauses(self) -> Iterator[float]:
        """The pause before each further attempt."""
        for number in range(self.attempts - 1):
            # Who knows the next pause gains nothing by it.
            yield min(self.longest, self.first * 2**number) * random.uniform(0.5, 1)  # noqa: S311


USUAL = Retries()


def may_repeat(request: Request) -> bool:
    """Whether a request may have been made, and be made again."""
    return request.method in IDEMPOTENT or "idempotency-key" in request.headers


def again(request: Request, outcome: Reply | Unreachable) -> bool:
    """Whether this outcome is a reason to make the request again.

    A backend that failed (502 with the registry's code) is none: the registry itself has tried what can be tried.
    """
    if isinstance(outcome, Unreachable):
        return isinstance(outcome, NotSent) or may_repeat(request)
    if outcome.status == 429:
        return True
    if not may_repeat(request):
        return False
    if outcome.status == 409:  # another request with this Idempotency-Key is being made
        return "retry-after" in outcome.headers
    if outcome.status == 502:
        return not outcome.headers.get("content-type", "").startswith("application/problem+json")
    return outcome.status in {503, 504}


def asked_pause(reply: Reply) -> float | None:
    """The seconds of `Retry-After`, given as such or as a date (RFC 9110, section 10.2.3)."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
