"""A backend that refuses the gateway's credential is asked once more with another one."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from airegistry.gateway.entry import Entry
from airegistry.gateway.errors import CredentialRefused
from airegistry.gateway.fronts.destination import Route

T = TypeVar("T")


class Renewal:
    """Tries requests again where the backend answered 401 before anything else."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    async def tried(
        self, route: Route, attempt: Callable[[Route], Awaitable[T]], *, begun: Callable[[], bool] = bool
    ) -> T:
        """What an attempt gives; `begun` says that the client has got a part of the answer, so it is too late.

        Raises:
            CredentialRefused: there is no other credential, or it is refused too.
            AirError: as the attempt, or getting another credential.
        """
        try:
            return await attempt(route)
        except CredentialRefused:
            if begun():
                raise
            call = await self.entry.renewed(route.call)
            if call is None:
                raise
        return await attempt(replace(route, call=call))
