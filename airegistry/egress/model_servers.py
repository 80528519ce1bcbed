"""Settings of servers with models behind OpenAI's protocol: what may be sent a key, and where."""

import re

from airegistry.core.errors import Invalid
from airegistry.egress.addresses import parse_host
from airegistry.egress.guard import Guard, parse_url


def check_base_url(guard: Guard, url: str, key: str | None, *, setting: str) -> None:
    """Refuse a URL or key before anything is sent. `setting` begins the names of both: `embedder`.

    Raises:
        Invalid: the URL may not be called, has a query, or would carry the key in the clear; or the key is no header.
    """
    field, named = f"{setting}_url", f"AIREGISTRY_{setting.upper()}"
    try:
        guard.check_url(url)
    except Invalid as error:
        raise Invalid(f"{named}_URL: {error.message}", field=field) from None
    if key is not None and not url.lower().startswith("https:") and not _is_here(parse_url(url).host):
        raise Invalid(f"{named}_URL: a key goes over https, or stays on this machine", field=field)
    if "?" in url:
        raise Invalid(f"{named}_URL: a base URL has no query (?)", field=field)
    if key is not None and not re.fullmatch(r"[!-~]+", key):
        raise Invalid(f"{named}_KEY: a key is visible ASCII without spaces", field=f"{setting}_key")


def _is_here(host: str) -> bool:
    address = parse_host(host)
    return host == "localhost" if address is None else address.is_loopback
