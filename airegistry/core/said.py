"""An asset as JSON in two parts: what is indexed of it, and what changes often and stands in no text and no facet."""

import json
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from airegistry.core.assets import Json
from airegistry.core.ports import AnyAsset

_OFTEN = frozenset(("health_report", "updated_at", "updated_by", "rating", "fetched_at", "files", "ans"))


@dataclass(frozen=True, slots=True)
class Said:
    """Two JSON objects, whose members together are the asset's."""

    indexed: bytes
    beside: bytes

    @classmethod
    def of(cls, asset: AnyAsset) -> "Said":
        """What an asset says."""
        return cls.stored(body_of(asset))

    @classmethod
    def stored(cls, body: Json) -> "Said":
        """What an asset says that is stored so."""
        beside = {field: body[field] for field in body if field in _OFTEN}
        return cls(_encoded({field: body[field] for field in body if field not in beside}), _encoded(beside))

    @property
    def whole(self) -> bytes:
        """Both in one object."""
        return self.indexed if self.beside == b"{}" else self.indexed[:-1] + b"," + self.beside[1:]

    def content(self, embedder: str | None) -> bytes:
        """Equal for states of an asset that are indexed alike, with vectors of one embedder: 16 bytes."""
        said = blake2b(f"{embedder}\n".encode(), digest_size=16)
        said.update(self.indexed)
        return said.digest()


def body_of(asset: AnyAsset) -> Json:
    """An asset as it is stored."""
    return asset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"callable"})


def _encoded(body: Json) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # an asset that no store takes, as evaluations have them: numbers too large, half a letter
        return json.dumps(body).encode()
