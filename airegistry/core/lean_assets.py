"""All assets of a catalog in little memory: each as compressed JSON, and beside it what decides on who sees it.

A parsed asset takes ten kilobytes and more, packed it is one: a hundred thousand fit beside their index. Those that
were read last are kept parsed.
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from threading import Lock

from pydantic import ValidationError

from airegistry.core.assets import ASSET
from airegistry.core.ports import AnyAsset
from airegistry.core.sketches import Sketch

RECENT = 2_000
"""Assets that are kept parsed."""
_FASTEST = 1


class LeanAssets(Mapping[str, AnyAsset]):
    """Assets by name. Safe from several threads; copy the names before you go through them."""

    def __init__(self) -> None:
        self.sketches: dict[str, Sketch] = {}
        self._packed: dict[str, bytes | AnyAsset] = {}
        self._recent: OrderedDict[str, tuple[bytes, AnyAsset]] = OrderedDict()
        self._lock = Lock()

    def __getitem__(self, name: str) -> AnyAsset:
        with self._lock:
            packed, recent = self._packed[name], self._recent.get(name)
            if not isinstance(packed, bytes):
                return packed
            if recent is not None and recent[0] is packed:
                self._recent.move_to_end(name)
                return recent[1]
        asset = ASSET.validate_json(zlib.decompress(packed), by_alias=True, by_name=False)
        self._remember(name, packed, asset)
        return asset

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter([*self._packed])

    def __len__(self) -> int:
        return len(self._packed)

    def copy(self) -> "LeanAssets":
        """Another one that holds the same, and shares what it takes."""
        copied = LeanAssets()
        with self._lock:
            copied._packed, copied.sketches = self._packed.copy(), self.sketches.copy()
        return copied

    def put(self, name: str, asset: AnyAsset, *, stored: bool = False) -> None:
        """Hold an asset in place of what had the name; one that was `stored` can be read again."""
        packed, sketch = _packed(asset, stored), Sketch.of(asset)
        with self._lock:
            self._packed[name], self.sketches[name] = packed, sketch
            self._recent.pop(name, None)

    def remove(self, name: str) -> None:
        """Forget a name; nothing happens when there is none."""
        with self._lock:
            for held in (self._packed, self.sketches, self._recent):
                held.pop(name, None)

    def _remember(self, name: str, packed: bytes, asset: AnyAsset) -> None:
        with self._lock:
            if self._packed.get(name) is packed:
                self._recent[name] = packed, asset
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)


def _packed(asset: AnyAsset, stored: bool) -> bytes | AnyAsset:
    """An asset as bytes. One that no registry takes, as evaluations have them, could not be read again: it stays."""
    text = asset.model_dump_json(by_alias=True, exclude_none=True, exclude={"callable"})
    try:
        if not stored:
            ASSET.validate_json(text, by_alias=True, by_name=False)
    except ValidationError:
        return asset
    return zlib.compress(text.encode(), _FASTEST)
