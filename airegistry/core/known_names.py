"""The names in the catalog, kept as it changes: who has a tool of a name, and which names look like one another."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from airegistry.core.assets import Server, VirtualServer
from airegistry.core.confusables import skeleton
from airegistry.core.events import Event
from airegistry.core.lifecycle import reach
from airegistry.core.ports import AnyAsset, Lookalike
from airegistry.core.shelf import ref
from airegistry.core.slips import Slips

_AFFIXES = frozenset("mcp mcpserver server servers the app service connector".split())
_GLUED = re.compile(r"(?:^mcp)|(?:mcp)?server$|mcp$")
_SEPARATORS = re.compile(r"[^\w]+|_+")
_DIGITS = re.compile(r"\d+")
_INNER = re.compile(r"(?<=[a-z])\d{1,6}(?=[a-z])")
_LETTERS = str.maketrans("013457", "oleast")
_LONG = 8
"""Letters of a name in which two edits are overlooked."""
_MOST = 8
"""Lookalikes that are named."""


def core_of(name: str) -> str:
    """What a server's name comes down to for the eye: its skeleton, without separators and words such as `mcp`."""
    inner = _INNER.sub(lambda match: match[0].translate(_LETTERS), skeleton(name.lower()))
    return spelt_core(inner)


def spelt_core(name: str) -> str:
    """As `core_of`, by its letters and not by what they look like."""
    tokens = [token for token in _SEPARATORS.split(name.lower()) if token]
    joined = "".join([token for token in tokens if token not in _AFFIXES] or tokens)
    return _GLUED.sub("", joined) or joined


class Lookalikes:
    """Names by what they look like; near ones by edits, with transpositions."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._named: dict[str, tuple[tuple[str, str], ...]] = {}
        self._by_length: dict[int, dict[str, None]] = {}
        for name in names:
            self.put(name, "")

    def put(self, name: str, owner: str) -> None:
        """Know a name of an owner."""
        core = core_of(name)
        self._named[core] = (*self._named.get(core, ()), (name, owner))
        self._by_length.setdefault(len(core), {})[core] = None

    def remove(self, name: str, owner: str) -> None:
        """Forget a name of an owner."""
        core = core_of(name)
        left = tuple(each for each in self._named.get(core, ()) if each != (name, owner))
        if left:
            self._named[core] = left
        elif self._named.pop(core, None):
            del self._by_length[len(core)][core]

    def of(self, name: str) -> list[tuple[str, str, int]]:
        """Triples of name, owner and edits for what looks like a name, the nearest first; itself is not left out."""
        core = core_of(name)
        found = [(other, owner, 0) for other, owner in self._named.get(core, ())]
        for other, edits in self._near(core):
            if imitates(core, other, edits):
                found += [(known, owner, edits) for known, owner in self._named.get(other, ())]
        numbered = _unnumbered(name)
        return [
            each for each in found if each[0].lower() == name.lower() or _unnumbered(each[0]) != numbered or not each[2]
        ]

    def _near(self, core: str) -> list[tuple[str, int]]:
        edits = 2 if len(core) >= _LONG else 1
        reach = range(len(core) - edits, len(core) + edits + 1)
        # Each list is made in one step: the catalog may change in another thread.
        choices = [other for length in reach for other in list(self._by_length.get(length, ())) if other != core]
        # Imported when first asked: a registry at rest has no use for it.
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        near = process.extract(core, choices, scorer=OSA.distance, score_cutoff=edits, limit=_MOST)
        return [(other, int(distance)) for other, distance, _ in near]


def imitates(core: str, other: str, edits: int) -> bool:
    """Whether a difference of so few edits is one that is overlooked: plurals and short words are told apart."""
    short, long = sorted((core, other), key=len)
    if len(short) < 4 or long == short + "s":
        return False
    if len(short) == 4:
        return sorted(core) == sorted(other) or (len(core) != len(other) and set(core) == set(other))
    return edits == 1 or (core[0] == other[0] and len(short) >= _LONG)


class KnownNames:
    """Follows the catalog. Safe to read from several threads.

    Of an asset it knows the version that was registered first or made the default one.
    """

    def __init__(self) -> None:
        self._owners: dict[str, str | tuple[str, ...]] = {}
        self._looks: dict[str, tuple[str, ...]] = {}
        """Tools by skeleton, where that is not the name itself: few are."""
        self._assets: dict[str, tuple[str, str, bool, tuple[str, ...]]] = {}
        """Name, version, whether it is trusted and the tools' names, by ref."""
        self._servers = Lookalikes()
        self._slips = Slips()

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        if event.switches:
            self.remove(event.asset)  # the version that it was known by
        (self.remove if event.deletes else self.put)(event.asset)

    def put(self, asset: AnyAsset) -> None:
        """Know an asset, in place of what was known of it."""
        owner = ref(asset)
        known = self._assets.get(owner)
        if not isinstance(asset, Server | VirtualServer) or (known and known[1] != asset.version):
            return
        self.remove(asset)
        tools = tuple(dict.fromkeys(tools_of(asset)))
        self._assets[owner] = (asset.name, asset.version, _trusted(asset), tools)
        self._servers.put(asset.name, owner)
        for tool in tools:
            self._add(tool, owner)

    def remove(self, asset: AnyAsset) -> None:
        """Forget an asset."""
        owner = ref(asset)
        if owner in self._assets:
            name, _, _, tools = self._assets.pop(owner)
            self._servers.remove(name, owner)
            for tool in tools:
                self._drop(tool, owner)

    def owners(self, tool: str) -> Sequence[str]:
        """Refs of the assets that offer a tool of exactly this name."""
        found = self._owners.get(tool, ())
        return (found,) if isinstance(found, str) else found

    def lookalikes(self, name: str, *, of: Literal["server", "tool"]) -> Sequence[Lookalike]:
        """Names that are taken for this one, the nearest first.

        Of tools those that are the same to the eye, and those that it is a slip of; of servers near ones too, and those
        of other separators. A name that differs in case alone is the same one: left out of tools, and first of servers.
        """
        if of == "server":
            near = self._servers.of(name)
            found = [self._lookalike(other, owner, edits) for other, owner, edits in near]
        else:
            look = skeleton(name)
            names = [other for other in (look, *self._looks.get(look, ())) if not _same(name, other)]
            found = [self._lookalike(other, owner, 0) for other in names for owner in self.owners(other)[:_MOST]]
            slips = [other for other in self._slips.of(name) if other not in names and not _same(name, other)]
            found += [self._lookalike(other, owner, 1) for other in slips for owner in self.owners(other)[:_MOST]]
        return sorted(found, key=lambda each: (each.distance, not each.trusted))[:_MOST]

    def trusts(self, owner: str) -> bool:
        """Whether a person has put an asset into production."""
        return self._assets[owner][2] if owner in self._assets else False

    def _lookalike(self, name: str, owner: str, edits: int) -> Lookalike:
        return Lookalike(name, owner, same_look=edits == 0, distance=edits, trusted=self.trusts(owner))

    def _add(self, tool: str, owner: str) -> None:
        owners = self.owners(tool)
        self._owners[tool] = (*owners, owner) if owners else owner
        if owners:
            return
        self._slips.put(tool)
        if (look := skeleton(tool)) != tool:
            self._looks[look] = (*self._looks.get(look, ()), tool)

    def _drop(self, tool: str, owner: str) -> None:
        left = tuple(each for each in self.owners(tool) if each != owner)
        if left:
            self._owners[tool] = left if len(left) > 1 else left[0]
            return
        self._owners.pop(tool, None)
        self._slips.remove(tool)
        look = skeleton(tool)
        if others := tuple(each for each in self._looks.get(look, ()) if each != tool):
            self._looks[look] = others
        else:
            self._looks.pop(look, None)


def tools_of(asset: Server | VirtualServer) -> tuple[str, ...]:
    """The names of its tools as clients see them, in order."""
    if isinstance(asset, Server):
        return tuple(tool.name for tool in asset.tools)
    return tuple(tool.shown_as for tool in asset.tools)


def _trusted(asset: AnyAsset) -> bool:
    return asset.enabled and reach(asset.stage, asset.review.deprecated_from) == "everywhere"


def _unnumbered(name: str) -> str:
    """A name without its numbers: what tells names of one row apart."""
    return _DIGITS.sub("", spelt_core(name))


def _same(name: str, other: str) -> bool:
    return name.lower() == other.lower()
