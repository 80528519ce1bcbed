"""Values on the command line: JSON, `name=value` pairs, files, and names taken from a URL."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from pydantic import JsonValue

from airegistry.cli.errors import Usage

Json = dict[str, JsonValue]

_PLUMBING = frozenset("api app www mcp sse stream server servers remote v1 v2 message messages http gateway".split())
"""Labels of a host and segments of a path that say nothing of what a server does."""


def parse_pairs(pairs: Sequence[str], option: str) -> Json:
    """`name=value` pairs as an object: a value that is JSON is taken as such, any other is text.

    Raises:
        Usage: there is no `=`, or no name before it.
    """
    found: Json = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise Usage(f"`{option} {pair}` is not of the form `{option} name=value`")
        found[name] = _json_or_text(value)
    return found


def parse_object(text: str, option: str) -> Json:
    """A JSON object.

    Raises:
        Usage: it is none.
    """
    value = _json(text, option)
    if not isinstance(value, dict):
        raise Usage(f"the value of `{option}` is not a JSON object")
    return value


def parse_array(text: str, option: str) -> list[JsonValue]:
    """A JSON array.

    Raises:
        Usage: it is none.
    """
    value = _json(text, option)
    if not isinstance(value, list):
        raise Usage(f"the value of `{option}` is not a JSON array")
    return value


def read_input(path: Path) -> str:
    """The text of a file, or of stdin for `-`.

    Raises:
        Usage: it cannot be read.
    """
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"cannot read `{path}`: {error}") from None


def split_url(url: str) -> SplitResult:
    """The parts of an http or https URL.

    Raises:
        Usage: it is none.
    """
    try:
        parts = urlsplit(url)
        # A port out of range shows only when it is read.
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise Usage(f"`{url}` is not an http or https URL")
    return parts


def path_from_url(url: str) -> str:
    """A path for a server by its URL: the last telling segment, else the first telling label of the host.

    Raises:
        Usage: nothing in the URL tells what the server is.
    """
    parts = split_url(url)
    host = parts.hostname or ""
    telling = [segment for segment in parts.path.lower().split("/") if segment and segment not in _PLUMBING]
    if telling:
        found = telling[-1]
    elif host == "localhost" or re.fullmatch(r"[0-9.]+|.*:.*", host):
        found = f"{host}-{parts.port}" if parts.port else host
    else:
        *labels, _ = host.split(".") if "." in host else (host, "")
        found = next((label for label in labels if label not in _PLUMBING), "")
    path = re.sub(r"[^a-z0-9._-]+", "-", found).lstrip("._-").rstrip("-")[:64]
    if not path:
        raise Usage(f"cannot tell a path from `{url}`", "choose one with `--path`")
    return path


def _json(text: str, option: str) -> JsonValue:
    try:
        return _parsed(text)
    except ValueError as error:
        raise Usage(f"the value of `{option}` is not JSON: {error}") from None


def _json_or_text(value: str) -> JsonValue:
    try:
        return _parsed(value)
    except ValueError:
        return value


def _parsed(text: str) -> JsonValue:
    value: JsonValue = json.loads(text, parse_constant=_no_number)
    return value


def _no_number(name: str) -> NoReturn:
    """JSON has no NaN and no Infinity, whatever Python's parser takes."""
    raise ValueError(f"{name} is no JSON value")
