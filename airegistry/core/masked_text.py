"""Free text without secrets: the last resort where somebody logs more than was meant."""

import re
from collections.abc import Sequence

from airegistry.core.masking import MASK, is_secret_name, masked

SHORTEST = 8
"""Characters from which on a known secret is looked for: a shorter one would be found in ordinary words."""
_TOKEN = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    r"|(?<![A-Za-z0-9])(?:"
    r"(?P<scheme>[Bb](?:earer|asic) {1,3})[A-Za-z0-9._~+/=-]{8,8192}"
    r"|eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{1,8192}(?:\.[A-Za-z0-9_-]{0,8192}){0,3}"
    r"|airr?_[A-Za-z0-9_.-]{16,512}|whsec_[A-Za-z0-9+/=]{16,512}"
    r"|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|sk-[A-Za-z0-9_-]{16,255}"
    r"|xox[abprs]-[A-Za-z0-9-]{8,255}|AIza[A-Za-z0-9_-]{30,255})"
)
_NAME = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]{0,80})([\"']?)\s{0,2}([=:])\s{0,2}")
_VALUE = re.compile(r"\"[^\"\n]{1,512}\"|'[^'\n]{1,512}'|[^\s\"'&,;(){}\[\]<>]{1,4096}")
_TELLING = 12
"""Characters, a digit among them, from which on what follows a name and a colon is no word of a sentence."""


def masked_text(text: str, known: Sequence[str] = ()) -> str:
    """A text without the secrets that are known, tokens and private keys by their form, credentials in URLs, and what
    stands under the names of secrets."""
    for secret in known:
        if secret in text:
            text = text.replace(secret, MASK)
    if "://" in text:
        text = str(masked(text))
    text = _TOKEN.sub(lambda found: f"{found['scheme'] or ''}{MASK}", text)
    return _without_values(text) if "=" in text or ":" in text else text


def _without_values(text: str) -> str:
    """`password=X`, `"token": "X"` and `X-Api-Key: X` without X; sentences stay."""
    parts, place = list[str](), 0
    while (found := _NAME.search(text, place)) is not None:
        parts.append(text[place : found.end()])
        place = found.end()
        value = _VALUE.match(text, place) if is_secret_name(found[1]) else None
        if value is not None and _is_told(value[0], quoted=bool(found[2]), equals=found[3] == "="):
            quote = value[0][0] if value[0][0] in "\"'" else ""
            parts.append(f"{quote}{MASK}{quote}")
            place = value.end()
    return "".join([*parts, text[place:]])


def _is_told(value: str, *, quoted: bool, equals: bool) -> bool:
    """Whether what follows a name is a value of it, and no sentence."""
    if value == MASK:
        return False
    if equals or (quoted and value[0] in "\"'"):
        return True
    return len(value) >= _TELLING and any(map(str.isdigit, value))
