"""What the registry wants of Keycloak, and what is different there. Pure: nothing here asks anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from airegistry.cli.values import Json


@dataclass(frozen=True, slots=True)
class Wanted:
    """A realm, the client that persons log in by, clients of machines, and groups.

    `url` is the registry's, `provider` the name under which it knows the realm.
    """

    url: str
    realm: str
    client: str
    provider: str
    machines: Sequence[str] = ()
    groups: Sequence[str] = ()

    def realm_fields(self) -> Json:
        """Fields of a RealmRepresentation."""
        return {
            "realm": self.realm, "enabled": True, "sslRequired": "external", "registrationAllowed": False,
            "bruteForceProtected": True, "eventsEnabled": True, "adminEventsEnabled": True,
        }  # fmt: skip

    def clients(self) -> dict[str, Json]:
        """Fields of a ClientRepresentation for each client id."""
        return {self.client: self._login(), **{name: self._machine(name) for name in self.machines}}

    def mappers(self, client: str) -> dict[str, Json]:
        """Fields of a ProtocolMapperRepresentation for each mapper of a client."""
        if client == self.client:
            return {"groups": _mapper("groups", "oidc-group-membership-mapper", _GROUPS)}
        audience: Json = {
            "included.custom.audience": f"{self.url}/mcp", "access.token.claim": "true", "id.token.claim": "false",
        }  # fmt: skip
        return {"audience": _mapper("audience", "oidc-audience-mapper", audience)}

    def _login(self) -> Json:
        attributes: Json = {
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{self.url}/logout",
            "backchannel.logout.url": f"{self.url}/logout/{self.provider}",
            "backchannel.logout.session.required": "true",
        }
        return {
            **_client(self.client), "standardFlowEnabled": True, "serviceAccountsEnabled": False,
            "redirectUris": [f"{self.url}/callback/{self.provider}"], "attributes": attributes,
        }  # fmt: skip

    def _machine(self, name: str) -> Json:
        return {**_client(name), "standardFlowEnabled": False, "serviceAccountsEnabled": True, "redirectUris": []}


def differing(wanted: Mapping[str, JsonValue], there: Mapping[str, JsonValue]) -> list[str]:
    """The fields of `there` that are not as wanted; `a.b` for a member. What is not wanted is not looked at."""
    found: list[str] = []
    for name, value in wanted.items():
        has = there.get(name)
        if isinstance(value, dict):
            found += [f"{name}.{inner}" for inner in differing(value, has if isinstance(has, dict) else {})]
        elif isinstance(value, list):
            same = isinstance(has, list) and sorted(map(str, has)) == sorted(map(str, value))
            found += [] if same or (not value and has is None) else [name]
        elif has != value:
            found.append(name)
    return found


def merged(wanted: Json, there: Json) -> Json:
    """What is there, with the wanted fields as they should be."""
    result = dict(there)
    for name, value in wanted.items():
        has = there.get(name)
        result[name] = merged(value, has) if isinstance(value, dict) and isinstance(has, dict) else value
    return result


_GROUPS: Json = {
    "claim.name": "groups", "full.path": "false", "id.token.claim": "true", "access.token.claim": "false",
    "userinfo.token.claim": "true",
}  # fmt: skip


def _client(name: str) -> Json:
    return {
        "clientId": name, "name": name, "protocol": "openid-connect", "enabled": True, "publicClient": False,
        "clientAuthenticatorType": "client-secret", "implicitFlowEnabled": False, "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
    }  # fmt: skip


def _mapper(name: str, kind: str, config: Json) -> Json:
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
