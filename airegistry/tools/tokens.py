"""Static tokens: minting, listing and revoking them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Name, Shape


class Minted(Shape):
    """A new token. It is shown this once."""

    id: str
    token: str
    name: str
    expires_at: datetime


class TokenShape(Shape):
    """What is known of a token; the token itself is not kept."""

    id: str
    name: str
    groups: list[str]
    scopes: list[str]
    restraints: Annotated[list[str], Field(description="Scopes it does not hold, whose denials hold for it.")]
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    subject: Annotated[str, Field(description="Whom it stands for: its maker when it was vended.")]


class TokenList(Shape):
    """All static tokens."""

    tokens: list[TokenShape]


class TokenTools:
    """Tools for whoever hands out tokens."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Create a token", needs="token")
    async def create_token(
        self,
        name: Name,
        groups: Annotated[list[str] | None, Field(description="Groups its holder is a member of.")] = None,
        scopes: Annotated[list[str] | None, Field(description="Scopes it holds directly.")] = None,
        expires_in: Annotated[int, Field(ge=1, description="Seconds until it ends.")] = 86400,
    ) -> Minted:
        """Mint a named bearer token for a machine. The token is shown in this answer only; hand it over safely."""
        record, token = await self._services.tokens.create(
            current_principal(), name, groups=groups or [], scopes=scopes or [], expires_in=expires_in
        )
        return Minted(id=record.id, token=token, name=record.name, expires_at=record.expires_at)

    @tool(
        "Revoke a token",
        destructive=True,
        idempotent=True,
        needs="token",
        confirm="Revoke token '{id}'? Whoever uses it is locked out at once.",
    )
    async def revoke_token(self, id: Annotated[str, Field(description="The token's id.")]) -> Done:
        """End a token at once, by its id: the next request that carries it is refused."""
        await self._services.tokens.revoke(current_principal(), id)
        return Done()

    @tool("List tokens", read_only=True, needs="token")
    async def list_tokens(self) -> TokenList:
        """All static tokens, what they hold, when they were used last, when they end; never the tokens themselves."""
        records = await self._services.tokens.records(current_principal())
        shown = ({**each.model_dump(exclude={"hash", "vended"}), "subject": each.subject} for each in records)
        return TokenList(tokens=[TokenShape.model_validate(each) for each in shown])
