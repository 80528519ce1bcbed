"""`airegistry connect`: tell an MCP client where the registry is."""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from airegistry.cli.client import ProfileName, Url, place_of
from airegistry.cli.client_forms import CODEX, FORMS, Client, codex_table, command_of, merged
from airegistry.cli.errors import Usage
from airegistry.cli.output import note, show_text
from airegistry.cli.values import Json, parse_object

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def connect(
    client: Annotated[Client, Parameter(help="The MCP client.")],
    /,
    *,
    server: Annotated[str | None, Parameter(help="Path of one registered server, else the registry itself.")] = None,
    name: Annotated[str | None, Parameter(help="What the client calls it, else airegistry or the path.")] = None,
    token: Annotated[
        bool, Parameter(help="With a token from the client's environment; else it logs in.", show_default=False)
    ] = False,
    write: Annotated[
        bool, Parameter(help="Write the client's file, and keep the one before beside it.", show_default=False)
    ] = False,
    project: Annotated[
        bool, Parameter(help="The file of the project in this folder, not the person's.", show_default=False)
    ] = False,
    url: Url = None,
    profile: ProfileName = None,
) -> None:
    """Print what connects a client to the registry, or write it into the client's configuration."""
    place = f"{place_of(url, profile)[0]}/{f'{server}/' if server else ''}mcp"
    called = name or server or "airegistry"
    if not _NAME.fullmatch(called):
        raise Usage(f"`{called}` is no name for a client", "choose one of letters, digits, `-` and `_` with `--name`")
    if not write:
        command = command_of(client, called, place, token=token)
        show_text(command or json.dumps(FORMS[client].document(called, place, token=token), indent=2))
        if command is None:
            note(f"\nthis goes into `{_file(client, project)}`; `--write` puts it there")
    elif client == "codex":
        _write_codex(_file(client, project), called, codex_table(called, place, token=token))
    else:
        _write_json(_file(client, project), FORMS[client].document(called, place, token=token))


def _file(client: Client, project: bool) -> Path:
    """The file that the client reads: of the person where it has one, else of the project."""
    if client == "codex":
        return Path(CODEX) if project else Path.home() / CODEX
    form = FORMS[client]
    return Path(form.project) if project or form.home is None else Path.home() / form.home


def _write_json(file: Path, added: Json) -> None:
    text = _read(file)
    try:
        before = parse_object(text, str(file)) if text.strip() else {}
    except Usage as error:
        raise Usage(
            f"`{file}` is not touched: {error.message}", "run it without `--write`, and put that there by hand"
        ) from None
    after = merged(before, added)
    if after == before:
        note(f"`{file}` has it already")
    else:
        _replace(file, text, json.dumps(after, indent=2, ensure_ascii=False) + "\n")


def _write_codex(file: Path, name: str, table: str) -> None:
    text = _read(file)
    try:
        known = tomllib.loads(text).get("mcp_servers", {})
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"`{file}` is not touched: it is no TOML: {error}") from None
    if name not in known:
        _replace(file, text, f"{text.rstrip()}\n\n{table}" if text.strip() else table)
    elif known[name] == tomllib.loads(table)["mcp_servers"][name]:
        note(f"`{file}` has it already")
    else:
        raise Usage(f"`{file}` has another server `{name}`", f"run `codex mcp remove {name}`, or choose a `--name`")


def _read(file: Path) -> str:
    """The text of a file; that of none is empty."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"cannot read `{file}`: {error}") from None


def _replace(file: Path, before: str, after: str) -> None:
    """Put a text in a file's place in one step; the text before stays beside it, and who may read it is as it was.

    Raises:
        Usage: it cannot be written.
    """
    # A link stays one, and what it leads to is changed.
    place = file.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o600
        if before:
            backup = _free(place)
            _create(backup, before, mode)
            note(f"kept the file before as `{backup}`")
        fresh = place.with_name(f"{place.name}.{os.getpid()}.new")
        _create(fresh, after, mode)
        fresh.replace(place)
    except OSError as error:
        raise Usage(f"cannot write `{file}`: {error}") from None
    note(f"wrote `{file}`")


def _free(file: Path) -> Path:
    """A name beside a file that no other back-up of it has."""
    number = 0
    while (found := file.with_name(f"{file.name}.bak{number or ''}")).exists():
        number += 1
    return found


def _create(file: Path, text: str, mode: int) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as opened:
        opened.write(text)
