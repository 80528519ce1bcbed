"""Records of the trail as lines of text: JSON, one a line, or CSV that a spreadsheet opens without running anything."""

import csv
import io
from collections.abc import Sequence

import orjson
from pydantic import JsonValue

from airegistry.core.documents import Json

COLUMNS: Sequence[str] = (
    "time", "id", "subject", "client", "action", "kind", "asset", "tool", "scopes", "decision", "reason", "outcome",
    "latency_ms", "data_classification", "target", "via", "parameters", "request_id", "stream", "seq",
    "previous", "hash",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@")
_BREAKS = ("\t", "\r", "\n")


def json_line(record: Json) -> str:
    """A record as one line of JSON, its line end included."""
    return orjson.dumps(record).decode() + "\n"


def csv_head() -> str:
    """The names of the columns."""
    return _line(COLUMNS)


def csv_line(record: Json) -> str:
    """A record as a line of CSV (RFC 4180). Before a text that a spreadsheet would run as a formula stands `'`."""
    return _line([_cell(record.get(column)) for column in COLUMNS])


def _line(cells: Sequence[str]) -> str:
    made = io.StringIO()
    csv.writer(made).writerow(cells)
    return made.getvalue()


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_BREAKS) else text
