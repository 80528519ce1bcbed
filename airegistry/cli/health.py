"""`airegistry health`: how the registry is, or a backend of it."""

from typing import Annotated, Literal

from cyclopts import Parameter

from airegistry.cli.client import HERE, Target, fetch
from airegistry.cli.output import show_fields
from airegistry.cli.values import Json

_CHECKED = ("kind", "path", "health", "circuit", "checked_at", "latency_ms", "error", "held")


def health(
    path: Annotated[str | None, Parameter(help="Path of a server or agent to ask now; else the registry is.")] = None,
    /,
    *,
    kind: Annotated[Literal["server", "agent"], Parameter(help="What stands at the path.")] = "server",
    target: Target = HERE,
) -> None:
    """Show how the registry is and how many of its backends answer, or ask one of them now."""
    if path is None:
        if (found := fetch(target, "healthcheck", {})) is not None:
            backends = found["backends"]
            show_fields({**found, "backends": _counted(backends) if isinstance(backends, dict) else backends})
    elif (found := fetch(target, "check_health", {"path": path, "kind": kind})) is not None:
        show_fields({name: found[name] for name in _CHECKED if found.get(name) != {}})


def _counted(backends: Json) -> str:
    return ", ".join(f"{count} {health}" for health, count in backends.items())
