"""`airegistry definition`: what changed since it was approved."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.output import note, show_table

definition = App(
    "definition", help="Look at definitions that changed since they were approved; approve or reject them."
)

Kind = Annotated[Literal["server", "agent", "skill"], Parameter(help="What it is.")]
AssetPath = Annotated[str, Parameter(help="Path of the asset.")]
Hash = Annotated[str, Parameter(help="Hash of what was looked at, as `definition show` prints it.")]
Why = Annotated[str, Parameter(help="Why; it is kept in the audit trail.")]
One = Annotated[str | None, Parameter(help="One tool, or another part as in `prompts/x`; else all that waits.")]

_WAITING = ("kind", "path", "version", "grade", "since", "parts", "rejected")
_PENDING = ("part", "grade", "since", "verdict", "hash", "rejected_by")


@definition.command(name="list")
def list_(*, limit: Annotated[int, Parameter(help="At most this many.")] = 50, target: Target = HERE) -> None:
    """List what changed since it was approved, of everything that you may review."""
    if (answer := fetch(target, "list_definition_changes", {"limit": limit})) is None:
        return
    if not (changes := items(answer["changes"])):
        note("nothing waits for an approval")
        return
    show_table(_WAITING, [[one.get(column) for column in _WAITING] for one in changes])
    if answer.get("next_cursor"):
        note("there is more: raise --limit")


@definition.command
def show(path: AssetPath, /, *, kind: Kind = "server", target: Target = HERE) -> None:
    """Show what waits for an approval, with its diffs."""
    if (answer := fetch(target, "get_definition_changes", {"kind": kind, "path": path})) is None:
        return
    pending = items(answer["pending"])
    if not pending:
        note(f"nothing of {kind} `{path}` waits for an approval")
        return
    show_table(_PENDING, [[one.get(column) for column in _PENDING] for one in pending])
    for one in pending:
        print(f"\n{one['diff']}")
    note(f"approve all of it with `airegistry definition approve {path} {answer['hash']} --kind {kind} --reason …`")


@definition.command
def approve(
    path: AssetPath, hash: Hash, /, *, reason: Why, tool: One = None, kind: Kind = "server", target: Target = HERE
) -> None:
    """Serve what was looked at from now on."""
    if _act(target, "approve_definition", kind, path, hash, reason, tool):
        note(f"approved for {kind} `{path}`")


@definition.command
def reject(
    path: AssetPath, hash: Hash, /, *, reason: Why, tool: One = None, kind: Kind = "server", target: Target = HERE
) -> None:
    """Keep what was looked at out; its tools stay held."""
    if _act(target, "reject_definition", kind, path, hash, reason, tool):
        note(f"rejected for {kind} `{path}`")


def _act(target: Target, act: str, kind: str, path: str, hash: str, reason: str, tool: str | None) -> bool:
    wanted = given(kind=kind, path=path, hash=hash, reason=reason, tool=tool)
    return fetch(target, act, wanted) is not None
