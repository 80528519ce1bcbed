"""`airegistry stage`: where assets stand in their lifecycle, and the steps from there."""

from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.assets import Kind
from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.output import note, show_fields, show_table

stage = App("stage", help="Move assets through their lifecycle, and see how they came to where they are.")

AssetPath = Annotated[str, Parameter(help="Path of the asset.")]
OfKind = Annotated[Kind, Parameter(help="Its kind.")]
Version = Annotated[str | None, Parameter(help="One of its versions, else the default one.")]

_FIELDS = ("kind", "path", "version", "stage", "since", "reason", "served", "four_eyes", "registered_by", "retires")
_STEPS = ("at", "by", "from", "to", "reason")
_NEXT = ("stage", "rights", "reason_required", "refusal")


@stage.command(name="set")
def set_stage(
    path: AssetPath,
    to: Annotated[str, Parameter(help="The stage, as `stage show` lists those that come next.")],
    /,
    *,
    reason: Annotated[str | None, Parameter(help="Why; most steps take one. It is kept.")] = None,
    retires: Annotated[str | None, Parameter(help="With `deprecated`: the day on which it retires by itself.")] = None,
    kind: OfKind = "server",
    version: Version = None,
    yes: Yes = False,
    target: Target = HERE,
) -> None:
    """Take one step; approvals of high risk take somebody who had no part in it."""
    if to == "retired":
        make_sure(f"Retire {kind.replace('_', ' ')} `{path}`? It is neither listed nor called any more.", yes)
    wanted = given(
        kind=kind, path=path, stage=to, reason=reason, retirement_date=retires, version=version
    )  # fmt: skip
    if (asset := fetch(target, "set_lifecycle_stage", wanted)) is not None:
        note(f"{kind.replace('_', ' ')} `{asset['path']}` is {asset['stage']}")


@stage.command
def show(path: AssetPath, /, *, kind: OfKind = "server", version: Version = None, target: Target = HERE) -> None:
    """Show where an asset stands, who moved it there and why, and which steps lead on."""
    found = fetch(target, "get_lifecycle", given(kind=kind, path=path, version=version))
    if found is None:
        return
    show_fields({name: found.get(name) for name in _FIELDS})
    for title, columns, rows in (("history", _STEPS, found["history"]), ("next", _NEXT, found["next"])):
        if shown := items(rows):
            print(f"\n{title}")
            show_table(columns, [[row.get(column) for column in columns] for row in shown])
