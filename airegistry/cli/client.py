"""The client's side of every command: where the registry is, as whom, and one tool call."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import anyio
from cyclopts import Group, Parameter
from pydantic import JsonValue

from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import show_json
from airegistry.cli.values import Json, split_url

REGISTRY = Group("Registry", sort_key=10)


@Parameter(name="*", group=REGISTRY)
@dataclass(frozen=True, slots=True)
class Target:
    """The registry a command talks to, and how it prints the answer."""

    url: Annotated[
        str | None, Parameter(help="URL of the registry, else AIREGISTRY_URL, else http://127.0.0.1:8080.")
    ] = None
    token_file: Annotated[
        Path | None, Parameter(help="File that holds the bearer token, else AIREGISTRY_TOKEN is used.")
    ] = None
    json: Annotated[bool, Parameter(help="Print the answer as JSON.", show_default=False)] = False


HERE = Target()


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a tool: its content blocks and its structured content, as they were on the wire."""

    content: list[Json]
    structured: JsonValue

    @property
    def text(self) -> str:
        """The text blocks, one after the other."""
        return "\n".join(str(block.get("text", "")) for block in self.content if block.get("type") == "text")


def ask(target: Target, tool: str, arguments: Json) -> Answer:
    """Call one tool of the registry and wait for its answer.

    Raises:
        Usage: the URL or the token cannot be used.
        NoAnswer: nothing answers there, or not to this caller.
        Refused: the answer is an error.
    """
    # mcp and pydantic-settings take most of a second to import: `version` and `--help` must not wait for them.
    from airegistry.cli.session import Session
    from airegistry.settings import ClientSettings

    settings = ClientSettings() if target.url is None else ClientSettings(url=target.url)
    token = settings.token.get_secret_value() if settings.token else None
    if target.token_file is not None:
        token = _read(target.token_file)
    url = check_url(settings.url)
    if not token and target.token_file is None:
        from airegistry.cli.logins import saved_token

        token = anyio.run(saved_token, url)
    session = Session(url, _check_token(token))
    try:
        return anyio.run(session.call, tool, arguments)
    except Refused as error:
        if target.json and error.structured is not None:
            show_json(error.structured)
        raise


def fetch(target: Target, tool: str, arguments: Json) -> Json | None:
    """Call one tool of the registry: with `--json` print its structured content and return None, else return it.

    Raises:
        Usage, NoAnswer, Refused: see `ask`.
    """
    answer = ask(target, tool, arguments)
    if not isinstance(answer.structured, dict):
        raise Refused("internal", f"{tool} answered without structured content")
    if target.json:
        show_json(answer.structured)
        return None
    return answer.structured


def check_url(url: str) -> str:
    """The registry's base URL; that of its MCP endpoint is understood too.

    Raises:
        Usage: it is no http or https URL, or carries what a base URL does not have.
    """
    parts = split_url(url)
    if parts.username is not None:
        raise Usage("the URL of the registry carries a user", "a token goes into AIREGISTRY_TOKEN or a token file")
    if parts.query or parts.fragment:
        raise Usage(f"`{url}` is not the URL of a registry", "it has no query and no fragment")
    return url.rstrip("/").removesuffix("/mcp")


def given(**arguments: JsonValue | list[str]) -> Json:
    """The arguments that were given: what is None or empty is left to the registry's defaults."""
    said: Json = {}
    for name, value in arguments.items():
        if isinstance(value, list):
            members: list[JsonValue] = [*value]
            said |= {name: members} if members else {}
        elif value is not None:
            said[name] = value
    return said


def items(value: JsonValue) -> list[Json]:
    """The objects of a list in an answer."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"cannot read the token file `{path}`: {error}") from None


def _check_token(token: str | None) -> str | None:
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise Usage("the bearer token holds characters that no token has")
    return token or None
