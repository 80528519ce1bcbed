"""Where a request comes from, as limits count it, and what whoever comes too often is told."""

import math
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.requests import HTTPConnection

from airegistry.core.errors import RateLimited
from airegistry.oauth.forms import OAuthError


def source_of(request: HTTPConnection) -> str:
    """The client's address; of IPv6 its /64, as one subscriber holds all of it."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Network((address, 64), strict=False))
    return host


def too_many(error: RateLimited) -> OAuthError:
    """A limit in OAuth's words: HTTP 429 with `Retry-After`."""
    seconds = max(1, math.ceil(error.retry_after))
    return OAuthError("temporarily_unavailable", error.message, status=429, headers={"retry-after": str(seconds)})
