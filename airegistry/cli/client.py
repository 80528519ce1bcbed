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
Url = Annotated[
    str | None,
    Parameter(
        help="URL of the registry, else that of the profile, AIREGISTRY_URL, or http://127.0.0.1:8080.", group=REGISTRY
    ),
]
ProfileName = Annotated[
    str | None,
    Parameter(help="A profile of `airegistry profile`, else AIREGISTRY_PROFILE.", group=REGISTRY),
]


@Parameter(name="*", group=REGISTRY)
@dataclass(frozen=True, slots=True)
class Target:
    """The registry a command talks to, and how it prints the answer."""

    url: Url = None
    token_file: Annotated[
        Path | None, Parameter(help="File that holds the bearer token, else AIREGISTRY_TOKEN is used.")
    ] = None
    json: Annotated[bool, Parameter(help="Print the answer as JSON.", show_default=False)] = False
    profile: ProfileName = None


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
    # mcp takes most of a second to import: `version` and `--help` must not wait for it.
    from airegistry.cli.session import Session

    url, file = place_of(target.url, target.profile)
    session = Session(url, anyio.run(token_for, target.token_file or file, url))
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


def place_of(url: str | None, profile: str | None) -> tuple[str, Path | None]:
    """The base URL of the registry that is meant, and the file with its token where its profile names one.

    In this order: the URL, the named profile, that of AIREGISTRY_PROFILE, AIREGISTRY_URL, the current profile, this
    machine's own.

    Raises:
        Usage: both are named, there is no such profile, or the URL cannot be used.
    """
    # pydantic-settings takes long to import: `--help` must not wait for it.
    from airegistry.cli.profiles import load_profiles
    from airegistry.settings import ClientSettings, config_folder

    if url is not None:
        if profile is not None:
            raise Usage("`--url` and `--profile` both say which registry is meant", "leave one of them out")
        return check_url(url), None
    settings = ClientSettings()
    named = profile or settings.profile
    if named is None and "url" in settings.model_fields_set:
        return check_url(settings.url), None
    found = load_profiles(config_folder()).named(named)
    return (check_url(settings.url), None) if found is None else (check_url(found.url), found.token_file)


async def token_for(file: Path | None, url: str) -> str | None:
    """The bearer token for a registry: of the file, of AIREGISTRY_TOKEN, or of the login there.

    Raises:
        Usage: it cannot be read, or cannot be one.
        NoAnswer: the login would have to be refreshed, and no registry answers.
    """
    from airegistry.settings import ClientSettings

    if file is not None:
        return _check_token(_read(file))
    given = ClientSettings().token
    if given and (token := given.get_secret_value()):
        return _check_token(token)
    from airegistry.cli.logins import saved_token

    return _check_token(await saved_token(url))


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
