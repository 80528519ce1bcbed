"""`airegistry limit` and `quarantine`: how much is let through, and who is cut off."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.output import note, show_table

limit = App("limit", help="Set, list and remove limits of calls.")
quarantine = App("quarantine", help="Cut callers and assets off, and let them in again.")

Kind = Annotated[Literal["caller", "server", "agent", "virtual_server"], Parameter(help="What it is.")]
CutId = Annotated[str, Parameter(help="A caller's subject, as in `user:ann`, or the asset's path.")]

_LIMIT = ("name", "subjects", "assets", "tools", "per", "calls", "seconds", "burst", "concurrent", "streams")
_CUT = ("kind", "id", "since", "by", "reason")


@limit.command(name="put")
def put_limit(
    name: Annotated[str, Parameter(help="Its name.")],
    /,
    *,
    calls: Annotated[int | None, Parameter(help="How many calls in `--seconds`.")] = None,
    seconds: Annotated[float | None, Parameter(help="86400 makes a daily quota; 60 when left out.")] = None,
    burst: Annotated[int | None, Parameter(help="How many of them at once, else all.")] = None,
    concurrent: Annotated[int | None, Parameter(help="How many calls under way at once.")] = None,
    streams: Annotated[int | None, Parameter(help="How many event streams open at once.")] = None,
    subject: Annotated[list[str] | None, Parameter(help="Glob of callers; may be repeated.")] = None,
    asset: Annotated[list[str] | None, Parameter(help="Glob of paths; may be repeated.")] = None,
    tool: Annotated[list[str] | None, Parameter(help="Glob of tools; may be repeated.")] = None,
    method: Annotated[list[str] | None, Parameter(help="Glob of methods that count, else calls.")] = None,
    per: Annotated[
        list[Literal["caller", "asset", "tool"]] | None,
        Parameter(help="What is counted apart, else each caller; may be repeated."),
    ] = None,
    together: Annotated[bool, Parameter(help="Count everybody and everything together.", show_default=False)] = False,
    description: Annotated[str | None, Parameter(help="What it is for.")] = None,
    target: Target = HERE,
) -> None:
    """Create or replace a limit."""
    wanted = given(
        name=name, calls=calls, seconds=seconds, burst=burst, concurrent=concurrent, streams=streams, subjects=subject,
        assets=asset, tools=tool, methods=method, per=[*(per or ())], description=description,
    )  # fmt: skip
    if together:
        wanted["per"] = []
    if fetch(target, "put_limit", wanted) is not None:
        note(f"limit `{name}` is in force")


@limit.command(name="list")
def list_limits(*, target: Target = HERE) -> None:
    """List limits."""
    if (answer := fetch(target, "list_limits", {})) is not None:
        show_table(_LIMIT, [[one.get(column) for column in _LIMIT] for one in items(answer["limits"])])


@limit.command(name="remove")
def remove_limit(
    name: Annotated[str, Parameter(help="Its name.")],
    /,
    *,
    yes: Yes = False,
    target: Target = HERE,
) -> None:
    """Remove a limit, with what was counted for it."""
    make_sure(f"Remove limit `{name}`?", yes)
    if fetch(target, "delete_limit", {"name": name}) is not None:
        note(f"removed limit `{name}`")


@quarantine.command(name="put")
def put_quarantine(
    kind: Kind,
    id: CutId,
    /,
    *,
    reason: Annotated[str, Parameter(help="For those who will lift it.")],
    target: Target = HERE,
) -> None:
    """Cut a caller or an asset off: what is under way ends at once."""
    if (made := fetch(target, "quarantine", {"kind": kind, "id": id, "reason": reason})) is not None:
        note(f"cut off {kind} `{made['id']}`; calls ended: {made['ended']}")


@quarantine.command(name="list")
def list_quarantine(*, target: Target = HERE) -> None:
    """List what is cut off, the latest first."""
    if (answer := fetch(target, "list_quarantine", {})) is not None:
        show_table(_CUT, [[one.get(column) for column in _CUT] for one in items(answer["quarantines"])])


@quarantine.command(name="lift")
def lift_quarantine(
    kind: Kind,
    id: CutId,
    /,
    *,
    target: Target = HERE,
) -> None:
    """Let a caller or an asset in again."""
    if fetch(target, "lift_quarantine", {"kind": kind, "id": id}) is not None:
        note(f"{kind} `{id}` is let in again")
