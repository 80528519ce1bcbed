"""`airegistry entity-type`: types of the company's own, and the JSON Schemas that their entities fit."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.output import note, show_json, show_table
from airegistry.cli.values import parse_object, read_input

entity_type = App("entity-type", help="Define types of your own by JSON Schema, list, change and remove them.")

Name = Annotated[str, Parameter(help="Name of the type.")]
Description = Annotated[str | None, Parameter(help="What entities of it are.")]


@entity_type.command(name="list")
def list_types(*, target: Target = HERE) -> None:
    """List the types."""
    if (answer := fetch(target, "list_entity_types", {})) is not None:
        show_table(
            ("name", "description"), [[one.get("name"), one.get("description")] for one in items(answer["types"])]
        )


@entity_type.command
def show(name: Name, /, *, target: Target = HERE) -> None:
    """Print the JSON Schema of a type."""
    if (found := fetch(target, "get_entity_type", {"name": name})) is not None:
        show_json(found["schema"])


@entity_type.command
def define(
    name: Name,
    schema: Annotated[
        Path, Parameter(help="File with a JSON Schema 2020-12; `-` reads stdin.", allow_leading_hyphen=True)
    ],
    /,
    *,
    description: Description = None,
    target: Target = HERE,
) -> None:
    """Define a type, or replace one; entities that would not fit are named and nothing changes."""
    wanted = given(name=name, description=description)
    wanted["schema"] = parse_object(read_input(schema), "SCHEMA")
    if (made := fetch(target, "define_entity_type", wanted)) is not None:
        note(f"entity type `{made['name']}` is defined")


@entity_type.command
def update(
    name: Name,
    /,
    *,
    schema: Annotated[
        Path | None, Parameter(help="File with the new JSON Schema; `-` reads stdin.", allow_leading_hyphen=True)
    ] = None,
    description: Description = None,
    target: Target = HERE,
) -> None:
    """Change the schema or the description of a type; every entity of it has to fit."""
    wanted = given(name=name, description=description)
    if schema is not None:
        wanted["schema"] = parse_object(read_input(schema), "--schema")
    if (made := fetch(target, "update_entity_type", wanted)) is not None:
        note(f"entity type `{made['name']}` is changed")


@entity_type.command
def delete(name: Name, /, *, yes: Yes = False, target: Target = HERE) -> None:
    """Remove a type that no entity is of."""
    make_sure(f"Remove entity type `{name}`?", yes)
    if fetch(target, "delete_entity_type", {"name": name}) is not None:
        note(f"entity type `{name}` is removed")
