"""What a JSON document is: tools, an agent card, a `server.json` of the MCP Registry, or the settings of a client."""

from pydantic import JsonValue

from airegistry.core.assets import Json, Server
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset
from airegistry.core.unchecked import unchecked_agent, unchecked_server

RUNNERS = {"npm": "npx", "pypi": "uvx", "oci": "docker", "nuget": "dnx"}
"""What runs a package of a type, where `server.json` does not say."""


def recognised(value: JsonValue, name: str) -> list[AnyAsset]:
    """The assets that a JSON document holds; `name` is for a server that has none.

    Raises:
        Invalid: it is none of the documents that are known here.
    """
    if isinstance(value, list):
        return [unchecked_server(name, {}, _objects(value, "tools"))]
    if not isinstance(value, dict):
        raise Invalid("the document is neither an object nor a list")
    if isinstance(value.get("mcpServers"), dict):
        return [*_configured(value["mcpServers"])]
    if "packages" in value or "remotes" in value:
        return [*_published(value)]
    if isinstance(value.get("server"), dict) and {"packages", "remotes"} & {*_object(value["server"])}:
        return [*_published(_object(value["server"]))]
    if isinstance(result := value.get("result"), dict) and "tools" in result:  # the answer to `tools/list` as it was
        value = result
    if isinstance(value.get("tools"), list):
        return [_described(value, name)]
    if "inputSchema" in value:
        return [unchecked_server(name, {}, [value])]
    if {"skills", "supportedInterfaces", "capabilities", "defaultInputModes"} & value.keys():
        return [unchecked_agent(value)]
    raise Invalid("the document is no list of tools, agent card, server.json or client settings")


def _described(value: Json, name: str) -> Server:
    """A server by its lists, as `tools/list` gives them."""
    stated = value.get("name") or value.get("server")
    lists = {each: _objects(value.get(each) or [], each) for each in ("tools", "prompts", "resources")}
    instructions = value.get("instructions")
    return unchecked_server(
        stated if isinstance(stated, str) else name,
        {"instructions": instructions} if isinstance(instructions, str) else {},
        lists["tools"], prompts=lists["prompts"], resources=lists["resources"],
    )  # fmt: skip


def _configured(servers: JsonValue) -> list[Server]:
    """The servers of a client's settings: a recipe or a URL each."""
    found: list[Server] = []
    for name, stated in _object(servers).items():
        recipe = _object(stated)
        command, url = recipe.get("command"), recipe.get("url")
        fields: Json = {"url": url} if isinstance(url, str) else {}
        if isinstance(command, str):
            env = recipe.get("env")
            fields = {
                "transport": "stdio", "command": command, "args": [*_texts(recipe.get("args"))],
                "env": [*env] if isinstance(env, dict) else [],
            }  # fmt: skip
        found.append(unchecked_server(name, fields, []))
    return found


def _published(document: Json) -> list[Server]:
    """The recipes of a `server.json`, one a package, and its remotes."""
    name = document.get("name")
    said = {each: document[each] for each in ("description", "title", "version") if isinstance(document.get(each), str)}
    named = name if isinstance(name, str) else "server"
    packages, remotes = (_objects(document.get(each) or [], each) for each in ("packages", "remotes"))
    found = [unchecked_server(named, {**said, **_recipe(package)}, []) for package in packages]
    for remote in remotes:
        url = remote.get("url")
        found.append(unchecked_server(named, {**said, "url": url if isinstance(url, str) else None}, []))
    return found or [unchecked_server(named, said, [])]


def _recipe(package: Json) -> Json:
    """A package as the command that a client would run."""
    kind, hint = package.get("registryType"), package.get("runtimeHint")
    identifier, version = package.get("identifier"), package.get("version")
    command = hint if isinstance(hint, str) else RUNNERS.get(str(kind), str(kind))
    wanted = f"{identifier}@{version}" if version else str(identifier)
    before, after = (_arguments(package.get(each)) for each in ("runtimeArguments", "packageArguments"))
    variables = _objects(package.get("environmentVariables") or [], "environmentVariables")
    args: list[JsonValue] = [*before, wanted, *after]
    return {
        "transport": "stdio", "command": command, "args": args,
        "env": [str(each["name"]) for each in variables if "name" in each],
    }  # fmt: skip


def _arguments(stated: JsonValue) -> list[str]:
    """Arguments as they stand on the command line: a name, a value, or both."""
    found: list[str] = []
    for each in _objects(stated or [], "arguments"):
        found += [str(each[part]) for part in ("name", "value") if each.get(part)]
    return found


def _objects(value: JsonValue, what: str) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Invalid(f"{what} is no list of objects")
    return [each for each in value if isinstance(each, dict)]


def _object(value: JsonValue) -> Json:
    return value if isinstance(value, dict) else {}


def _texts(value: JsonValue) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
