"""Whose `requestState` is whose (MCP 2026-07-28, MRTR): a backend sees one client, the gateway, and cannot tell."""

import hashlib
from collections import OrderedDict

from airegistry.gateway.errors import Malformed

MAX_STATES = 100_000
"""How many are remembered; the oldest go first."""

_INVALID_PARAMS = -32602


class States:
    """The callers that states were given to. A state that is not remembered passes: it may be of another replica."""

    def __init__(self, limit: int = MAX_STATES) -> None:
        self._limit = limit
        self._owners: OrderedDict[bytes, str] = OrderedDict()

    def bind(self, subject: str, target: str, state: str) -> None:
        """Remember whom a server gave a state to; who got it first keeps it."""
        self._owners.setdefault(_key(target, state), subject)
        if len(self._owners) > self._limit:
            self._owners.popitem(last=False)

    def check(self, subject: str, target: str, state: object) -> None:
        """Refuse what another caller was given.

        Raises:
            Malformed: it was.
        """
        if isinstance(state, str) and self._owners.get(_key(target, state), subject) != subject:
            raise Malformed("no such requestState", rpc=_INVALID_PARAMS)


def _key(target: str, state: str) -> bytes:
    return hashlib.blake2b(f"{target} {state}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
