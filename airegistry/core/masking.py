"""What leaves the registry of an asset: without credentials, tokens, and what else looks like a secret."""

import re
from urllib.parse import urlsplit, urlunsplit

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.ports import AnyAsset

MASK = "***"
_SECRET = re.compile(
    r"(?:^|[-_.])(?:api[-_]?key|access[-_]?key|key|token|secret|passw(?:or)?d|pwd|auth|authorization|credentials?"
    r"|signature|sig|bearer|cookie)s?\d*$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>\\]{1,2048}", re.IGNORECASE)
_PAIR = re.compile(r"(-{0,2}[A-Za-z][\w.-]{0,80})(=|:\s?)(.{1,4096})", re.DOTALL)


def is_secret_name(name: str) -> bool:
    """Whether what stands under a name is meant to be kept: `api_key`, `--auth-token`, `clientSecret`."""
    return _SECRET.search(_CAMEL.sub("_", name.strip("-"))) is not None


def masked_url(url: str) -> str:
    """A URL without user name and password, and with the values of its query masked where they look like secrets."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    pairs = [pair.partition("=") for pair in parts.query.split("&")] if parts.query else []
    query = "&".join(f"{name}{equals}{MASK if _hidden(name, value) else value}" for name, equals, value in pairs)
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment and MASK))


def masked(value: JsonValue) -> JsonValue:
    """JSON with every URL in it masked, and with what stands under the names of secrets left out.

    Schemas are left as they are where a property merely has such a name: only texts and numbers are secrets.
    """
    if isinstance(value, str):
        return _URL.sub(lambda found: masked_url(found[0]), value)
    if isinstance(value, list):
        return [masked(each) for each in value]
    if isinstance(value, dict):
        return {name: MASK if _kept(name, each) else masked(each) for name, each in value.items()}
    return value


def public_form(asset: AnyAsset) -> Json:
    """An asset as it is stored, for outside judges: complete but for what looks like a secret."""
    body = asset.model_dump(mode="json", by_alias=True, exclude_none=True)
    form = masked(body)
    assert isinstance(form, dict)  # as the asset is an object
    for field in ("args", "env"):
        if isinstance(given := form.get(field), list):
            form[field] = _masked_words(given)
    return form


def _masked_words(words: list[JsonValue]) -> list[JsonValue]:
    """Words of a command line: `--token X`, `--token=X` and `TOKEN=X` without X."""
    found: list[JsonValue] = []
    after_flag = False
    for word in words:
        text = str(word)
        pair = _PAIR.fullmatch(text)
        if after_flag and not text.startswith("-"):
            found.append(MASK)
        elif pair is not None and is_secret_name(pair[1]):
            found.append(f"{pair[1]}{pair[2]}{MASK}")
        else:
            found.append(text)
        after_flag = text.startswith("-") and pair is None and is_secret_name(text)
    return found


def _kept(name: str, value: JsonValue) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != "" and is_secret_name(name)


def _hidden(name: str, value: str) -> bool:
    """Whether a query's value is masked: by its name, or as it is long and random to look at."""
    return is_secret_name(name) or (len(value) >= 24 and re.search(r"\d", value) is not None and "/" not in value)
