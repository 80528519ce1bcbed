"""Whose `requestState` is whose (MCP 2026-07-28, MRTR): a backend sees one client, the gateway, and cannot tell."""

import hashlib
from collections import OrderedDict

from airegistry.gateway.a2a.handles import Handles
from airegistry.gateway.errors import Malformed

MAX_STATES = 100_000
"""How many are remembered; the oldest go first."""

_INVALID_PARAMS = -32602


class States:
    """The callers that states were given to.

    A process of its own remembers them, and what it does not remember passes: it may be of before a restart. Replicas
    have them in the store, in `shared`, and there what is nobody's is refused: it may be another caller's.
    """

    def __init__(self, limit: int = MAX_STATES, *, shared: Handles | None = None) -> None:
        self._limit = limit
        self._owners: OrderedDict[bytes, str] = OrderedDict()
        self._shared = shared

    async def bind(self, subject: str, target: str, state: str) -> None:
        """Remember whom a server gave a state to; who got it first keeps it."""
        if self._shared is not None:
            await self._shared.claim(target, "state", state, subject, None)
            return
        self._owners.setdefault(_key(target, state), subject)
        if len(self._owners) > self._limit:
            self._owners.popitem(last=False)

    async def check(self, subject: str, target: str, state: object) -> None:
        """Refuse what another caller was given.

        Raises:
            Malformed: it was.
        """
        if isinstance(state, str) and not await self._is_of(subject, target, state):
            raise Malformed("no such requestState", rpc=_INVALID_PARAMS)

    async def _is_of(self, subject: str, target: str, state: str) -> bool:
        if self._shared is None:
            return self._owners.get(_key(target, state), subject) == subject
        holder = await self._shared.holder(target, "state", state)
        return holder is not None and holder.subject == subject


def _key(target: str, state: str) -> bytes:
    return hashlib.blake2b(f"{target} {state}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
