"""An asset as JSON in two parts: what is indexed of it, and what changes often and stands in no text and no facet."""

from dataclasses import dataclass
from hashlib import blake2b

from airegistry.core.ports import AnyAsset

_ASIDE = {"callable"}
_OFTEN = {"health_report", "updated_at", "updated_by", "rating", "fetched_at", "files", "ans"}


@dataclass(frozen=True, slots=True)
class Said:
    """Two JSON objects, whose members together are the asset's."""

    indexed: str
    beside: str

    @classmethod
    def of(cls, asset: AnyAsset) -> "Said":
        """What an asset says."""
        return cls(
            asset.model_dump_json(by_alias=True, exclude_none=True, exclude=_ASIDE | _OFTEN),
            asset.model_dump_json(by_alias=True, exclude_none=True, include=_OFTEN),
        )

    @property
    def whole(self) -> str:
        """Both in one object."""
        return self.indexed if self.beside == "{}" else f"{self.indexed[:-1]},{self.beside[1:]}"

    def content(self, embedder: str | None) -> bytes:
        """Equal for states of an asset that are indexed alike, with vectors of one embedder: 16 bytes."""
        said = f"{embedder}\n{self.indexed}".encode("utf-8", "surrogatepass")
        return blake2b(said, digest_size=16).digest()
