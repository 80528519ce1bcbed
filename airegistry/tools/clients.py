"""OAuth clients that administrators register: connectors with a fixed id, and machines."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.assets import Json
from airegistry.oauth.clients.clients import ClientChange, Clients, Origin
from airegistry.oauth.model import AuthMethod, Client
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Cursor, Done, Limit, Shape

ClientId = Annotated[str, Field(min_length=1, max_length=128, description="The client's id, as it will send it.")]
GrantType = Literal[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
]


class ClientShape(Shape):
    """What is known of a client; its secret is not kept."""

    client_id: str
    origin: Origin
    client_name: str
    redirect_uris: list[str]
    grant_types: list[str]
    token_endpoint_auth_method: AuthMethod
    application_type: str
    jwks: Json | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    groups: list[str]
    scopes: list[str]
    active: bool
    created_at: datetime
    created_by: str
    used_at: datetime | None = None
    expires_at: datetime | None = None


class ClientPut(Shape):
    """A client as it is now. `client_secret` is there when a new one was made, and shown this once."""

    client: ClientShape
    client_secret: str | None = None


class ClientPage(Shape):
    """Clients in order of id."""

    clients: list[ClientShape]
    next_cursor: str | None = None


class ClientTools:
    """Tools for whoever lets programs in."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    @tool("Register an OAuth client", destructive=True, needs="token")
    async def put_client(
        self, client_id: ClientId,
        client_name: Annotated[str | None, Field(description="What persons are shown when they are asked.")] = None,
        redirect_uris: Annotated[list[str] | None, Field(description="Exact URIs; on loopback any port.")] = None,
        grant_types: list[GrantType] | None = None,
        token_endpoint_auth_method: AuthMethod | None = None,
        application_type: Literal["web", "native"] | None = None,
        jwks: Annotated[Json | None, Field(description="Public keys, for private_key_jwt.")] = None,
        jwks_uri: Annotated[str | None, Field(description="Where its public keys are, instead of jwks.")] = None,
        groups: Annotated[list[str] | None, Field(description="Groups a machine is a member of.")] = None,
        scopes: Annotated[list[str] | None, Field(description="Scopes a machine holds directly.")] = None,
        active: Annotated[bool | None, Field(description="False switches it off: its tokens end.")] = None,
        rotate_secret: Annotated[bool, Field(description="Make a new secret; the old one ends at once.")] = False,
    ) -> ClientPut:  # fmt: skip
        """Register an OAuth client, or change one; what is left out stays as it is.

        With redirect_uris it is a program that persons log in with; without, a machine that gets tokens on its own
        account (client_credentials) and holds these groups and scopes. A secret is made here and shown in this answer
        only; hand it over safely.
        """
        change = ClientChange(
            client_name=client_name, redirect_uris=redirect_uris, grant_types=[*grant_types] if grant_types else None,
            token_endpoint_auth_method=token_endpoint_auth_method, application_type=application_type, jwks=jwks,
            jwks_uri=jwks_uri, groups=groups, scopes=scopes, active=active,
        )  # fmt: skip
        client, secret = await self._clients.put(current_principal(), client_id, change, rotate_secret=rotate_secret)
        return ClientPut(client=_shape(client), client_secret=secret)

    @tool("List OAuth clients", read_only=True, needs="token")
    async def list_clients(
        self,
        origin: Annotated[
            Literal["registered", "dynamic"] | None,
            Field(description="Those of administrators, or those that registered themselves."),
        ] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> ClientPage:
        """OAuth clients that are stored here, what they may do and when they were used; never their secrets."""
        page = await self._clients.clients(current_principal(), origin=origin, after=cursor, limit=limit + 1)
        after = page[limit - 1].client_id if len(page) > limit else None
        return ClientPage(clients=[_shape(client) for client in page[:limit]], next_cursor=after)

    @tool(
        "Remove an OAuth client",
        destructive=True,
        idempotent=True,
        needs="token",
        confirm="Remove OAuth client '{client_id}'? It cannot sign anybody in any more.",
    )
    async def delete_client(self, client_id: Annotated[str, Field(description="The client's id.")]) -> Done:
        """Remove an OAuth client; every token it was given ends at once."""
        await self._clients.remove(current_principal(), client_id)
        return Done()


def _shape(client: Client) -> ClientShape:
    return ClientShape.model_validate(client.model_dump(exclude={"secret_hash", "response_types"}))
