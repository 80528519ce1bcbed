"""Checks of the settings: the address, TLS, secrets, and who may read the files."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from airegistry.cli.doctor.findings import Check, Finding, fail, ok, skip, warn
from airegistry.cli.doctor.patient import Patient
from airegistry.stores.cipher import KEY_NAME

_PLACEHOLDER = re.compile(r"change.?me|password|secret|example|default|admin|letmein|123456|qwerty|your[-_ ]", re.I)
_VARIETY = 6
"""Different characters that no made secret has fewer of."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


async def _public_url(patient: Patient) -> Finding:
    settings = patient.settings
    parts = urlsplit(settings.url)
    here = parts.hostname in LOOPBACK
    if settings.public_url is None and not settings.loopback:
        return fail(
            f"listens on {settings.host}, and tells clients to come to {settings.url}",
            "set AIREGISTRY_PUBLIC_URL to the address that clients use, as in https://registry.example.org",
        )
    if parts.scheme == "http" and not here:
        return fail(
            f"{settings.url} is not https: tokens would travel in the clear, and clients refuse to log in",
            "put TLS in front and set AIREGISTRY_PUBLIC_URL to its https address",
        )
    return ok(f"{settings.url}{', for this machine only' if here else ''}")


async def _tls(patient: Patient) -> Finding:
    settings = patient.settings
    https = settings.url.startswith("https://")
    if https and not settings.tls_terminated and not settings.loopback:
        return fail("nothing says that TLS ends in front", "set AIREGISTRY_TLS_TERMINATED=true once a proxy does that")
    if settings.tls_terminated and not https:
        return warn(
            f"TLS is declared in front, and the public URL is {settings.url}",
            "set AIREGISTRY_PUBLIC_URL to the https address of the proxy",
        )
    return ok("ends in front" if settings.tls_terminated else "none, and not reached from elsewhere")


async def _secrets(patient: Patient) -> Finding:
    given = {
        f"AIREGISTRY_{name.upper()}": value.get_secret_value()
        for name in type(patient.settings).model_fields
        if isinstance(value := getattr(patient.settings, name), SecretStr)
    }
    weak = [
        name for name, value in given.items()
        if not name.endswith("_URL") and (_PLACEHOLDER.search(value) or len(set(value)) < _VARIETY)
    ]  # fmt: skip
    if weak:
        return fail(
            f"{', '.join(weak)} looks like a placeholder",
            "replace it by one that a machine made: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    if "AIREGISTRY_ADMIN_PASSWORD" in given and (patient.settings.data / KEY_NAME).exists():
        return warn(
            "AIREGISTRY_ADMIN_PASSWORD is still set; it was read at the first start only",
            "take it out of the environment and of airegistry.toml",
        )
    return ok(f"{len(given)} given, none a placeholder" if given else "none given: the first start makes its own")


async def _files(patient: Patient) -> Finding:
    settings = patient.settings
    private = [settings.data, settings.data / KEY_NAME, settings.git_tokens_file, patient.file]
    known = [path for path in private if path is not None and path.exists()]
    if not known:
        return skip("there are none yet")
    if loose := [path for path in known if _open_to_others(path)]:
        return fail(
            f"others on this machine may read {', '.join(map(str, loose))}",
            f"run `chmod go-rwx {' '.join(map(str, loose))}`",
        )
    return ok(f"{', '.join(path.name for path in known)}: readable by their owner alone")


def _open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o077)


CHECKS: list[Check[Patient]] = [
    Check("settings.public-url", "the address clients are told", _public_url, "set AIREGISTRY_PUBLIC_URL"),
    Check("settings.tls", "what encrypts connections", _tls, "put TLS in front"),
    Check("settings.secrets", "secrets that are placeholders", _secrets, "replace them"),
    Check("settings.files", "who may read folder, key and settings", _files, "make them readable by their owner alone"),
]
