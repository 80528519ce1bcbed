"""AWS Signature Version 4 from the side of who checks it, after its published description."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
    r"Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed a request, and for which region and service."""

    access_key: str
    region: str
    service: str


class BadSignature(Exception):
    """There is no signature, or it is not of this request."""


def verify(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]
) -> Signed:
    """Who signed a request. `path` and `query` are as they were on the wire, `secrets` by access key."""
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise BadSignature("no authorization")
    access_key, day, region, service, names, signature = match.groups()
    if not {"host", "x-amz-date"} <= set(names.split(";")) or access_key not in secrets:
        raise BadSignature(f"signed {names} as {access_key}")
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/-_.~"),
            "&".join(sorted(query.split("&"))) if query else "",
            "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names.split(";")),
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    moment, scope = headers["x-amz-date"], f"{day}/{region}/{service}/aws4_request"
    signed = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secrets[access_key]}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(hmac.new(key, signed.encode(), hashlib.sha256).hexdigest(), signature):
        raise BadSignature("another signature")
    return Signed(access_key, region, service)
