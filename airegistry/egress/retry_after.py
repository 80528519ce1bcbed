"""How long somebody who answered 429 or 503 wants to be left alone."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(headers: Mapping[str, str], otherwise: float) -> float:
    """The seconds of `Retry-After`, a number or a date (RFC 9110 section 10.2.3); `otherwise` where there is none.

    Header names are in lower case.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal() and len(said) < 10:
        return float(said)
    with suppress(ValueError, OverflowError):
        until = parsedate_to_datetime(said)
        if until.tzinfo is not None:
            return max((until - datetime.now(UTC)).total_seconds(), 0.0)
    return otherwise
