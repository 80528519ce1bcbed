"""The manifest of `airegistry agentcore refresh-tokens`: servers, and where the tokens come from that they want."""

import json
import os
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from airegistry.cli.errors import Usage
from airegistry.cli.values import Json

SECRET_ENV = "OAUTH_CLIENT_SECRET_"  # noqa: S105  # the beginning of a name
_ENTRA = "login.microsoftonline.com"


class Entry(BaseModel):
    """One server (or agent) and the client that gets tokens for it by client credentials.

    The token endpoint is named, or in the document at `discovery_url`. The secret is in the environment under
    `client_secret_env`. What other programs write into such manifests beside this is left alone.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    server: str = Field(min_length=1, validation_alias=AliasChoices("server", "server_path", "path"))
    kind: Literal["server", "agent"] = "server"
    token_endpoint: str | None = None
    discovery_url: str | None = None
    client_id: str = ""
    client_secret_env: str = Field(default="", pattern=r"^[A-Za-z0-9_]*$")
    auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_post"
    scope: str = ""
    audience: str = ""
    allowed_clients: list[str] = Field(default_factory=list)
    allowed_audience: list[str] | str = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> "Entry":
        if self.token_endpoint is None and self.discovery_url is None:
            raise ValueError("a token_endpoint or a discovery_url is needed")
        if not self.client:
            raise ValueError("a client_id is needed")
        return self

    @property
    def path(self) -> str:
        """The path of the server."""
        return self.server.strip("/")

    @property
    def client(self) -> str:
        """Who asks for tokens: the first client that the server admits, where none is named."""
        return self.client_id or next(iter(self.allowed_clients), "")

    @property
    def secret_env(self) -> str:
        """The name under which the secret is in the environment."""
        return self.client_secret_env or f"{SECRET_ENV}{self.client}"

    @property
    def secret(self) -> SecretStr | None:
        """The secret, if there is one. Its name is the manifest's: no setting can be declared for it."""
        value = os.environ.get(self.secret_env)
        return SecretStr(value) if value else None

    @property
    def wanted_scope(self) -> str:
        """The scope; Entra ID gives tokens by client credentials for `AUDIENCE/.default` alone."""
        if self.scope or urlsplit(self.token_endpoint or self.discovery_url or "").hostname != _ENTRA:
            return self.scope
        said = [self.allowed_audience] if isinstance(self.allowed_audience, str) else self.allowed_audience
        first = next(iter(said), "").rstrip("/")
        return first if not first or first.endswith("/.default") else f"{first}/.default"


def read_manifest(text: str) -> Sequence[Entry]:
    """The entries of a manifest: a list of them, or an object that has them as `servers`.

    Raises:
        Usage: it is none; or two entries are of one server.
    """
    try:
        value = json.loads(text)
        listed = value.get("servers") if isinstance(value, dict) else value
        if not isinstance(listed, list) or not listed:
            raise Usage("the manifest names no servers", "it is a list of objects, each with `server` and `client_id`")
        entries = [Entry.model_validate(one) for one in listed]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "entry"
        raise Usage(f"the manifest does not fit: {place}: {first['msg']}") from None
    except ValueError as error:
        raise Usage(f"the manifest is no JSON: {error}") from None
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        if (entry.kind, entry.path) in seen:
            raise Usage(f"the manifest has two entries for {entry.kind} `{entry.path}`")
        seen.add((entry.kind, entry.path))
    return entries


def entry_of(asset: Json, kind: str) -> Json | None:
    """The entry of a server or agent that came from AgentCore and wants JWTs, to be completed; None of any other: what
    its publisher says of where secrets go is not for a manifest."""
    provenance, metadata = asset.get("provenance"), asset.get("metadata")
    if not isinstance(provenance, dict) or provenance.get("kind") != "agentcore":
        return None
    about = metadata.get("agentcore") if isinstance(metadata, dict) else None
    jwt = about.get("jwt") if isinstance(about, dict) else None
    if not isinstance(jwt, dict):
        return None
    clients = jwt.get("allowedClients")
    client = str(clients[0]) if isinstance(clients, list) and clients else ""
    entry: Json = {"server": asset.get("path"), "discovery_url": jwt.get("discoveryUrl"), "client_id": client}
    entry["client_secret_env"] = f"{SECRET_ENV}{client}" if client.isidentifier() or client.isalnum() else SECRET_ENV
    scopes = jwt.get("allowedScopes")
    entry |= {"scope": " ".join(map(str, scopes))} if isinstance(scopes, list) and scopes else {}
    entry |= {"allowed_audience": jwt["allowedAudience"]} if jwt.get("allowedAudience") else {}
    return entry | ({"kind": kind} if kind != "server" else {})
