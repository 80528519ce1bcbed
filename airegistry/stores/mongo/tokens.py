"""What `find` goes by in the database: each document carries the plain values of its fields, in one indexed list.

A body is kept as JSON text: BSON takes neither every key nor every number nor every depth of it. So beside it stand
tokens (`kind="server"`, `enabled=true`) of the top-level fields that hold a scalar or a list of them, and of the few
within others that are looked for; of these the usual value has none. What has no
token of its own, being too long or too many, has one that says so, and is found with every value: the database
answers with all that match, perhaps with more, and the registry looks once more.
"""

import orjson
from pydantic import JsonValue

from airegistry.core.documents import Json, Scalar
from airegistry.stores.where import WITHIN, Condition, typed, values_of

LONGEST = 64
"""Characters of a field's name or of a string, above which it has no token."""
MOST_OF_FIELD, MOST = 64, 256
ANYTHING = "*"


def tokens(body: Json) -> list[str]:
    """The tokens of a document."""
    found: set[str] = set()
    for field, value in body.items():
        if len(field) <= LONGEST:
            found.update(_of_field(field, value))
    for path, usual in WITHIN.items():
        found.update(_token(path, value) for value in values_of(body, path.split(".")) if value not in (None, usual))
    return sorted(found) if len(found) <= MOST else [ANYTHING]


def known(condition: Condition) -> set[str] | None:
    """The tokens one of which a document has that meets a condition on a field; None when it may have none."""
    field = condition.field
    # Null is a field that is missing as well, and a path leads into what has no tokens.
    if len(field) > LONGEST or condition.globs or typed(None) in condition.values:
        return None
    if len(condition.path) > 1 and (field not in WITHIN or typed(WITHIN[field]) in condition.values):
        return None
    return {*(_token(field, value) for _, value in condition.values), f"{field}={ANYTHING}", ANYTHING}


def _of_field(field: str, value: JsonValue) -> set[str]:
    values = value if isinstance(value, list) else [value]
    if len(values) > MOST_OF_FIELD:
        return {f"{field}={ANYTHING}"}
    return {_token(field, each) for each in values if isinstance(each, str | int | float | bool)}


def _token(field: str, value: Scalar) -> str:
    if isinstance(value, str) and (len(value) > LONGEST or "\0" in value):
        return f"{field}={ANYTHING}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1.0 equals 1
    try:
        return f"{field}={orjson.dumps(value).decode()}"
    except TypeError:  # an integer beyond 64 bits, which no document holds
        return f"{field}={ANYTHING}"
