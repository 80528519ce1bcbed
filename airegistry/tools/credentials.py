"""Credentials of backends, and the key that they and other secrets are sealed with."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.assets import Json
from airegistry.core.credentials import CredentialStore, Described
from airegistry.core.rotation import Rotation
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Path, Shape

CREDENTIAL = (
    'One of {"kind": "none"}; {"kind": "bearer", "token"}; {"kind": "api_key", "header", "value"}; {"kind": "headers", '
    '"headers": {name: value}}; {"kind": "oauth_client", "client_id", "client_secret", "scope", "issuer" or '
    '"token_endpoint", "audience", "resource", "auth_method"}; {"kind": "token_exchange", "client_id", '
    '"client_secret", "issuer" or "token_endpoint", "audience", "resource", "scope"}; {"kind": "per_user", "scope", '
    '"issuer", "client_id", "client_secret"}.'
)
Credential = Annotated[Json, Field(description=CREDENTIAL)]
Backend = Literal["server", "agent"]


class CredentialShape(Shape):
    """A credential without its secrets, and the origin it is sent to. `current`: the asset is reached there now."""

    origin: str
    current: bool
    credential: Json
    set_by: str
    set_at: datetime


class Credentials(Shape):
    """The credentials of one asset: one for each origin."""

    path: str
    credentials: list[CredentialShape]


class KeyRotation(Shape):
    """How far the change of the key is: done when there is one key, else the registry finishes it by itself."""

    keys: int
    resealed: int
    done: bool


class CredentialTools:
    """Tools for whoever may change a server."""

    def __init__(self, credentials: CredentialStore, rotation: Rotation) -> None:
        self._credentials = credentials
        self._rotation = rotation

    @tool("Set a backend's credential", destructive=True, idempotent=True, open_world=True)
    async def set_credential(
        self, path: Path, credential: Credential, kind: Backend = "server",
        url: Annotated[str | None, Field(description="Where the asset is going to be, if it is about to move.")] = None,
    ) -> Credentials:  # fmt: skip
        """Say what the registry sends to a server (or agent) on every call, fetch and health check.

        It is kept sealed, never shown again, and sent to the origin of the server's URL alone: a server that moves to
        another origin needs it set anew. For those who may update the server.
        """
        found = await self._credentials.put(current_principal(), path, credential, kind=kind, url=url)
        return _shape(path, found)

    @tool("Show a backend's credential", read_only=True)
    async def get_credential(self, path: Path, kind: Backend = "server") -> Credentials:
        """Which credential a server has, for which origin, and who set it when; its secrets are not shown."""
        return _shape(path, await self._credentials.describe(current_principal(), path, kind=kind))

    @tool(
        "Remove a backend's credential",
        destructive=True,
        idempotent=True,
        confirm="Remove the credential of {kind} '{path}'? Calls go there without it.",
    )
    async def delete_credential(self, path: Path, kind: Backend = "server") -> Done:
        """Remove a server's credentials, for all origins, and disconnect every account that persons connected to it."""
        return Done(ok=await self._credentials.remove(current_principal(), path, kind=kind))

    @tool("Change the secret key", destructive=True, needs="policy")
    async def rotate_secret_key(self) -> KeyRotation:
        """Seal every stored secret under a new key. The old one goes by itself some minutes later, or at the next call
        after one minute. For administrators."""
        done = await self._rotation.rotate(current_principal())
        return KeyRotation(keys=done.keys, resealed=done.resealed, done=done.keys == 1)


def _shape(path: str, found: list[Described]) -> Credentials:
    return Credentials(
        path=path.removeprefix("/"),
        credentials=[
            CredentialShape(
                origin=each.origin, current=each.current, credential=each.fields, set_by=each.set_by, set_at=each.set_at
            )
            for each in found
        ],
    )
