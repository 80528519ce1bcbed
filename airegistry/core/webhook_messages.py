"""What subscribers are sent, and how they know that it is from here: Standard Webhooks 1.0."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from pydantic import Field

from airegistry.core.assets import Json, Model
from airegistry.core.events import Event
from airegistry.core.masking import masked
from airegistry.core.ports import AnyAsset

PREFIX = "whsec_"
SECRET_BYTES = 32
FACTS = (
    "kind", "path", "name", "title", "description", "version", "enabled", "stage", "visibility", "health", "tags",
    "owner_team", "risk_level", "data_classification", "url", "created_at", "updated_at",
)  # fmt: skip
"""The fields of an asset that subscribers are told, beside the names of its tools or skills."""


class Filter(Model):
    """Which events a subscriber is told: names, kinds and paths, each a list of globs; an empty list takes all."""

    events: list[str] = Field(default_factory=list, max_length=100)
    kinds: list[str] = Field(default_factory=list, max_length=20)
    paths: list[str] = Field(default_factory=list, max_length=200)

    def takes(self, event: Event) -> bool:
        """Whether an event is among them."""
        given = (self.events, event.name), (self.kinds, event.asset.kind), (self.paths, event.asset.path)
        return all(not globs or any(fnmatchcase(word, glob) for glob in globs) for globs, word in given)


def facts(asset: AnyAsset) -> Json:
    """What subscribers are told of an asset: no definitions, no contents, nothing that looks like a secret."""
    body = asset.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(FACTS))
    for field in ("tools", "skills"):
        if parts := getattr(asset, field, None):
            body[field] = [getattr(part, "shown_as", part.name) for part in parts]
    told = masked(body)
    assert isinstance(told, dict)  # as `body` is
    return told


def new_event_id() -> str:
    """A name for an event that no other one has: subscribers know by it what they had before."""
    return f"evt_{secrets.token_hex(16)}"


def payload(id_: str, name: str, at: datetime, sequence: int, subject: str, asset: Json) -> Json:
    """The body of a message, as subscribers read it."""
    moment = at.isoformat().replace("+00:00", "Z")
    return {
        "id": id_, "type": name, "timestamp": moment, "sequence": sequence,
        "data": {"subject": subject, "asset": asset},
    }  # fmt: skip


def body_of(message: Json) -> bytes:
    """The bytes that are signed and sent; the same at every attempt."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def new_secret() -> str:
    """A secret to sign with, as Standard Webhooks writes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(id_: str, at: datetime, body: bytes, keys: Sequence[str]) -> Mapping[str, str]:
    """The headers of a message: its id, when this attempt is made, and a signature by each secret that is valid."""
    stamp = str(int(at.timestamp()))
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signature(key, id_, stamp, body) for key in keys),
    }


def signature(secret: str, id_: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `id.timestamp.body`, in base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
