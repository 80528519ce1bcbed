"""The agent card as the registry serves it: reached here, guarded by the registry's own login, skills as entitled."""

from collections.abc import Callable

from airegistry.core.assets import Agent, Json
from airegistry.core.cards import interfaces_at, without_addresses
from airegistry.core.errors import Unsupported
from airegistry.gateway.a2a.members import folded

_SCOPE = "mcp"


def served(agent: Agent, url: str, may_ask: Callable[[str], bool]) -> Json:
    """The card of an agent for a caller. `url` is the registry's; `may_ask` says of a skill whether the caller may.

    What its publisher wrote stays, but for these: every address is the registry's, the interfaces are those that the
    gateway carries, the login is the registry's, and signatures are left out: they sign another card than this.

    Raises:
        Unsupported: the agent is reached in no way that the gateway carries.
    """
    here = f"{url}/agents/{agent.path}"
    card = without_addresses(agent.card)
    interfaces = interfaces_at(agent, here)
    if not interfaces:
        raise Unsupported(f"agent {agent.path!r} has no interface of JSON-RPC or HTTP+JSON, which are carried here")
    card.update(interfaces)
    card.setdefault("capabilities", {})
    card.setdefault("defaultInputModes", ["text/plain"])
    card.setdefault("defaultOutputModes", ["text/plain"])
    modern = "supportedInterfaces" in agent.card
    card["skills"] = [_skill(skill) for skill in _listed(agent) if may_ask(str(skill.get("id")))]
    return {**card, **_login(url, agent.path, modern)}


def _listed(agent: Agent) -> list[Json]:
    return [skill.model_dump(mode="json", by_alias=True, exclude_none=True) for skill in agent.skills]


def _skill(skill: Json) -> Json:
    return {name: value for name, value in skill.items() if folded(name) not in {"security", "securityrequirements"}}


def _login(url: str, path: str, modern: bool) -> Json:
    """How a client gets in here: OAuth with the registry's own server, or a bearer token of the registry's."""
    flow: Json = {
        "authorizationUrl": f"{url}/authorize", "tokenUrl": f"{url}/token", "refreshUrl": f"{url}/token",
        "scopes": {_SCOPE: "All that the caller is entitled to here."},
    }  # fmt: skip
    oauth: Json = {
        "description": f"Protected resource metadata: {url}/.well-known/oauth-protected-resource/agents/{path}",
        "oauth2MetadataUrl": f"{url}/.well-known/oauth-authorization-server",
        "flows": {"authorizationCode": {**flow, "pkceRequired": True} if modern else flow},
    }
    bearer: Json = {"description": "A token of this registry.", "scheme": "Bearer"}
    if modern:
        return {
            "securitySchemes": {
                "oauth": {"oauth2SecurityScheme": oauth}, "bearer": {"httpAuthSecurityScheme": bearer},
            },
            "securityRequirements": [{"schemes": {"oauth": {"list": [_SCOPE]}}}, {"schemes": {"bearer": {"list": []}}}],
        }  # fmt: skip
    return {
        "securitySchemes": {"oauth": {"type": "oauth2", **oauth}, "bearer": {"type": "http", **bearer}},
        "security": [{"oauth": [_SCOPE]}, {"bearer": []}],
    }
