"""What of the index a caller may see, decided for many documents at once."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from airegistry.core.access import Access
from airegistry.core.assets import VirtualServer
from airegistry.core.grants import EVERY_TOOL
from airegistry.core.parts import sees_all, sees_skill
from airegistry.core.ports import AnyAsset, Mask
from airegistry.core.principals import Principal
from airegistry.core.sketches import Sketch
from airegistry.core.visibility import Visibility

BARE = "!bare"
"""Ends the id of a server's document without its tools; `!` comes before all characters of paths, so that of equal
scores either document of a server has the same place."""

Held = Callable[[str], AnyAsset | None]
"""Knows the assets of the index by `kind/path`."""
Sketched = Callable[[str], Sketch | None]
"""Knows their sketches."""


def named_by(id_: str) -> tuple[str, str | None]:
    """The asset that a document is of, as `kind/path`, and the tool's name if it is of a tool."""
    kind, _, rest = id_.partition("/")
    if kind != "tool":
        return id_.removesuffix(BARE), None
    path, _, name = rest.partition("/")
    return f"server/{path}", name


_Alike = Callable[[str, str], Hashable]
"""Of a kind and a path: equal where the same rules name them."""


@dataclass(slots=True)
class _Looks:
    """What was found out while a mask is made, of assets by name and by what of them decides.

    Of documents whose ids begin with `begins` all are seen, or none: `every`.
    """

    alike: _Alike | None
    by_name: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    by_kind: dict[Hashable, tuple[bool, bool]] = field(default_factory=dict)
    begins: str = "/"
    every: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """What one caller sees of what is held.

    Sights of equal `key` see the same, as long as the documents they look at stay as they are: whoever keeps a mask
    under it need not ask again.
    """

    who: Principal
    access: Access
    visibility: Visibility
    held: Held
    include_disabled: bool
    key: Hashable
    sketched: Sketched

    def mask(self, ids: Sequence[str]) -> Mask:
        """Which documents the caller may see, by their ids."""
        looks = _Looks(self._alike())
        return np.fromiter((self._sees(id_, looks) for id_ in ids), np.bool_, len(ids))

    def shows(self, name: str) -> bool:
        """Whether the caller may see an asset or a tool, by the id of its document."""
        looks = _Looks(None)
        return self._sees(name, looks) or self._sees(f"{name}{BARE}", looks)

    def _sees(self, id_: str, looks: "_Looks") -> bool:
        """Of a server the caller sees either the document with the words of all its tools, or the one without."""
        if id_.startswith(looks.begins):  # tools of one server come one after the other, as a rule
            return looks.every
        name, tool = named_by(id_)
        seen = looks.by_name.get(name)
        if seen is None:
            asset = self.sketched(name)
            seen = looks.by_name[name] = (False, False) if asset is None else self._look_at(name, asset, looks)
        shown, whole = seen
        if tool is None:
            return shown and whole != id_.endswith(BARE)
        if whole or not shown:
            looks.begins, looks.every = id_.removesuffix(tool), whole
            return whole
        return (asset := self.sketched(name)) is not None and self.access.sees(self.who, asset, tool)

    def _alike(self) -> "_Alike | None":
        """What tells assets apart of which everything may be decided once; None where their paths may count too."""
        if self.who.operator:
            return lambda kind, path: None
        return self.access.rules(self.who).about if not self.who.withheld else None

    def _look_at(self, name: str, asset: Sketch, looks: "_Looks") -> tuple[bool, bool]:
        """`_look`, once for all assets that are alike in what decides: many, where rules name few assets."""
        if looks.alike is None or asset.kind == "virtual_server":
            return self._look(name, asset)
        kind = (
            looks.alike(asset.kind, asset.path), asset.kind, asset.created_by == self.who.subject, asset.visibility,
            asset.groups, asset.enabled, asset.stage, asset.review.deprecated_from, asset.parted,
        )  # fmt: skip
        seen = looks.by_kind.get(kind)
        if seen is None:
            seen = looks.by_kind[kind] = self._look(name, asset)
        return seen

    def _look(self, name: str, asset: Sketch) -> tuple[bool, bool]:
        """Whether an asset is shown, and if so whether with all its tools.

        That goes by the rules and not by the tools there are: else the ranking would tell whether some tool is hidden.
        """
        if not (asset.enabled or self.include_disabled) or not self.visibility.shows(self.who, asset):
            return False, False
        if not asset.parted:
            return True, True
        if asset.kind == "agent":
            return True, sees_skill(self.access, self.who, asset, EVERY_TOOL)
        whole = self.access.sees(self.who, asset, EVERY_TOOL)
        if whole and asset.kind == "virtual_server":
            virtual = self.held(name)
            whole = isinstance(virtual, VirtualServer) and sees_all(self.access, self.who, virtual, self.held)
        return True, whole
