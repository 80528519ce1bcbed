"""`airegistry usage`: what is called, how often, and how well that goes."""

from typing import Annotated, Literal

from cyclopts import Parameter

from airegistry.cli.assets import Kind
from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.output import note, show_table

_FIGURES = ("calls", "errors", "average_ms", "p50_ms", "p95_ms")


def usage(
    path: Annotated[str | None, Parameter(help="One asset, by tool, caller and day; else many are shown.")] = None,
    /,
    *,
    kind: Annotated[Kind | None, Parameter(help="Its kind, `server` if left out; or the kind of many.")] = None,
    view: Annotated[
        Literal["popular", "recent", "unused", "errors", "slow", "periods"] | None,
        Parameter(
            help="Of many: those called most, called last, not called, with most errors or slowest; "
            "or all together by period. Default: popular."
        ),
    ] = None,
    days: Annotated[int | None, Parameter(help="How far back, else 30 days.")] = None,
    hourly: Annotated[bool, Parameter(help="Show one asset, or periods, by the hour.", show_default=False)] = False,
    limit: Annotated[int | None, Parameter(help="At most this many, else 20.")] = None,
    target: Target = HERE,
) -> None:
    """Show what is called through the registry, how often, and how well that goes."""
    wanted = given(path=path, kind=kind, view=view, days=days, hourly=hourly or None, limit=limit)
    if (found := fetch(target, "get_usage", wanted)) is None:
        return
    rows = items(found["rows"])
    if not rows:
        note("nothing")
        return
    columns = ("of", "name", *_FIGURES) if path or view == "periods" else ("asset", *_FIGURES, "last")
    names = ("of", "name", *_FIGURES) if path or view == "periods" else ("name", *_FIGURES, "last")
    show_table(columns, [[row.get(name) for name in names] for row in rows])
