"""What `find` asks of the database: what was asked of it, or a little more, where the index of tokens cannot tell."""

import re
from collections.abc import Sequence
from typing import Any

from airegistry.core.documents import KEY
from airegistry.stores.mongo.rows import id_of, within
from airegistry.stores.mongo.tokens import known
from airegistry.stores.rows import is_name
from airegistry.stores.where import Clause, Condition, span

Asked = dict[str, Any]
_SHORT = 200
"""Characters up to which an id is its key for certain: a longer one may end in a digest."""
_PIECES = re.compile(r"(\[!?\]?[^\]]*\]|[*?])")


def question(collection: str, asked: Sequence[Clause], after: str | None) -> Asked:
    """The filter for the documents that meet all clauses, those after a key; perhaps for others too, and for what is
    left of deleted ones."""
    ranges: list[Asked] = []
    conditions = []
    for clause in asked:
        condition = _of_clause(collection, clause)
        if condition is None:
            continue
        if condition.keys() == {"_id"} and condition["_id"].keys() == {"$gte", "$lt"}:
            ranges.append(condition["_id"])
        else:
            conditions.append(condition)
    start, end = within(collection)
    start = start if after is None else id_of(collection, after)
    named = [condition["_id"]["$in"] for condition in conditions if condition.keys() == {"_id"} and _is_list(condition)]
    if named:  # a few documents: nothing is quicker than to read those
        return {"_id": {"$in": [id_ for id_ in min(named, key=len) if id_ > start]}}
    bounds: Asked = {
        "$gt": start,
        "$lt": min((each["$lt"] for each in ranges), default=end),
    }
    if ranges:
        bounds["$gte"] = max(each["$gte"] for each in ranges)
    filter_: Asked = {"c": collection, "_id": bounds, "b": {"$ne": None}}
    if conditions and conditions[0].keys() == {"f"}:
        filter_ |= conditions.pop(0)
    return {**filter_, "$and": conditions} if conditions else filter_


def _is_list(condition: Asked) -> bool:
    return bool(condition["_id"].keys() == {"$in"})


def _of_clause(collection: str, clause: Clause) -> Asked | None:
    """A condition that all documents meet that meet a clause; None where only the registry can tell."""
    tokens, ways = set[str](), []
    for condition in clause:
        if condition.field == KEY:
            ways += _by_key(collection, condition)
            continue
        found = known(condition)
        if found is None:
            return None
        tokens |= found
    if tokens or not ways:
        ways.insert(0, {"f": {"$in": sorted(tokens)}})
    return ways[0] if len(ways) == 1 else {"$or": ways}


def _by_key(collection: str, condition: Condition) -> list[Asked]:
    keys = sorted(key for _, key in condition.values if isinstance(key, str) and is_name(collection, key))
    named = [{"_id": {"$in": [id_of(collection, key) for key in keys]}}] if keys else []
    return [*named, *({"_id": _of_form(collection, glob)} for glob in condition.globs)]


def _of_form(collection: str, glob: str) -> Asked:
    """Bounds of the ids of keys of a form, and where they do not say it all the form itself."""
    start, end = span(f"{collection}/{glob}"[:_SHORT])
    bounds = {"$gte": start, "$lt": end or within(collection)[1]}
    if f"{collection}/{glob}" == f"{start}*" or "\0" in glob:
        return bounds
    pieces = _PIECES.split(glob)
    form = "".join(".*" if each == "*" else "." if n % 2 else re.escape(each) for n, each in enumerate(pieces))
    return {**bounds, "$regex": f"(?s)^{re.escape(collection)}/(?:{form}$|.{{{_SHORT}}})"}
