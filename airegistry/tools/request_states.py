"""The key that a `requestState` of the registry's own tools is sealed with (MCP 2026-07-28, MRTR): whoever is asked
something may come back with the answer to another replica."""

import secrets
from contextlib import suppress

from mcp.server.request_state import RequestStateSecurity

from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Conflict
from airegistry.core.ports import Cipher

COLLECTION, KEY = "request_states", "key"
AUDIENCE = "airegistry"


async def shared_states(store: DocumentStore, cipher: Cipher) -> RequestStateSecurity:
    """States that every process over a store opens."""
    while (found := await store.get(COLLECTION, KEY)) is None:
        with suppress(Conflict):  # another process was first
            await store.put(COLLECTION, KEY, {"key": cipher.encrypt(secrets.token_hex(32))}, expect=0)
    return RequestStateSecurity(keys=[cipher.decrypt(str(found.body["key"]))], audience=AUDIENCE)
