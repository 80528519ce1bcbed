"""`airegistry browse` and `whoami`: the catalog by what is in it, and who is looking."""

from typing import Annotated, Literal

from cyclopts import Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.output import note, show_fields, show_table

Kind = Literal["server", "agent", "skill", "virtual_server", "entity"]
Health = Literal["unknown", "healthy", "unhealthy"]
_COLUMNS = ("kind", "path", "name", "stage", "health", "owner")


def browse(
    query: Annotated[str | None, Parameter(help="Best matches first; else in order of path.")] = None,
    /,
    *,
    kind: Annotated[list[Kind] | None, Parameter(help="Only this kind; may be repeated.")] = None,
    type: Annotated[list[str] | None, Parameter(help="Only entities of this type; may be repeated.")] = None,
    tag: Annotated[list[str] | None, Parameter(help="Only assets with this tag; may be repeated.")] = None,
    owner: Annotated[list[str] | None, Parameter(help="Only of this owner team; may be repeated.")] = None,
    environment: Annotated[list[str] | None, Parameter(help="Only of this environment; may be repeated.")] = None,
    stage: Annotated[list[str] | None, Parameter(help="Only at this stage; may be repeated.")] = None,
    risk: Annotated[list[str] | None, Parameter(help="Only of this risk level; may be repeated.")] = None,
    health: Annotated[list[Health] | None, Parameter(help="Only of this health; may be repeated.")] = None,
    source: Annotated[list[str] | None, Parameter(help="Only from this source; may be repeated.")] = None,
    include_disabled: Annotated[bool | None, Parameter(help="Also assets that are switched off.")] = None,
    counts: Annotated[
        bool, Parameter(help="What there is, by kind, tag, owner and so on, in place of a page.")
    ] = False,
    limit: Annotated[int | None, Parameter(help="At most this many.")] = None,
    cursor: Annotated[str | None, Parameter(help="Where the page before ended.")] = None,
    target: Target = HERE,
) -> None:
    """Look through all assets you may see, of every kind."""
    wanted = given(
        query=query, kinds=[*(kind or ())], type=type, tags=tag, owner=owner, environment=environment, stage=stage,
        risk=risk, health=[*(health or ())], source=source, include_disabled=include_disabled, limit=limit,
        cursor=cursor,
    )  # fmt: skip
    if (found := fetch(target, "browse_registry", wanted)) is None:
        return
    if counts:
        facets = found["facets"]
        known = facets.items() if isinstance(facets, dict) else ()
        rows = [[name, each.get("value"), each.get("count")] for name, values in known for each in items(values)]
        show_table(("facet", "value", "count"), rows)
        return
    results = items(found["results"])
    if not results:
        note("nothing found")
        return
    show_table(_COLUMNS, [[each.get(column) for column in _COLUMNS] for each in results])
    if found.get("next_cursor"):
        note(f"{len(results)} of {found.get('total')}; the next page: `--cursor {found['next_cursor']!r}`")


def whoami(*, target: Target = HERE) -> None:
    """Show who you are to the registry, and what you may do."""
    if (found := fetch(target, "whoami", {})) is not None:
        show_fields(found)
