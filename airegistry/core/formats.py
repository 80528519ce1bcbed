"""`format` of JSON Schema as an assertion: jsonschema leaves most of them to packages that nobody needs otherwise."""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit
from uuid import UUID

from jsonschema import FormatChecker

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SPAN = r"(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?"
_DURATION = re.compile(rf"P(?=[\dT])(?:\d+W|{_SPAN})", re.ASCII)
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_URI_CHARACTERS = re.compile(r"[!-;=?-Z\[\]_a-z~]*")
_SECOND = re.compile(r"\.\d+")


def _date_time(text: str) -> bool:
    return _DATE_TIME.fullmatch(text) is not None and datetime.fromisoformat(_whole(text)) is not None


def _time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None and time.fromisoformat(_whole(text)) is not None


def _date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None


def _whole(text: str) -> str:
    """Without parts of a second, of which RFC 3339 allows more digits than Python reads."""
    return _SECOND.sub("", text.upper(), count=1)


def _hostname(text: str) -> bool:
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def _reference(text: str) -> bool:
    return _URI_CHARACTERS.fullmatch(text) is not None and urlsplit(text) is not None


def _uri(text: str) -> bool:
    parts = urlsplit(text)
    _ = parts.port  # raises ValueError when it is none
    return _reference(text) and bool(parts.scheme) and bool(parts.netloc or parts.path)


def _regex(text: str) -> bool:
    return re.compile(text) is not None


_CHECKS: dict[str, Callable[[str], bool]] = {
    "date-time": _date_time,
    "date": _date,
    "time": _time,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "hostname": _hostname,
    "ipv4": lambda text: IPv4Address(text) is not None,
    "ipv6": lambda text: IPv6Address(text) is not None and "%" not in text,
    "uri": _uri,
    "uri-reference": _reference,
    "uuid": lambda text: _UUID.fullmatch(text) is not None and UUID(text) is not None,
    "json-pointer": lambda text: _POINTER.fullmatch(text) is not None,
    "regex": _regex,
}
"""What each format asks of a text; a ValueError counts as no."""


def _checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, check in _CHECKS.items():
        checker.checks(name, raises=(ValueError, re.error))(_of_texts(check))
    return checker


def _of_texts(check: Callable[[str], bool]) -> Callable[[object], bool]:
    """A format says nothing of what is no text."""
    return lambda value: not isinstance(value, str) or check(value)


FORMATS = _checker()
"""Checks these formats; a format that is not among them is an annotation."""
