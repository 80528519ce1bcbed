"""A registry that passes no calls on: it finds, governs and scans, and its callers connect by themselves."""

from collections.abc import Mapping

from airegistry.core.assets import Json, Server
from airegistry.core.errors import Unsupported
from airegistry.core.ports import NOBODY, Audience, Renew, UpstreamResult


class NoUpstream:
    """The `Upstream` port of such a registry."""

    async def request(
        self,
        server: Server,
        headers: Mapping[str, str],
        method: str,
        params: Json,
        *,
        timeout: float,
        owner: str | None = None,
        audience: Audience = NOBODY,
        renew: Renew | None = None,
    ) -> UpstreamResult:
        """Refuse.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(f"no calls go through this registry: connect to server {server.path!r} at its own URL")
