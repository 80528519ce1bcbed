"""What an administrator wants to know before the first person clicks: does the provider answer, and with what."""

from dataclasses import dataclass, field

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.oauth.providers.id_tokens import algorithms_of
from airegistry.oauth.providers.provider_client import ProviderClient, endpoint
from airegistry.oauth.providers.providers import IdentityProvider

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")


@dataclass(slots=True)
class Finding:
    """What was found. `redirect_uri` and `backchannel_logout_uri` are what the provider has to be told of us."""

    name: str
    issuer: str
    redirect_uri: str
    backchannel_logout_uri: str
    endpoints: dict[str, str] = field(default_factory=dict)
    algorithms: list[str] = field(default_factory=list)
    keys: int = 0
    problems: list[str] = field(default_factory=list)


async def check(provider: IdentityProvider, client: ProviderClient, url: str) -> Finding:
    """Ask for metadata and keys, as a login would; what is wrong stands in `problems`. `url` is our public URL."""
    name = provider.name
    found = Finding(name, provider.issuer, f"{url}/callback/{name}", f"{url}/logout/{name}")
    try:
        await _ask(provider, client, found)
    except (Invalid, UpstreamFailed) as error:
        found.problems.append(error.message)
    if not provider.enabled:
        found.problems.append("it is switched off")
    return found


async def _ask(provider: IdentityProvider, client: ProviderClient, found: Finding) -> None:
    metadata = await client.metadata(provider)
    found.endpoints = {name: str(metadata[name]) for name in _ENDPOINTS if name in metadata}
    for needed in ("authorization_endpoint", "token_endpoint"):
        endpoint(metadata, needed)
    if provider.profile == "github":
        return
    found.algorithms = sorted(algorithms_of(metadata))
    if not found.algorithms:
        found.problems.append("it signs id tokens with nothing that is accepted here")
    found.keys = await client.keys(metadata)
    if not found.keys:
        found.problems.append("it publishes no key that signs id tokens")
    methods = metadata.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        found.problems.append("it does not know PKCE with S256")
