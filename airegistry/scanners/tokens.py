"""Secrets in text by the shape of their tokens: detect-secrets' regular expressions, and some that it lacks."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

_WINDOW = 1500
_OVERLAP = 300
"""Some of the library's patterns take quadratic time, so they see a text through windows."""
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{32}")
_BODY = re.compile(r"[A-Za-z0-9+/=:,.\s\\-]{1,1500}")
JWT = "JSON Web Token"
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,4000}={0,2}\.[A-Za-z0-9_-]{2,4000}={0,2}(?:\.[A-Za-z0-9_+/-]{0,4000}={0,2})?")
_SIGNATURE = 43
"""Letters of the shortest signature that is one: 32 bytes of HMAC."""
_SAMPLE = re.compile(
    r"1234567890|john doe|jane doe|\b(?:alice|bob|joe|foo|bar)\b|example|sample|test|dummy|demo\b|localhost|acme|"
    r'"admin": ?true, ?"iat": ?1516239022'
)
"""What the claims of a token say that is shown and never used."""
_DIGIT = re.compile(r"\d")
_LONG_WORD = re.compile(r"[A-Za-z0-9_-]{16,}")
_OWN = {
    "Anthropic key": re.compile(r"\bsk-ant-[a-zA-Z0-9_-]{20,160}"),
    "OpenAI key": re.compile(r"\bsk-(?:proj|svcacct|admin)-[a-zA-Z0-9_-]{20,200}"),
    "Google key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}"),
    "Google OAuth secret": re.compile(r"\bGOCSPX-[0-9A-Za-z_-]{28}"),
    "GitHub fine-grained token": re.compile(r"\bgithub_pat_[0-9A-Za-z_]{40,100}"),
    "Hugging Face token": re.compile(r"\bhf_[0-9A-Za-z]{30,40}\b"),
    "DigitalOcean token": re.compile(r"\bdo[opr]_v1_[0-9a-f]{64}"),
    "Slack app token": re.compile(r"\bxapp-\d-[A-Z0-9]{8,14}-\d{8,16}-[0-9a-f]{32,80}"),
    JWT: _JWT,
    "Shopify token": re.compile(r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
}
_PLACEHOLDER = re.compile(
    r"(?i)example|changeme|your|placeholder|dummy|sample|redacted|secret_?here|insert|\*{3}|\.{3}|x{4}|0{8}|<|\{|\$|"
    r"^(?:user|username|pass|password|passwd|pwd|secret|token|pw|postgres|root|admin|test)$"
)
_MODULES = (
    "aws azure_storage_key basic_auth cloudant discord github_token gitlab_token mailchimp npm openai private_key "
    "pypi_token sendgrid slack square_oauth stripe telegram_token twilio"
).split()
"""Its plug-ins by regular expression, without those that fire on words: Artifactory, SoftLayer, keywords, addresses."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in a text: its kind, all of it that was recognised, and what of it tells a placeholder."""

    kind: str
    value: str
    core: str


def secrets_in(text: str) -> Iterator[Secret]:
    """Each secret once; what is plainly a placeholder is left out."""
    if not _is_candidate(text):
        return
    seen = set()
    for start in range(0, max(1, len(text) - _OVERLAP), _WINDOW - _OVERLAP):
        for secret in _in_window(text[start : start + _WINDOW]):
            if secret.value not in seen and not _PLACEHOLDER.search(secret.core) and not _is_sample(secret.value):
                seen.add(secret.value)
                yield secret


def _is_sample(value: str) -> bool:
    """Whether this is the token that every page on JWT shows, or armour without a key in it."""
    if _JWT.match(value):
        return not _is_live(value)
    return _is_armour(value) and not _KEY_BODY.search(value)


def _is_live(token: str) -> bool:
    """Whether a JSON Web Token may be in use: claims that are JSON and nobody's sample, and a whole signature."""
    header, claims, signature = (*token.split("."), "")[:3]
    if len(signature) < _SIGNATURE or '"alg"' not in _unbased(header):
        return False
    said = _unbased(claims).lower()
    try:
        stated = json.loads(said)
    except ValueError:
        return False
    return isinstance(stated, dict) and bool(stated) and not _SAMPLE.search(said)


def _unbased(segment: str) -> str:
    try:
        return base64.urlsafe_b64decode(segment.rstrip("=") + "=" * (-len(segment.rstrip("=")) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _is_armour(value: str) -> bool:
    return "PRIVATE KEY" in value or "PuTTY" in value


def _is_candidate(text: str) -> bool:
    """Whether there is anything like a secret: a long word with a digit, a URL with a user, a key in armour."""
    return bool(
        "PRIVATE KEY" in text
        or "PuTTY" in text
        or ("://" in text and "@" in text)
        or any(not word.isalpha() and _DIGIT.search(word) for word in _LONG_WORD.findall(text))
    )


def redacted(text: str) -> str:
    """The text with every secret in it replaced by its kind; of tokens that claim something, samples too."""
    text = _JWT.sub(f"<{JWT}>", text)
    for secret in secrets_in(text):
        text = text.replace(secret.value, f"<{secret.kind}>")
    return text


def _in_window(window: str) -> Iterator[Secret]:
    for kind, pattern in _patterns():
        for match in pattern.finditer(window):
            value = match[0]
            if _is_armour(value) and (body := _BODY.match(window, match.end())):
                value += body[0]
            yield Secret(kind, value, match[match.lastindex or 0])


@lru_cache(maxsize=1)
def _patterns() -> Sequence[tuple[str, re.Pattern[str]]]:
    # Imported when first asked: the library loads `requests`, with which it would verify secrets; nothing here does.
    from detect_secrets.plugins.base import RegexBasedDetector

    found = [*_OWN.items()]
    for name in _MODULES:
        module = import_module(f"detect_secrets.plugins.{name}")
        for detector in vars(module).values():
            if (
                isinstance(detector, type)
                and issubclass(detector, RegexBasedDetector)
                and detector is not RegexBasedDetector
            ):
                found += [(str(detector.secret_type), pattern) for pattern in vars(detector)["denylist"]]
    return tuple(found)
