"""One spelling for each JSON value, after RFC 8785, and the hash over it."""

import hashlib
import json
import math
from collections.abc import Iterator

from pydantic import JsonValue

_PLAIN_UP_TO = 10.0**21
"""From here on ECMAScript writes numbers with an exponent."""


def canonical(value: JsonValue) -> str:
    """A value without spaces, members in order of their UTF-16 code units, equal numbers spelled alike.

    Unlike in RFC 8785 integers beyond 2**53 keep their digits: two that differ must not look the same.
    """
    return "".join(_pieces(value))


def digest(value: JsonValue) -> str:
    """`sha256:` and the hash of the canonical form in hexadecimal."""
    return f"sha256:{hashlib.sha256(canonical(value).encode(errors='surrogatepass')).hexdigest()}"


def _pieces(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        yield "{"
        for number, name in enumerate(sorted(value, key=_utf16)):
            yield f"{',' if number else ''}{json.dumps(name, ensure_ascii=False)}:"
            yield from _pieces(value[name])
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, item in enumerate(value):
            yield "," if number else ""
            yield from _pieces(item)
        yield "]"
    elif isinstance(value, float):
        yield _number(value)
    else:
        yield json.dumps(value, ensure_ascii=False)


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", errors="surrogatepass")


def _number(value: float) -> str:
    """A number as ECMAScript prints it."""
    if not math.isfinite(value):
        return "null"
    if value.is_integer() and abs(value) < _PLAIN_UP_TO:
        return str(int(value))
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    if -6 <= int(exponent) < 0:
        return f"{value:.{len(mantissa.lstrip('-').replace('.', '')) - 1 - int(exponent)}f}"
    return f"{mantissa}e{int(exponent):+d}"
