"""Who a bearer token stands for, whichever of the registry's kinds it is: static, issued here, of a trusted issuer."""

from collections.abc import Callable
from typing import Protocol

from airegistry.core.principals import Principal
from airegistry.oauth.callers import Callers
from airegistry.oauth.tokens.access_tokens import AccessTokens


class ForeignTokens(Protocol):
    """JWTs of trusted issuers."""

    def known(self, token: str, resource: str) -> Principal | None:
        """Who holds one that was verified before and still holds."""
        ...

    async def verify(self, token: str, resource: str) -> Principal | None:
        """Who holds one; its issuer's keys may be fetched."""
        ...


class Bearer:
    """Resolves bearer tokens at a resource. Static tokens hold at every resource, JWTs at the one they are for."""

    def __init__(
        self,
        static: Callable[[str], Principal | None],
        issued: AccessTokens,
        callers: Callers,
        foreign: ForeignTokens,
    ) -> None:
        self._static = static
        self._issued = issued
        self._callers = callers
        self._foreign = foreign

    def known(self, token: str, resource: str) -> Principal | None:
        """Who holds a token, as far as that can be said without waiting."""
        if principal := self._static(token):
            return principal
        if issued := self._issued.read(token, resource):
            return self._callers.of(issued)
        return self._foreign.known(token, resource)

    async def resolve(self, token: str, resource: str) -> Principal | None:
        """Who holds a token at a resource, or None."""
        return self.known(token, resource) or await self._foreign.verify(token, resource)

    def holder(self, token: str, resource: str) -> Principal | None:
        """Whose a request is that this token opened, while it may go on.

        A JWT's end does not cut what it began, up to a day: its client has a new one by then. Revocation does.
        """
        if issued := self._issued.opened(token):
            return self._callers.of(issued)
        return self.known(token, resource)

    def alive(self, token: str, resource: str) -> bool:
        """Whether a request that this token opened may go on."""
        return self.holder(token, resource) is not None
