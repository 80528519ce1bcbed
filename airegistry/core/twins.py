"""Servers and agents by their URL, and servers by the set of their tools, so that a duplicate is found in one look."""

from array import array
from hashlib import blake2b
from sys import intern
from typing import Literal
from urllib.parse import urlsplit

from airegistry.core.assets import Server
from airegistry.core.places import Places
from airegistry.core.ports import AnyAsset
from airegistry.core.shelf import ref
from airegistry.core.sketches import Sketch

_UNMARKED = 0
_NONE = -1


class Twins:
    """What is known of each asset's default version. Each has a slot."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        self._versions: list[str] = []
        self._sketches: list[Sketch | None] = []
        self._free: list[int] = []
        self._urls, self._tools = _Alike(), _Alike()

    def put(self, asset: AnyAsset, sketch: Sketch | None = None) -> None:
        """Remember an asset, in place of what was known of it; versions beside the default one do not count. A sketch
        of it that somebody else has too takes no memory twice."""
        name = intern(ref(asset))
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = self._new()
        elif self._versions[slot] != asset.version:
            return
        self._versions[slot], self._sketches[slot] = intern(asset.version), sketch or Sketch.of(asset)
        self._urls.put(slot, _url_mark(asset))
        self._tools.put(slot, _tools_mark(asset))

    def remove(self, asset: AnyAsset) -> None:
        """Forget an asset."""
        slot = self._slots.pop(ref(asset), None)
        if slot is not None:
            self._urls.put(slot, _UNMARKED)
            self._tools.put(slot, _UNMARKED)
            self._sketches[slot] = None
            self._free.append(slot)

    def of(self, asset: AnyAsset) -> list[tuple[Sketch, Literal["url", "tools"]]]:
        """Other assets with the same URL or the same set of tools."""
        own = self._slots.get(ref(asset))
        found: list[tuple[Sketch, Literal["url", "tools"]]] = []
        found += [(each, "url") for each in self._others(self._urls.of(_url_mark(asset)), own)]
        found += [(each, "tools") for each in self._others(self._tools.of(_tools_mark(asset)), own)]
        return found

    def _others(self, slots: list[int], own: int | None) -> list[Sketch]:
        kept = (self._sketches[slot] for slot in slots if slot != own)
        return [sketch for sketch in kept if sketch is not None]

    def _new(self) -> int:
        if self._free:
            return self._free.pop()
        self._versions.append("")
        self._sketches.append(None)
        return len(self._versions) - 1


class _Alike:
    """Slots by a mark that several may bear: a chain of them, found by its first."""

    def __init__(self) -> None:
        self._firsts = Places()
        self._marks = array("Q")
        self._next = array("i")

    def put(self, slot: int, mark: int) -> None:
        """Give a slot a mark in place of the one it had."""
        while len(self._marks) <= slot:
            self._marks.append(_UNMARKED)
            self._next.append(_NONE)
        if self._marks[slot] == mark:
            return
        self._leave(slot)
        self._marks[slot], first = mark, self._first(mark)
        if first is not None:
            self._next[slot], self._next[first] = self._next[first], slot
        elif mark != _UNMARKED:
            self._firsts.add(mark, slot)

    def of(self, mark: int) -> list[int]:
        """All slots that bear a mark."""
        found: list[int] = []
        at = self._first(mark)
        while at is not None and at != _NONE:
            found.append(at)
            at = self._next[at]
        return sorted(found)

    def _first(self, mark: int) -> int | None:
        if mark == _UNMARKED:
            return None
        return next((slot for slot in self._firsts.of(mark) if self._marks[slot] == mark), None)

    def _leave(self, slot: int) -> None:
        mark, after = self._marks[slot], self._next[slot]
        before = self._first(mark)
        if before == slot:
            self._firsts.discard(mark, slot)
            if after != _NONE:
                self._firsts.add(mark, after)
        elif before is not None:
            while self._next[before] != slot:
                before = self._next[before]
            self._next[before] = after
        self._marks[slot], self._next[slot] = _UNMARKED, _NONE


def _url_mark(asset: AnyAsset) -> int:
    url = getattr(asset, "url", None)
    return _mark(_normal(url)) if url else _UNMARKED


def _tools_mark(asset: AnyAsset) -> int:
    if not isinstance(asset, Server) or not asset.tools:
        return _UNMARKED
    return _mark("\n".join(sorted(tool.name for tool in asset.tools)))


def _mark(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _normal(url: str) -> str:
    parts = urlsplit(url)
    port = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").lower() + (f":{parts.port}" if parts.port and parts.port != port else "")
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}?{parts.query}"
