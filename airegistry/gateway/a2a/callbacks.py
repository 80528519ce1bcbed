"""URLs that a caller gives an agent to be called back at (push notifications): none that the registry may not call.

The agent connects, not the registry: an answer of the name server that changes afterwards is for the agent to notice.
"""

import anyio

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard

PATIENCE = 5.0
"""Seconds for a name to resolve."""


async def check_callback(guard: Guard, url: str) -> None:
    """Whether an agent may be told to call a URL: by its form, its host, and every address of that host's name.

    Raises:
        Invalid: it may not, or its name has no address that could be checked.
    """
    target = guard.target(url)
    try:
        with anyio.fail_after(PATIENCE):
            await guard.resolve(target.host, target.port)
    except (Invalid, UpstreamFailed, TimeoutError):
        # One answer for all of them: what the names of the inside resolve to is nobody's business.
        raise Invalid(f"push notifications: no address of {target.host} may be called back", field="url") from None
