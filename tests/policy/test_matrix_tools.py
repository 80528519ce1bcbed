"""The same matrix where models meet it: the registry's own tools, resources and completions, over MCP."""

from collections.abc import Iterable

import pytest
from pydantic import JsonValue

from airegistry.core.assets import Json
from tests.policy.reference import Thing
from tests.policy.surface import Surface, served
from tests.policy.world import SERVERS, THINGS, TOOLS, Held, Matrix, agree, furnished

pytestmark = pytest.mark.anyio
KINDS_ASKED = ("user with", "narrowed from", "owner with", "nobody beside administrator")
LISTS = {
    "server": ("list_services", "services"),
    "agent": ("list_agents", "agents"),
    "skill": ("list_skills", "skills"),
    "virtual_server": ("list_virtual_servers", "virtual_servers"),
}


@pytest.fixture
async def matrix() -> Matrix:
    return await furnished()


def some(matrix: Matrix) -> Iterable[Held]:
    """The callers whose rights differ most: each costs some dozen requests."""
    return [held for held in matrix.callers if held.name.startswith(KINDS_ASKED)]


def objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    assert isinstance(value, list)
    return [each for each in value if isinstance(each, dict)]


def values(value: JsonValue, member: str) -> set[str]:
    return {str(each[member]) for each in objects(value)}


async def test_lists_resources_completions_and_counts_hold_what_the_caller_may_know_of(matrix: Matrix) -> None:
    differences, cases = [], 0
    async with served(matrix.world.services) as surface:
        for held in some(matrix):
            known = [it for it in THINGS.values() if matrix.reference.knows(held.caller, it)]
            for kind, (name, member) in LISTS.items():
                shown = values((await surface.tool(held.who, name))[member], "path")
                expected = {it.path for it in known if it.kind == kind}
                differences += [f"{held.name}: {name} with {path}" for path in shown ^ expected]
                cases += 3
            listed = values((await surface.result(held.who, "resources/list", {}))["resources"], "uri")
            uris = {uri for uri in listed if uri.startswith("airegistry://")}
            differences += [
                f"{held.name}: {uri}" for uri in uris ^ {f"airegistry://{it.kind}/{it.path}" for it in known}
            ]
            count = (await surface.tool(held.who, "healthcheck"))["assets"]
            differences += [f"{held.name}: count"] if count != len(known) else []
            completed = await completions(surface, held)
            differences += [f"{held.name}: completion {path}" for path in completed ^ {it.path for it in known}]
            cases += 2 * len(THINGS) + 1
    agree(differences, cases, 2500)


async def completions(surface: Surface, held: Held) -> set[str]:
    """Every path that is offered for the template of assets."""
    params: Json = {
        "ref": {"type": "ref/resource", "uri": "airegistry://{kind}/{path}"},
        "argument": {"name": "path", "value": ""},
    }
    completion = (await surface.result(held.who, "completion/complete", params))["completion"]
    assert isinstance(completion, dict)
    found = completion["values"]
    assert isinstance(found, list)
    return {str(path) for path in found}


def code_of(answer: dict[str, JsonValue]) -> str:
    return {"not_found": "hidden", "access_denied": "no"}.get(str(answer.get("code")), "yes")


async def test_details_searches_calls_and_explanations_are_those_of_the_reference(matrix: Matrix) -> None:
    differences, cases = [], 0
    async with served(matrix.world.services) as surface:
        for held in some(matrix):
            for it in SERVERS:
                differences += [f"{held.name}: {each}" for each in await server_differences(surface, matrix, held, it)]
                cases += 3 + 2 * len(TOOLS)
            found = objects((await surface.tool(held.who, "search_registry", query="rain", kinds=["tool"]))["results"])
            shown = {(str(each["server"]), str(each["tool"])) for each in found}
            seen = {(it.path, tool) for it in SERVERS for tool in TOOLS if sees(matrix, held, it, tool)}
            differences += [f"{held.name}: search for {each}" for each in shown ^ seen]
            cases += len(SERVERS) * len(TOOLS)
    agree(differences, cases, 2000)


def sees(matrix: Matrix, held: Held, it: Thing, tool: str) -> bool:
    return matrix.reference.knows(held.caller, it) and matrix.reference.sees_part(held.caller, it, tool)


async def server_differences(surface: Surface, matrix: Matrix, held: Held, it: Thing) -> list[str]:
    """Where the tools answer otherwise than the reference about one server."""
    reference, differences = matrix.reference, []
    details = await surface.tool(held.who, "get_server_details", path=it.path)
    readable = reference.asks(held.caller, "read", it)
    if code_of(details) != readable:
        differences.append(f"details of {it.path}")
    if readable == "yes":
        seen = {tool for tool in TOOLS if sees(matrix, held, it, tool)}
        differences += [f"{tool} in the details" for tool in values(details["tools"], "name") ^ seen]
    read = await surface.result(held.who, "resources/read", {"uri": f"airegistry://server/{it.path}"})
    if ("contents" in read) != (readable == "yes"):
        differences.append(f"resource of {it.path}")
    changed = await surface.tool(held.who, "update_asset", kind="server", path=it.path, changes={})
    if code_of(changed) != reference.asks(held.caller, "update", it):
        differences.append(f"update of {it.path}")
    for tool in TOOLS:
        expected = reference.sends(held.caller, it, "tools/call", tool)
        explained = await surface.tool(
            held.who, "explain_access", subject="me", action="tools/call", asset=it.path, tool=tool
        )
        if explained.get("allowed", False) is not (expected == "yes"):
            differences.append(f"explanation of {tool} of {it.path}")
        called = await surface.result(
            held.who, "tools/call", {"name": "call_tool", "arguments": {"server": it.path, "tool": tool}}
        )
        answered = called.get("structuredContent")
        if code_of(answered if isinstance(answered, dict) else {}) != expected:
            differences.append(f"call of {tool} of {it.path}")
    return differences
