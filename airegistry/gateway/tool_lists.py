"""`tools/list` of a server from the catalog: what was fetched, scanned and approved is what is offered.

A list is printed once for all callers entitled to the same, and kept as bytes until the asset or the policy changes.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from weakref import ref

import orjson

from airegistry.core.assets import Server, Tool

REQUIRES_APPROVAL = "airegistry/requires_approval"
MAX_BYTES = 32 * 2**20
"""What all kept lists together may take."""

MAX_KEPT = 10_000
"""How many lists are kept, however short."""


class ByteLists:
    """Printed lists by asset and entitlement, the ones used last. An asset that changed is another object."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._size = 0
        # Weakly, as an asset may be far larger than the list that some caller sees of it.
        self._kept: OrderedDict[tuple[int, Hashable], tuple[ref[object], bytes]] = OrderedDict()

    def get(self, asset: object, entitlement: Hashable, make: Callable[[], bytes]) -> bytes:
        """The list, made when there is none."""
        key = id(asset), entitlement
        kept = self._kept.get(key)
        if kept is not None and kept[0]() is asset:
            self._kept.move_to_end(key)
            return kept[1]
        if kept is not None:
            self._size -= len(self._kept.pop(key)[1])
        made = make()
        self._kept[key] = ref(asset), made
        self._size += len(made)
        while (self._size > self._limit or len(self._kept) > MAX_KEPT) and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1][1])
        return made


def printed_tools(server: Server, keep: Callable[[Tool], bool]) -> bytes:
    """`{"tools": […]}` of those kept, as the backend stated them."""
    marks = server.requires_approval
    tools = [marked(shown(tool)) if tool.name in marks else shown(tool) for tool in server.tools if keep(tool)]
    return orjson.dumps({"tools": tools})


def shown(tool: Tool) -> dict[str, object]:
    """A tool as MCP has it; what its backend left out is left out."""
    printed = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not tool.description:
        del printed["description"]
    return printed


def marked(tool: dict[str, object]) -> dict[str, object]:
    """A tool with the mark that it waits for approval, in `_meta`: its annotations are its server's own."""
    meta = tool.get("_meta")
    return {**tool, "_meta": {**(meta if isinstance(meta, dict) else {}), REQUIRES_APPROVAL: True}}


def modern(result: bytes, server_info: object, *, cacheable: bool) -> bytes:
    """A printed result object with what a result of 2026-07-28 has beside it."""
    members: dict[str, object] = {"resultType": "complete"}
    if cacheable:
        members |= {"ttlMs": 0, "cacheScope": "private"}
    members["_meta"] = {"io.modelcontextprotocol/serverInfo": server_info}
    joint = b"" if result == b"{}" else b","
    return result[:-1] + joint + orjson.dumps(members)[1:]


def response(request_id: str | int | None, result: bytes) -> bytes:
    """The JSON-RPC response with a printed result."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (orjson.dumps(request_id), result)
