"""Where a request to an agent goes: which of its interfaces, at which URL, with which headers."""

from collections.abc import Mapping, Sequence

from airegistry.core.assets import Agent
from airegistry.core.cards import OFFERED, Interface, interfaces_of
from airegistry.core.errors import Invalid, Unsupported
from airegistry.egress.guard import Target, parse_url
from airegistry.gateway.a2a.request import Asked


def interface_for(agent: Agent, asked: Asked, *, credential: bool) -> Interface:
    """The interface of the caller's binding and tenant: that of its version, or the agent says itself what it speaks.

    With a `credential` only those of the agent's own origin count: it was given for no other.

    Raises:
        Unsupported: there is none.
        Invalid: the agent has no such tenant.
    """
    known = interfaces_of(agent)
    bound = [each for each in known if each.binding == asked.binding]
    if not bound:
        others = sorted({each.binding for each in known})
        carried = "" if OFFERED.intersection(others) else "; the gateway carries JSON-RPC and HTTP+JSON, no gRPC"
        raise Unsupported(
            f"agent {agent.path!r} has no interface of {asked.binding}, but of {', '.join(others) or 'none'}{carried}"
        )
    found = [each for each in bound if each.tenant == asked.tenant]
    if not found:
        raise Invalid("the agent has no interface of that tenant", field="tenant")
    if credential:
        home = _origin(agent.url or "")
        found = [each for each in found if home is not None and _origin(each.url) == home]
        if not found:
            raise Unsupported(f"agent {agent.path!r} is reached at another origin than its credential was given for")
    return next((each for each in found if each.version == asked.version), found[0])


def _origin(url: str) -> Target | None:
    try:
        return parse_url(url)
    except Invalid:
        return None


def url_for(interface: Interface, asked: Asked) -> str:
    """The URL of a request. An interface may have a query of its own."""
    base, _, own = interface.url.partition("?")
    query = "&".join(part for part in (own, asked.query) if part)
    path = f"{base.rstrip('/')}{asked.suffix}" if asked.suffix else base
    return f"{path}?{query}" if query else path


def headers_for(
    forwarded: Sequence[tuple[str, str]], version: str | None, content: str | None, own: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The headers of a request: what the agent may see of the caller's, and its own credential in front of that."""
    headers = dict(forwarded)
    if version is not None:
        headers["a2a-version"] = version
    if content is not None:
        headers["content-type"] = content
    return list({**headers, **{name.lower(): value for name, value in own.items()}}.items())
