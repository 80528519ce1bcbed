"""What a `server.json` says of reaching a server: its packages as launch recipes, its remotes as URLs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.server_forms import objects, text

MAX_ARGUMENTS = 256
_BRACES = re.compile(r"\{([^{}]*)\}")
_RUNNERS = {"npm": "npx", "pypi": "uvx", "oci": "docker", "nuget": "dnx", "go": "go"}
_ASKING = frozenset({"value", "default", "description", "placeholder", "choices", "format", "variables"})
"""An argument with none of these members is not asked for: it is a flag."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a package is started on its user's machine; `command` is None where no command does it (mcpb)."""

    command: str | None
    args: Sequence[str]
    env: Sequence[str]


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a server answers; variables without a value or default stand in the URL, in braces."""

    transport: str
    url: str

    @property
    def complete(self) -> bool:
        """Whether nothing of the URL is left to be filled in."""
        return "{" not in self.url


def remotes_of(document: Json) -> list[Remote]:
    """The remotes of a document, those that nothing is left to fill in of first, streamable HTTP before SSE."""
    found = [
        Remote(transport, filled(url, remote.get("variables")))
        for remote in objects(document.get("remotes"))
        if (transport := text(remote.get("type"))) in ("streamable-http", "sse") and (url := text(remote.get("url")))
    ]
    return sorted(found, key=lambda remote: (not remote.complete, remote.transport == "sse"))


def recipes_of(document: Json) -> list[Recipe]:
    """How the packages of a document are started, those that a command starts first."""
    recipes = [recipe for package in objects(document.get("packages")) if (recipe := _recipe(package)) is not None]
    return sorted(recipes, key=lambda recipe: recipe.command is None)


def filled(template: str, variables: JsonValue) -> str:
    """A template with the values, or defaults, of its variables; one that has none stays as it is."""
    known = variables if isinstance(variables, dict) else {}

    def value(found: re.Match[str]) -> str:
        variable = known.get(found[1])
        said = text(variable.get("value")) or text(variable.get("default")) if isinstance(variable, dict) else ""
        return said or found[0]

    return _BRACES.sub(value, template)


def _recipe(package: Json) -> Recipe | None:
    kind, identifier = text(package.get("registryType")), text(package.get("identifier"))
    if not identifier or identifier.startswith("-"):  # its runner would take that for an option
        return None
    env = [name for item in objects(package.get("environmentVariables")) if (name := text(item.get("name")))]
    env = [*dict.fromkeys(env)][:MAX_ARGUMENTS]
    runtime = list(_arguments(package.get("runtimeArguments")))
    own = list(_arguments(package.get("packageArguments")))
    command = text(package.get("runtimeHint")) or _RUNNERS.get(kind)
    if kind == "mcpb":
        return Recipe(None, [], env)
    if kind == "cargo":  # installed once, then started by the name of its program
        return Recipe(command or identifier, [*runtime, *own], env)
    if command is None:
        return None
    what = _named(kind, identifier, text(package.get("version")))
    return Recipe(command, [*_runtime(command, runtime, env), what, *_handed(command, own)], env)


def _named(kind: str, identifier: str, version: str) -> str:
    """A package in its version, as its runner takes it. An image names its version itself, by now."""
    if not version:
        return identifier
    if kind == "pypi":
        return f"{identifier}=={version}"
    if kind == "oci":
        return identifier if "@" in identifier or ":" in identifier.rpartition("/")[2] else f"{identifier}:{version}"
    return f"{identifier}@{version}"


def _runtime(command: str, given: Sequence[str], env: Sequence[str]) -> list[str]:
    """What the runner is told: not to ask; a container also to talk, to go when it ends, and its variables."""
    if command == "npx":
        return [*given] if {"-y", "--yes"} & {*given} else ["-y", *given]
    if command == "dnx":
        return [*given] if "--yes" in given else [*given, "--yes"]
    if command == "go":
        return ["run", *given[given[:1] == ["run"] :]]
    if command == "docker":
        rest = given[given[:1] == ["run"] :]
        flags = [flag for flag in ("-i", "--rm") if flag not in rest]
        told = {word.removeprefix("--env=").removeprefix("-e").partition("=")[0] for word in rest}
        passed = [part for name in env if name not in told for part in ("-e", name)]
        return ["run", *flags, *passed, *rest]
    return [*given]


def _handed(command: str, own: Sequence[str]) -> list[str]:
    """What the server itself is told; dnx wants to know where that begins."""
    return ["--", *own] if command == "dnx" and own else [*own]


def _arguments(value: JsonValue) -> Iterator[str]:
    """Arguments as words; what the user has to fill in stands in braces, what he may leave out is left out."""
    for argument in objects(value)[:MAX_ARGUMENTS]:
        name = text(argument.get("name"))
        said = filled(text(argument.get("value")) or text(argument.get("default")), argument.get("variables"))
        needed = argument.get("isRequired") is True
        if not said and needed:
            said = f"{{{text(argument.get('valueHint')) or name.lstrip('-') or 'value'}}}"
        if argument.get("type") != "named" or not name:
            yield from [said] if said else []
        elif not said:
            yield from [] if _ASKING & argument.keys() else [name]
        elif said == name:
            yield name
        else:
            yield from [f"{name}={said}"] if name.startswith("--") else [name, said]
