"""What the contract tests do again and again: register, grant, ask as somebody."""

import secrets
from typing import Any

from tests.support import mcp
from tests.support.registry import Registry

Json = dict[str, Any]
TOOL: Json = {
    "name": "lookup",
    "description": "Looks a thing up by its name.",
    "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}


def fresh(prefix: str) -> str:
    """A path or name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(4)}"


async def register(registry: Registry, path: str, url: str, **fields: object) -> Json:
    """Register a live server as the operator."""
    named = {"name": path, "path": path, "url": url, **fields}
    return await mcp.ask(registry.mcp, registry.token, "register_service", **named)


class Desk:
    """The operator: registers, grants, and mints tokens for others."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    async def ask(self, tool: str, /, **arguments: object) -> Json:
        """A tool call as the operator."""
        return await mcp.ask(self.registry.mcp, self.registry.token, tool, **arguments)

    async def register(self, path: str, url: str, **fields: object) -> Json:
        """A live server."""
        return await register(self.registry, path, url, **fields)

    async def store(self, path: str, **fields: object) -> Json:
        """A server that nobody asks for its tools."""
        given: Json = {"url": "http://127.0.0.1:9/mcp", "tools": [TOOL], "name": path, "path": path, "fetch": False}
        return await self.ask("register_service", **{**given, **fields})

    async def token(self, *grants: Json, groups: list[str] | None = None, expires_in: int = 3600) -> str:
        """A token whose holder has these grants and nothing else."""
        scopes = []
        if grants:
            scopes = [fresh("scope")]
            await self.ask("put_scope", name=scopes[0], grants=list(grants))
        made = await self.ask(
            "create_token", name=fresh("caller"), scopes=scopes, groups=groups or [], expires_in=expires_in
        )
        token: str = made["token"]
        return token
