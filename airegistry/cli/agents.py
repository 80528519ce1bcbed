"""`airegistry agent`: A2A agents and their cards."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.assets import FIRST, Page, show_made, show_page
from airegistry.cli.client import HERE, Target, fetch, given
from airegistry.cli.labels import NONE, Labels
from airegistry.cli.values import Json, parse_object, read_input

agent = App("agent", help="Register and list A2A agents.")


@agent.command
def register(
    path: Annotated[str, Parameter(help="Path it gets in the registry.")],
    source: Annotated[
        str, Parameter(help="URL of its agent card, or a file with it; `-` reads stdin.", allow_leading_hyphen=True)
    ],
    /,
    *,
    labels: Labels = NONE,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Register an A2A agent by its agent card."""
    said: Json = {"url": source} if "://" in source else {"card": parse_object(read_input(Path(source)), "SOURCE")}
    if (made := fetch(target, "register_agent", {"path": path, **said, **labels.arguments})) is not None:
        show_made(made)


@agent.command(name="list")
def list_agents(
    *,
    skill: Annotated[
        str | None, Parameter(help="Only those with a skill of this id, name or tag, as their cards write it.")
    ] = None,
    page: Page = FIRST,
    target: Target = HERE,
) -> None:
    """List agents, in order of path."""
    answer = fetch(target, "list_agents", {**page.arguments, **given(skill=skill)})
    show_page(answer, "agents")
