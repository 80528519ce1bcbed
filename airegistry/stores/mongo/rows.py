"""How a document lies in the database.

`_id` is `collection/key`, and holds the end of a very long key as a digest (`k` is the key then): Amazon DocumentDB
indexes 2 KiB at most. `c` is the collection, `v` a version that also a deletion raises by one, `b` the body as JSON
text, null when it was deleted, `f` its tokens, `w` the ids of the last writes, `t` and `at` when it was written and
`d` when it was deleted, by the database's clock.
"""

import hashlib
from typing import Any, TypeAlias

import orjson
from bson import ObjectId, Timestamp

from airegistry.core.documents import Change, Document
from airegistry.core.errors import Invalid
from airegistry.stores.mongo.tokens import tokens
from airegistry.stores.rows import check_name, encode

Row: TypeAlias = dict[str, Any]
LONGEST_ID = 1000
LARGEST = 15 << 20
"""Bytes of a body; the database's own limit is 16 MiB for all of a document."""
WRITES_KEPT = 16
WHOLE = {"c": 1, "k": 1, "v": 1, "b": 1}
"""What is read of a row to know its document."""
_STAMPS = {"t": {"$type": "timestamp"}, "at": {"$type": "date"}}


def id_of(collection: str, key: str) -> str:
    """Where a document is. Ids are in the order of keys, those of keys beyond a thousand bytes among each other aside.

    Raises:
        Invalid: there can be no document of that name.
    """
    check_name(collection, key)
    if "/" in collection:
        raise Invalid(f"{collection!r} is no name of a collection: it may not contain a slash")
    id_ = f"{collection}/{key}"
    encoded = id_.encode()
    if len(encoded) <= LONGEST_ID:
        return id_
    digest = hashlib.sha256(encoded).hexdigest()
    return encoded[: LONGEST_ID - len(digest)].decode(errors="ignore") + digest


def within(collection: str) -> tuple[str, str]:
    """The ids of a collection lie between these two."""
    return f"{collection}/", f"{collection}0"  # "0" follows "/"


def written(collection: str, key: str, body: dict[str, Any], write: ObjectId) -> Row:
    """The update that makes a document of a body.

    Raises:
        Invalid: it is no JSON object, or too large.
    """
    if not isinstance(body, dict):
        raise Invalid("a document is a JSON object")
    encoded = encode(body)
    if len(encoded) > LARGEST:
        raise Invalid(f"a document has at most {LARGEST} bytes, this one has {len(encoded)}")
    values: Row = {"c": collection, "b": encoded.decode(), "f": tokens(body)}
    if not id_of(collection, key).endswith(key):
        values["k"] = key
    return {**_stamped(write), "$set": values, "$unset": {"d": ""}, "$currentDate": _STAMPS}


def removed(write: ObjectId) -> Row:
    """The update that leaves a tombstone."""
    stamps = {**_STAMPS, "d": {"$type": "timestamp"}}
    return {**_stamped(write), "$set": {"b": None, "f": []}, "$currentDate": stamps}


def _stamped(write: ObjectId) -> Row:
    return {"$inc": {"v": 1}, "$push": {"w": {"$each": [write], "$slice": -WRITES_KEPT}}}


def version_of(row: Row, write: ObjectId) -> int | None:
    """The version that a write made of a row, if it is among its last ones."""
    writes = list(row.get("w", ()))
    return int(row["v"]) - (len(writes) - 1 - writes.index(write)) if write in writes else None


def key_of(row: Row) -> str:
    """The key of a row."""
    return str(row.get("k") or str(row["_id"]).partition("/")[2])


def document(row: Row) -> Document:
    """The document of a row that is no tombstone."""
    return Document(row["c"], key_of(row), row["v"], orjson.loads(row["b"]))


def change(row: Row, revision: int) -> Change:
    """What watchers are told of a row. A deletion bears the version it removed."""
    if row["b"] is None:
        return Change(revision, row["c"], key_of(row), row["v"] - 1, None)
    return Change(revision, row["c"], key_of(row), row["v"], orjson.loads(row["b"]))


def number(stamp: Timestamp) -> int:
    """A stamp as a revision."""
    return (stamp.time << 32) + stamp.inc


def stamp(number: int) -> Timestamp:
    """A revision as a stamp."""
    return Timestamp(number >> 32, number & 0xFFFFFFFF)
