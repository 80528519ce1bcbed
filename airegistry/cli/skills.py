"""`airegistry skill`: agent skills, SKILL.md and its companion files."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.assets import FIRST, Page, show_made, show_page
from airegistry.cli.client import HERE, Target, fetch, given
from airegistry.cli.errors import Usage
from airegistry.cli.labels import NONE, Labels
from airegistry.cli.output import note, one_line, show_text
from airegistry.cli.values import Json, read_input

skill = App("skill", help="Register, list and read agent skills.")


@skill.command
def register(
    path: Annotated[str, Parameter(help="Path it gets in the registry.")],
    source: Annotated[
        str,
        Parameter(
            help="URL of its SKILL.md, at a Git host of its folder too; or a folder or SKILL.md here; `-` reads stdin.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    labels: Labels = NONE,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Register an agent skill; from a folder its companion files come with it."""
    said: Json = {"url": source} if "://" in source else _read(Path(source))
    if (made := fetch(target, "register_skill", {"path": path, **said, **labels.arguments})) is not None:
        show_made(made)


@skill.command(name="list")
def list_skills(*, page: Page = FIRST, target: Target = HERE) -> None:
    """List skills, in order of path."""
    show_page(fetch(target, "list_skills", page.arguments), "skills")


@skill.command
def show(
    path: Annotated[str, Parameter(help="Path of the skill.")],
    file: Annotated[str | None, Parameter(help="One of its companion files, else SKILL.md.")] = None,
    /,
    *,
    target: Target = HERE,
) -> None:
    """Print the text of a skill, or of one of its companion files."""
    found = fetch(target, "get_skill_content", given(path=path, resource=file))
    if found is None:
        return
    show_text(str(found["content"]))
    if file is None and isinstance(names := found["resources"], list) and len(names) > 1:
        note(f"\nfiles of it: {one_line(names)}")


def _read(source: Path) -> Json:
    """A skill on this machine, as the tool takes it.

    Raises:
        Usage: it cannot be read.
    """
    if not source.is_dir():
        return {"content": read_input(source)}
    # The core takes half a second to import, which `--help` must not wait for.
    from airegistry.core.assets import Skill
    from airegistry.core.errors import Invalid
    from airegistry.core.unchecked import SKILL_FILE
    from airegistry.evaluation.sources import read_path

    try:
        found = {each.uri: each for each in read_path(source)}.get((source / SKILL_FILE).as_posix())
    except Invalid as error:
        raise Usage(error.message) from None
    if found is None or not isinstance(found.asset, Skill):
        raise Usage(f"`{source}` holds no {SKILL_FILE}")
    if found.unread:
        note(f"left out, as no text or too long: {one_line([*found.unread])}")
    return {"content": found.asset.content, "files": {**found.asset.files}}
