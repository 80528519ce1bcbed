"""`airegistry ans`: names of the Agent Name Service on agents and servers."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch
from airegistry.cli.output import note, show_fields

ans = App("ans", help="Link names of the Agent Name Service, look them up, take them off.")

_SHOWN = ("kind", "path", "name", "status", "since", "why", "checked_at")
Kind = Annotated[Literal["agent", "server"], Parameter(help="What the name is put on.")]
Named = Annotated[str, Parameter(help="Path of the agent or server.")]


@ans.command(name="link")
def link_name(
    kind: Kind, path: Named, name: Annotated[str, Parameter(help="As in ans://v1.0.0.agent.example.com.")], /, *,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Put a name on an agent or server, look it up, and show its badge."""
    if (badge := fetch(target, "link_ans", {"kind": kind, "path": path, "name": name})) is not None:
        show_fields({field: badge.get(field) for field in _SHOWN})


@ans.command(name="verify")
def verify_name(kind: Kind, path: Named, /, *, target: Target = HERE) -> None:
    """Look the name of an agent or server up now, and show its badge."""
    if (badge := fetch(target, "verify_ans", {"kind": kind, "path": path})) is not None:
        show_fields({field: badge.get(field) for field in _SHOWN})


@ans.command(name="unlink")
def unlink_name(kind: Kind, path: Named, /, *, target: Target = HERE) -> None:
    """Take the name off an agent or server."""
    if fetch(target, "unlink_ans", {"kind": kind, "path": path}) is not None:
        note(f"took the name off {kind} `{path}`")
