"""What commands print: tables for people, JSON for programs; messages go to stderr.

Names and descriptions were written by strangers, so nothing of them may steer the terminal.
"""

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence

from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

UNBOUNDED = 10_000
"""Columns of a table that goes to a file or a pipe: there a row is a line."""

# Control characters but tab and line feed, the overrides of writing direction, and halves of surrogate pairs.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Foreign text with what would steer a terminal escaped; line breaks stay."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(value: object) -> str:
    """A value as a table shows it: lists joined, booleans as yes and no, three decimals, nothing as an empty string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(one_line(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return " ".join(printable(str(value)).split())


def show_json(value: JsonValue) -> None:
    """Print a value as JSON, in ASCII, so that neither an encoding nor a terminal can change it."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def show_text(text: str) -> None:
    """Print foreign text: as it is to a file or a pipe, made harmless to a terminal."""
    shown = printable(text) if sys.stdout.isatty() else text
    sys.stdout.write(shown if shown.endswith("\n") else shown + "\n")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a line of headings; on a terminal the last column is cut to fit."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # rich takes width from columns that may wrap first; the texts of the last one are cut and do not.
        steady = column != columns[-1]
        table.add_column(column.upper(), no_wrap=steady, overflow="ellipsis", min_width=min(8, len(column)))
    for row in rows:
        table.add_row(*(Text(one_line(value), no_wrap=True, overflow="ellipsis") for value in row))
    _print(table)


def show_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one a line, without those that are empty."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if (text := one_line(value)) != "":
            table.add_row(name.replace("_", " "), Text(text))
    _print(table)


def note(message: str) -> None:
    """Tell the person at the terminal something that is no data."""
    print(printable(message), file=sys.stderr)


def complain(code: str, message: str, hint: str | None = None) -> None:
    """Print an error, and after an empty line what may help."""
    note(f"error[{code}]: {message}" if code else f"error: {message}")
    if hint:
        note(f"\nhint: {hint}")


def _print(table: Table) -> None:
    width, height = shutil.get_terminal_size((UNBOUNDED, 24)) if sys.stdout.isatty() else (UNBOUNDED, 24)
    console = Console(file=sys.stdout, width=width, height=height, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    # Written by hand: at a broken pipe rich would end the process with a status of its own.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
