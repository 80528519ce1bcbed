"""Keycloak's admin REST API as its OpenAPI description has it, as far as it takes to set a realm up."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import anyio
from pydantic import JsonValue

from airegistry.cli.client import items
from airegistry.cli.errors import NoAnswer, Refused
from airegistry.cli.values import Json
from airegistry.core.errors import AirError
from airegistry.egress.json_http import Answer, JsonHttp

ADMIN_REALM, ADMIN_CLIENT = "master", "admin-cli"


@dataclass(frozen=True, slots=True)
class Login:
    """An administrator of the realm `master`, by password; or a client with a service account, by its secret."""

    name: str
    secret: str
    client: bool = False

    def form(self) -> dict[str, str]:
        """What the token endpoint is asked with."""
        if self.client:
            return {"grant_type": "client_credentials", "client_id": self.name, "client_secret": self.secret}
        return {"grant_type": "password", "client_id": ADMIN_CLIENT, "username": self.name, "password": self.secret}


class KeycloakAdmin:
    """The API of the Keycloak at `base`."""

    def __init__(self, base: str, login: Login, http: JsonHttp) -> None:
        self._base = base.rstrip("/")
        self._login = login
        self._http = http
        self._token, self._until = "", 0.0

    async def realm(self, realm: str) -> Json | None:
        """A RealmRepresentation; None when there is none."""
        answer = await self._get(_realm(realm), missing=True)
        return None if answer is None else answer.object()

    async def client(self, realm: str, client_id: str) -> Json | None:
        """A ClientRepresentation, its secret included; None when there is none."""
        return _named(await self._list(f"{_realm(realm)}/clients", clientId=client_id), "clientId", client_id)

    async def mappers(self, realm: str, uuid: str) -> list[Json]:
        """The protocol mappers of a client."""
        return await self._list(f"{_realm(realm)}/clients/{uuid}/protocol-mappers/models")

    async def group(self, realm: str, name: str) -> Json | None:
        """A group that is in no other; None when there is none."""
        return _named(await self._list(f"{_realm(realm)}/groups", search=name, exact="true"), "name", name)

    async def secret(self, realm: str, uuid: str) -> str:
        """The secret of a client.

        Raises:
            Refused: it has none.
        """
        answer = await self._get(f"{_realm(realm)}/clients/{uuid}/client-secret")
        value = answer.object().get("value") if answer is not None else None
        if not isinstance(value, str) or not value:
            raise Refused("upstream_failed", "Keycloak tells no secret of the client")
        return value

    async def create(self, path: str, fields: Json) -> None:
        """Make one more member of a collection; `path` is below `/admin/realms`."""
        self._expect(await self._http.post_json(self._url(path), fields, headers=await self._headers()), 201, 204)

    async def update(self, path: str, fields: Json) -> None:
        """Replace what stands at a path below `/admin/realms`."""
        self._expect(await self._http.put_json(self._url(path), fields, headers=await self._headers()), 204)

    async def _list(self, path: str, **query: str) -> list[Json]:
        answer = await self._get(f"{path}?{urlencode(query)}" if query else path)
        value: JsonValue = [] if answer is None else answer.json()
        return items(value)

    async def _get(self, path: str, *, missing: bool = False) -> Answer | None:
        answer = await self._http.get(self._url(path), headers=await self._headers(), limit=8 * 2**20)
        if missing and answer.status == 404:
            return None
        return self._expect(answer, 200)

    def _url(self, path: str) -> str:
        return f"{self._base}/admin/realms{path}"

    async def _headers(self) -> Mapping[str, str]:
        """An administrator's token holds a minute: it is asked for again by half of its time."""
        if anyio.current_time() >= self._until:
            told = await self._log_in()
            holds = told.get("expires_in")
            self._token = str(told.get("access_token"))
            self._until = anyio.current_time() + (holds / 2 if isinstance(holds, int) else 0)
        return {"authorization": f"Bearer {self._token}"}

    async def _log_in(self) -> Json:
        url = f"{self._base}/realms/{ADMIN_REALM}/protocol/openid-connect/token"
        try:
            answer = await self._http.post(url, self._login.form())
        except AirError as error:
            raise NoAnswer("unreachable", error.message, "name Keycloak with `--keycloak-url`") from None
        if answer.status != 200:
            raise Refused("unauthenticated", f"Keycloak does not let `{self._login.name}` in ({answer.status})")
        return answer.object()

    def _expect(self, answer: Answer, *statuses: int) -> Answer:
        """The answer, when it has one of the statuses; what else it says may repeat a secret, and stays here."""
        if answer.status in statuses:
            return answer
        if answer.status == 403:
            raise Refused("access_denied", f"Keycloak does not let `{self._login.name}` administer")
        raise Refused("upstream_failed", f"Keycloak answers {answer.status}")


def realm_path(realm: str) -> str:
    """Where a realm stands below `/admin/realms`."""
    return _realm(realm)


def _realm(realm: str) -> str:
    return f"/{quote(realm, safe='')}"


def _named(found: list[Json], field: str, name: str) -> Json | None:
    return next((one for one in found if one.get(field) == name), None)
