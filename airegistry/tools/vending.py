"""Narrower tokens that callers make for themselves."""

from typing import Annotated

from pydantic import Field

from airegistry.core.tokens import MAX_VENDED_SECONDS, Tokens
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Name
from airegistry.tools.tokens import Minted


class Vended(Minted):
    """A new token, shown this once, and the scopes it carries."""

    scopes: list[str]


class VendingTools:
    """What every caller may do with the token it has."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    @tool("Make a narrower token")
    async def vend_token(
        self,
        name: Name,
        scopes: Annotated[
            list[str] | None, Field(description="Those of your own scopes it carries; all when left out.")
        ] = None,
        expires_in: Annotated[
            int, Field(ge=1, le=MAX_VENDED_SECONDS, description="Seconds until it ends, with your own at the latest.")
        ] = 3600,
    ) -> Vended:
        """Make a bearer token for yourself or a job of yours, with fewer scopes and a shorter life than your own.

        It never administers, and ends at once when your own access does. The token is shown in this answer only.
        """
        record, token = await self._tokens.vend(current_principal(), name, scopes=scopes, expires_in=expires_in)
        return Vended(
            id=record.id, token=token, name=record.name, expires_at=record.expires_at, scopes=record.scopes
        )  # fmt: skip
