"""The names in the catalog, kept as it changes: who has a tool of a name."""

from collections.abc import Sequence
from typing import Literal

from airegistry.core.assets import Server
from airegistry.core.events import Event
from airegistry.core.ports import AnyAsset, Lookalike
from airegistry.core.shelf import Shelf, ref


class KnownNames:
    """Follows the catalog. Safe to read from several threads."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[str, ...]] = {}
        self._tools: dict[str, tuple[str, ...]] = {}

    async def rebuild(self, shelf: Shelf) -> None:
        """Know everything in the store."""
        async for _, asset in shelf.walk():
            self.put(asset)

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        if event.deletes:
            self.remove(event.asset)
        else:
            self.put(event.asset)

    def put(self, asset: AnyAsset) -> None:
        """Know an asset, in place of what was known of it."""
        self.remove(asset)
        if isinstance(asset, Server):
            name = ref(asset)
            tools = self._tools[name] = tuple(tool.name for tool in asset.tools)
            for tool in tools:
                self._owners[tool] = (*self._owners.get(tool, ()), name)

    def remove(self, asset: AnyAsset) -> None:
        """Forget an asset."""
        name = ref(asset)
        for tool in self._tools.pop(name, ()):
            left = tuple(owner for owner in self._owners[tool] if owner != name)
            if left:
                self._owners[tool] = left
            else:
                del self._owners[tool]

    def owners(self, tool: str) -> Sequence[str]:
        """Refs of the assets that offer a tool of exactly this name."""
        return self._owners.get(tool, ())

    def lookalikes(self, name: str, *, of: Literal["server", "tool"]) -> Sequence[Lookalike]:
        """Names that are taken for this one."""
        return ()
