"""What goes when an asset is taken down, so that it can be looked at first."""

from collections.abc import Sequence
from dataclasses import dataclass

from airegistry.core.assets import VirtualServer
from airegistry.core.parts import entries_of
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.visibility import Visibility


@dataclass(frozen=True, slots=True)
class Removal:
    """The versions that go, or would, the default one first, and how many credentials with them.

    Of a dry run `used_by` are the paths of the virtual servers that would lose their part, visible ones only.
    """

    versions: Sequence[str]
    credentials: int = 0
    used_by: Sequence[str] = ()


async def users_of(shelf: Shelf, visibility: Visibility, who: Principal, asset: AnyAsset) -> list[str]:
    """The virtual servers that an asset is a part of, in order of path, as far as the caller may see them."""
    if asset.kind != "server":
        return []
    found = []
    async for _, virtual in shelf.walk(where={"kind": "virtual_server"}):
        assert isinstance(virtual, VirtualServer)  # by its kind
        if visibility.shows(who, virtual) and any(entry.server == asset.path for entry in entries_of(virtual)):
            found.append(virtual.path)
    return found
