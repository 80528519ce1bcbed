"""How each MCP client is told of a server: the files it reads, what stands there, and its own command where it has one.

A token is never written: clients take it from their environment, or ask for it.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from airegistry.cli.values import Json

Client = Literal["claude-code", "codex", "cursor", "kiro", "vscode", "gemini"]
VARIABLE = "AIREGISTRY_TOKEN"
_INPUT: Final[Json] = {
    "id": "airegistry-token", "type": "promptString", "description": "Token of the registry", "password": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """A client with a JSON file. `home` is relative to the person's folder, `project` to a project's.

    `servers` is the member that holds the servers, `url` that of one which names it; `bearer` how the file refers to
    the token.
    """

    project: PurePosixPath
    bearer: str
    home: PurePosixPath | None = None
    servers: str = "mcpServers"
    url: str = "url"
    typed: bool = False

    def entry(self, url: str, *, token: bool) -> Json:
        """What the file holds of one server."""
        said: Json = {"type": "http"} if self.typed else {}
        said[self.url] = url
        return {**said, "headers": {"Authorization": f"Bearer {self.bearer}"}} if token else said

    def document(self, name: str, url: str, *, token: bool) -> Json:
        """A file with this server alone."""
        inputs: Json = {"inputs": [_INPUT]} if token and self.bearer == "${input:airegistry-token}" else {}
        return {**inputs, self.servers: {name: self.entry(url, token=token)}}


CODEX: Final = PurePosixPath(".codex/config.toml")
FORMS: Final[Mapping[Client, Form]] = {
    "claude-code": Form(PurePosixPath(".mcp.json"), f"${{{VARIABLE}}}", typed=True),
    "cursor": Form(PurePosixPath(".cursor/mcp.json"), f"${{env:{VARIABLE}}}", PurePosixPath(".cursor/mcp.json")),
    "kiro": Form(
        PurePosixPath(".kiro/settings/mcp.json"), f"${{{VARIABLE}}}", PurePosixPath(".kiro/settings/mcp.json")
    ),
    "vscode": Form(PurePosixPath(".vscode/mcp.json"), "${input:airegistry-token}", servers="servers", typed=True),
    "gemini": Form(
        PurePosixPath(".gemini/settings.json"), f"${VARIABLE}", PurePosixPath(".gemini/settings.json"), url="httpUrl"
    ),
}
"""All but Codex, whose file is TOML."""


def command_of(client: Client, name: str, url: str, *, token: bool) -> str | None:
    """The client's own command that adds the server; None where it has none."""
    shown = shlex.quote(url)
    if client == "claude-code":
        header = f' --header "Authorization: Bearer ${VARIABLE}"' if token else ""
        return f"claude mcp add --transport http {name} {shown}{header}"
    if client == "codex":
        return f"codex mcp add {name} --url {shown}{f' --bearer-token-env-var {VARIABLE}' if token else ''}"
    return None


def codex_table(name: str, url: str, *, token: bool) -> str:
    """What Codex' file holds of one server."""
    bearer = f"bearer_token_env_var = {json.dumps(VARIABLE)}\n" if token else ""
    # A string of JSON in ASCII is one of TOML.
    return f"[mcp_servers.{name}]\nurl = {json.dumps(url)}\n{bearer}"


def merged(document: Json, added: Json) -> Json:
    """A client's file with what is added: objects member by member, lists by what they lack, else the new value."""
    found = dict(document)
    for name, value in added.items():
        known = found.get(name)
        if name in {"mcpServers", "servers"} and isinstance(known, dict) and isinstance(value, dict):
            found[name] = {**known, **value}
        elif isinstance(known, list) and isinstance(value, list):
            found[name] = [*known, *(each for each in value if each not in known)]
        else:
            found[name] = value
    return found
