"""`airegistry entity`: assets of the company's own types."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.assets import FIRST, Page, show_made, show_page
from airegistry.cli.client import HERE, Target, fetch, given
from airegistry.cli.labels import NONE, Labels
from airegistry.cli.values import Json, parse_object, read_input

entity = App("entity", help="Register and list entities of your own types; `entity-type` defines these.")


@entity.command
def register(
    type: Annotated[str, Parameter(help="Name of its type.")],
    path: Annotated[str, Parameter(help="Path it gets in the registry.")],
    data: Annotated[
        Path, Parameter(help="File with a JSON object that fits the type; `-` reads stdin.", allow_leading_hyphen=True)
    ],
    /,
    *,
    labels: Labels = NONE,
    target: Target = HERE,
) -> None:
    """Register an entity of one of your own types."""
    wanted: Json = {"type": type, "path": path, "data": parse_object(read_input(data), "DATA")}
    if (made := fetch(target, "register_entity", {**wanted, **labels.arguments})) is not None:
        show_made(made)


@entity.command(name="list")
def list_entities(
    *,
    type: Annotated[str | None, Parameter(help="Only of this type.")] = None,
    page: Page = FIRST,
    target: Target = HERE,
) -> None:
    """List entities, in order of path."""
    show_page(fetch(target, "list_entities", {**page.arguments, **given(type=type)}), "entities")
