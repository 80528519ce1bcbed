"""Resources that tokens are for (RFC 8707, RFC 9728): which URL is one, and which one a path belongs to."""

import re
from urllib.parse import urlsplit

ONE_RESOURCE = {"/airegistry-tools/mcp": "/mcp"}
"""Paths that are another name of a resource."""

_API = ("/api/", "/v0/", "/v0.1/", "/scim/")
_SERVER = re.compile(r"/[a-z0-9][a-z0-9._-]{0,63}(?:@[A-Za-z0-9][A-Za-z0-9._+-]{0,63})?/(?:mcp|sse)")
_AGENT = re.compile(r"/agents/[a-z0-9][a-z0-9._-]{0,63}")


class Resources:
    """The protected resources below one public URL.

    `url` is that URL without a slash at the end; `aliases` are other origins the registry is reached at, which
    happens on loopback alone (`localhost` and `127.0.0.1` are one machine, but two strings to a client).
    """

    def __init__(self, url: str, aliases: frozenset[str] = frozenset()) -> None:
        self.url = url
        self._aliases = aliases

    @property
    def default(self) -> str:
        """What a token is for when its request names nothing: the registry's own tools."""
        return f"{self.url}/mcp"

    def of_path(self, path: str) -> str:
        """The resource that a request to this path needs a token for."""
        path = path.rstrip("/")
        path = ONE_RESOURCE.get(path, path)
        if path == "/api" or path.startswith(_API) or path in {"/v0", "/v0.1", "/scim"}:
            return f"{self.url}/api"
        if path.startswith("/agents/"):
            path = "/".join(path.split("/")[:3])
        elif path.endswith("/sse"):
            path = f"{path[:-4]}/mcp"
        return f"{self.url}{path}"

    def metadata_path(self, path: str) -> str:
        """Where the metadata of a path's resource stands, below `/.well-known/oauth-protected-resource`.

        A resource of two names has it at both: a client compares the name with the one it knows.
        """
        path = path.rstrip("/")
        return path if path in ONE_RESOURCE else self.of_path(path)[len(self.url) :]

    def canonical(self, resource: str | None) -> str | None:
        """A requested resource as tokens name it; None when it is none of ours. Says nothing about what exists."""
        if not resource:
            return self.default
        asked = resource.rstrip("/")
        base = next(
            (base for base in (self.url, *self._aliases) if asked == base or asked.startswith(f"{base}/")), None
        )
        if base is None or "?" in asked or "#" in asked:
            return None
        path = asked[len(base) :]
        if path in {"", "/mcp", "/airegistry-tools/mcp"}:
            return self.default
        known = self.of_path(path)[len(self.url) :]
        return self.of_path(path) if known == "/api" or _SERVER.fullmatch(known) or _AGENT.fullmatch(known) else None

    def base_for(self, host: str) -> str:
        """The public URL as a client that used this Host header knows it."""
        alias = f"{urlsplit(self.url).scheme}://{host.lower()}"
        return alias if alias in self._aliases else self.url
