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
        elif has != _union(name, value, has) and not (has is None and value == []):
            found.append(name)
    return found


def merged(wanted: Json, there: Json) -> Json:
    """What is there, with the wanted fields as they should be; values that somebody added to a list stay in it."""
    result = dict(there)
    for name, value in wanted.items():
        has = there.get(name)
        if isinstance(value, dict) and isinstance(has, dict):
            result[name] = merged(value, has)
        else:
            result[name] = _union(name, value, has)
    return result


def added(wanted: Mapping[str, JsonValue], there: Mapping[str, JsonValue]) -> list[str]:
    """The values that somebody added to lists, each as `field: value`."""
    found: list[str] = []
    for name, value in wanted.items():
        has = there.get(name)
        if isinstance(value, dict) and isinstance(has, dict):
            found += added(value, has)
        elif _is_list(name, value):
            found += [f"{name}: {each}" for each in _values(has) if each not in _values(value)]
    return found


_JOINED, _SEPARATOR = "post.logout.redirect.uris", "##"
"""The attribute that is a list and is written as one text."""
_WORDS = {"+", "-"}
"""In place of its list: what the redirect URIs are, or nothing."""


def _is_list(name: str, value: JsonValue) -> bool:
    return isinstance(value, list) or name == _JOINED


def _values(value: JsonValue) -> list[str]:
    if isinstance(value, list):
        return [*map(str, value)]
    return [each for each in str(value or "").split(_SEPARATOR) if each and each not in _WORDS]


def _union(name: str, value: JsonValue, has: JsonValue) -> JsonValue:
    """What a field should be: a list keeps what it has."""
    if not _is_list(name, value):
        return value
    both: list[JsonValue] = [*dict.fromkeys([*_values(has), *_values(value)])]
    return both if isinstance(value, list) else _SEPARATOR.join(map(str, both))


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
