"""Which virtual servers are made of which servers, and since when what callers see of them is the same."""

from airegistry.core.assets import VirtualServer
from airegistry.core.ports import AnyAsset
from airegistry.core.sketches import Sketch


class MadeOf:
    """Follows what is held, by `kind/path`. What a caller sees of documents that stay as they are is the same within
    one `era`."""

    def __init__(self) -> None:
        self.era = 0
        self._virtual: dict[str, set[str]] = {}
        """The virtual servers that are made of a server, by ref."""

    def compose(self, name: str, before: AnyAsset | None, after: AnyAsset | None) -> None:
        """A virtual server is made of other servers than before."""
        for tool in before.tools if isinstance(before, VirtualServer) else ():
            self._virtual.get(f"server/{tool.server}", set()).discard(name)
        for tool in after.tools if isinstance(after, VirtualServer) else ():
            self._virtual.setdefault(f"server/{tool.server}", set()).add(name)

    def turn(self, name: str, before: Sketch | None, after: AnyAsset | None) -> None:
        """Begin another era, if who sees all tools of a virtual server may have changed with a server behind it."""
        if self._virtual.get(name) and _audience(before) != _audience(after):
            self.era += 1


def _audience(asset: AnyAsset | Sketch | None) -> object:
    """What of a server decides on who sees its tools, beside the policy."""
    return None if asset is None else (asset.created_by, asset.visibility, tuple(asset.groups))
