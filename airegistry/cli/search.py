"""`airegistry search`, `find`, `tools` and `call`: find a tool, use it."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from airegistry.cli.client import HERE, Answer, Target, ask, fetch, given, items
from airegistry.cli.output import note, one_line, show_json, show_table, show_text
from airegistry.cli.values import Json, parse_object, parse_pairs, read_input

Health = Literal["unknown", "healthy", "unhealthy"]
Kind = Literal["server", "tool", "agent", "skill", "virtual_server", "entity"]


def search(
    query: Annotated[str, Parameter(help="What is needed, in plain words.")],
    /,
    *,
    kind: Annotated[list[Kind] | None, Parameter(help="Only this kind; may be repeated.")] = None,
    tag: Annotated[list[str] | None, Parameter(help="Only assets with this tag; may be repeated.")] = None,
    limit: Annotated[int | None, Parameter(help="At most this many results.")] = None,
    include_disabled: Annotated[bool | None, Parameter(help="Also assets that are switched off.")] = None,
    owner: Annotated[list[str] | None, Parameter(help="Only of this owner team; may be repeated.")] = None,
    environment: Annotated[list[str] | None, Parameter(help="Only of this environment; may be repeated.")] = None,
    stage: Annotated[list[str] | None, Parameter(help="Only at this stage; may be repeated.")] = None,
    source: Annotated[list[str] | None, Parameter(help="Only from this source; may be repeated.")] = None,
    health: Annotated[list[Health] | None, Parameter(help="Only of this health; may be repeated.")] = None,
    by_kind: Annotated[bool | None, Parameter(help="The best of each kind; the limit is of each.")] = None,
    target: Target = HERE,
) -> None:
    """Find servers, tools, agents, skills and entities by what they do."""
    wanted = given(
        query=query, kinds=[*(kind or ())], tags=tag, limit=limit, include_disabled=include_disabled, owner=owner,
        environment=environment, stage=stage, source=source, health=[*(health or ())], by_kind=by_kind,
    )  # fmt: skip
    if (found := fetch(target, "search_registry", wanted)) is None:
        return
    groups = found.get("groups")
    hits = [hit for group in groups.values() for hit in items(group)] if isinstance(groups, dict) else []
    hits = hits or items(found["results"])
    if suggested := found.get("suggestions"):
        note(f"did you mean: {one_line(suggested)}")
    if not hits:
        note(f"nothing found for `{query}`")
        return
    rows = [[hit.get("kind"), _where(hit), hit.get("score"), hit.get("description")] for hit in hits]
    show_table(("kind", "path", "score", "description"), rows)
    if found.get("total") != len(hits):
        note(f"{len(hits)} of {found.get('total')} results; see more with `--limit`")


def find(
    task: Annotated[str, Parameter(help="What is to be done, as you would tell a person.")],
    /,
    *,
    limit: Annotated[int | None, Parameter(help="At most this many tools.")] = None,
    full: Annotated[bool | None, Parameter(help="All of the descriptions and schemas, with `--json`.")] = None,
    target: Target = HERE,
) -> None:
    """Find the tools that can do a task together, best first."""
    wanted = given(task=task, limit=limit, detail="full" if full else None)
    if (found := fetch(target, "intelligent_tool_finder", wanted)) is None:
        return
    if not (tools := items(found["tools"])):
        note(f"no tool found for `{task}`")
        return
    columns = ("server", "tool", "match", "may_call", "description")
    show_table(columns, [[tool.get(column) for column in columns] for tool in tools])


def tools(
    path: Annotated[str | None, Parameter(help="Path of a server, else all of them.")] = None,
    /,
    *,
    version: Annotated[str | None, Parameter(help="One of its versions, else the default one.")] = None,
    target: Target = HERE,
) -> None:
    """List the tools of a server, or of all; `--json` has their input schemas."""
    if (found := fetch(target, "get_service_tools", given(path=path, version=version))) is None:
        return
    columns = ("server", "name", "description")
    if listed := items(found["tools"]):
        show_table(columns, [[tool.get(column) for column in columns] for tool in listed])
    else:
        note("no tools")


def call(
    server: Annotated[str, Parameter(help="Path of the server.")],
    tool: Annotated[str, Parameter(help="Name of the tool.")],
    /,
    *,
    arg: Annotated[
        list[str] | None,
        Parameter(help="An argument as `name=value`, the value as JSON or else as text; may be repeated."),
    ] = None,
    args: Annotated[
        str | None, Parameter(help="All arguments as a JSON object; `-` reads stdin.", allow_leading_hyphen=True)
    ] = None,
    target: Target = HERE,
) -> None:
    """Call a tool of a registered server through the registry."""
    whole = read_input(Path("-")) if args == "-" else args
    arguments = parse_object(whole, "--args") if whole is not None else {}
    arguments |= parse_pairs(arg or (), "--arg")
    answer = ask(target, "call_tool", {"server": server, "tool": tool, "arguments": arguments})
    if target.json:
        show_json(answer.structured if answer.structured is not None else {"content": [*answer.content]})
    else:
        _show(answer)


def _where(hit: Json) -> str:
    return f"{hit.get('server')} {hit.get('tool')}" if hit.get("kind") == "tool" else str(hit.get("path"))


def _show(answer: Answer) -> None:
    """Print texts as they are, and name what cannot be printed."""
    if answer.text:
        show_text(answer.text)
    elif answer.structured is not None:
        show_json(answer.structured)
    for block in answer.content:
        if block.get("type") != "text":
            about = block.get("uri") or block.get("mimeType") or ""
            note(f"not shown: {block.get('type')} {about}".rstrip() + "; see it with `--json`")
