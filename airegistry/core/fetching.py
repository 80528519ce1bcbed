"""What a server's endpoint must look like, and what the live server says of itself."""

from airegistry.core.assets import HealthReport, Server, repeated
from airegistry.core.calls import Credentials
from airegistry.core.errors import CredentialRefused, Invalid, UpstreamFailed
from airegistry.core.ports import Backends, Clock, Description
from airegistry.core.principals import Principal


async def described(
    backends: Backends, clock: Clock, server: Server, who: Principal, credentials: Credentials
) -> Server:
    """A server with what it says of itself now, to the caller with the server's credential.

    Raises:
        Invalid: its endpoint is none.
        UpstreamFailed: it cannot be reached, or says what cannot be taken.
        AirError: what `Credentials.headers` raises.
    """
    _check_endpoint(backends, server)
    said = await _asked(backends, server, who, credentials)
    if twice := repeated(said.tools):
        raise UpstreamFailed(f"the server lists two tools named {twice[:80]!r}")
    moment = clock.now()
    return saying(server, said).model_copy(
        update={
            "server_info": dict(said.server_info),
            "protocol_version": said.protocol_version,
            "held": {},
            "fetched_at": moment,
            "health": "healthy",
            "health_report": HealthReport(checked_at=moment),
        }
    )


def saying(server: Server, said: Description) -> Server:
    """A server with the definitions of this description."""
    return server.model_copy(
        update={
            "tools": list(said.tools),
            "resources": list(said.resources),
            "prompts": list(said.prompts),
            "resource_templates": list(said.resource_templates),
            "instructions": said.instructions,
        }
    )


async def _asked(backends: Backends, server: Server, who: Principal, credentials: Credentials) -> Description:
    """What the server says, with another token if it does not take the first."""
    if not credentials.needed(server):
        return await backends.describe(server)
    headers = await credentials.headers(who, server)
    try:
        return await backends.describe(server, headers)
    except CredentialRefused:
        renewed = await credentials.renewed(who, server, headers)
        if renewed is None:
            raise
        return await backends.describe(server, renewed)


def stated(backends: Backends, server: Server) -> Server:
    """A server as its registrant states it.

    Raises:
        Invalid: its endpoint is none.
    """
    _check_endpoint(backends, server)
    return server


def _check_endpoint(backends: Backends, server: Server) -> None:
    if server.transport == "stdio":
        # What was published may be started by no command (mcpb), or its website may say how.
        if server.url or not (server.command or server.manifest):
            raise Invalid("a stdio server has a command and no url", field="command")
        return
    if not server.url or server.command:
        raise Invalid(f"a {server.transport} server has a url and no command", field="url")
    if not (server.manifest and "{" in server.url):  # left to its users to fill in; whoever connects checks it anew
        backends.check_url(server.url)
