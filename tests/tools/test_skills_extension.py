"""What modern clients get of SEP-2640, compared with what they read."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest
from fastmcp.exceptions import McpError
from mcp_types import TextResourceContents

from airegistry.core.assets import Json
from tests.support import node
from tests.support.asgi import serve
from tests.tools.wiring import World, furnished, put_skill

pytestmark = pytest.mark.anyio


async def skills(world: World, subject: str = "ann") -> list[dict[str, Any]]:
    """All pages of `skills/list`."""
    found: list[dict[str, Any]] = []
    params: Json = {}
    while True:
        result = (await world.ask("skills/list", params, subject=subject))["result"]
        found += result["skills"]
        if "nextCursor" not in result:
            return found
        params = {"cursor": result["nextCursor"]}


async def uris(world: World, subject: str = "ann") -> list[str]:
    return [skill["uri"] for skill in await skills(world, subject)]


async def test_a_modern_server_declares_the_extension(world: World) -> None:
    capabilities = (await world.ask("server/discover"))["result"]["capabilities"]
    assert capabilities["extensions"]["io.modelcontextprotocol/skills"] == {}


async def test_the_list_holds_the_enabled_skills_that_the_caller_may_see(world: World) -> None:
    assert await uris(world, "ann") == ["skill://folding/SKILL.md"]
    assert await uris(world, "bob") == ["skill://folding/SKILL.md", "skill://secret-plans/SKILL.md"]


async def test_sizes_and_digests_are_those_of_what_is_read(world: World) -> None:
    await put_skill(world.services, "team.maps", name="maps", files={"a#b?.txt": "\ufeffodd\r\n", "sub/größe.md": "ß"})
    resources = [resource for skill in await skills(world) for resource in skill["resources"]]
    assert len(resources) == 6
    async with world.client() as client:
        for resource in resources:
            (content,) = await client.read_resource(resource["uri"])
            assert isinstance(content, TextResourceContents)
            text = content.text.encode()
            assert resource["size"] == len(text)
            assert resource["digest"] == f"sha256:{hashlib.sha256(text).hexdigest()}"


async def test_an_entry_carries_the_frontmatter_as_it_was_written(world: World) -> None:
    await put_skill(world.services, "sailing", more="license: MIT\nmetadata:\n  author: Ann\n")
    entry = next(skill for skill in await skills(world) if skill["uri"] == "skill://sailing/SKILL.md")
    assert entry["frontmatter"] == {
        "name": "sailing",
        "description": "About sailing.",
        "license": "MIT",
        "metadata": {"author": "Ann"},
    }


async def test_a_skill_under_another_path_is_listed_in_a_folder_of_its_name(world: World) -> None:
    await put_skill(world.services, "team.maps", name="maps", files={"key.md": "Key"})
    entry = (await world.ask("skills/get", {"uri": "skill://team.maps/maps/SKILL.md"}))["result"]["skill"]
    assert entry["uri"] in await uris(world)
    assert [resource["uri"] for resource in entry["resources"]] == [
        "skill://team.maps/maps/SKILL.md",
        "skill://team.maps/maps/key.md",
    ]


async def test_the_name_in_the_frontmatter_counts_and_not_the_assets(world: World) -> None:
    await put_skill(world.services, "sailing", governance={"name": "How we sail"})
    assert "skill://sailing/SKILL.md" in await uris(world)
    async with world.client() as client:
        names = {resource.uri: resource.name for resource in await client.list_resources()}
    assert names["skill://sailing/SKILL.md"] == "sailing"


async def test_pages_follow_each_other_without_gap_or_repetition() -> None:
    async with furnished(page_size=2) as world:
        for number in range(5):
            await put_skill(world.services, f"skill-{number}")
        first = (await world.ask("skills/list"))["result"]
        assert len(first["skills"]) == 2
        assert await uris(world) == ["skill://folding/SKILL.md"] + [f"skill://skill-{n}/SKILL.md" for n in range(5)]


async def test_a_skill_that_does_not_fit_the_specification_is_left_out_with_a_line_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await put_skill(world.services, "tagged", more="allowed-tools: [Bash, Read]\n")
    with caplog.at_level(logging.WARNING, "airegistry"):
        assert await uris(world) == ["skill://folding/SKILL.md"]
    assert "skill tagged is not offered by skills/list" in caplog.text
    assert "allowed-tools must be a string" in caplog.text
    assert "error" in await world.ask("skills/get", {"uri": "skill://tagged/SKILL.md"})


async def test_get_answers_with_the_entry_of_the_list(world: World) -> None:
    (listed,) = await skills(world)
    result = (await world.ask("skills/get", {"uri": "skill://folding/SKILL.md"}))["result"]
    assert result["skill"] == listed
    assert result["cacheScope"] == "private"


@pytest.mark.parametrize(
    "uri",
    [
        "skill://secret-plans/SKILL.md",
        "skill://retired-plans/SKILL.md",
        "skill://no-such/SKILL.md",
        "skill://folding/fold.py",
        "skill://folding/folding/SKILL.md",
        "skill://folding/%53KILL.md",
        "skill://weather/SKILL.md",
        "airegistry://skill/folding",
        "",
    ],
)
async def test_a_skill_that_is_hidden_disabled_or_not_there_is_unknown(world: World, uri: str) -> None:
    answer = await world.ask("skills/get", {"uri": uri})
    assert answer["error"] == {"code": mcp_types.INVALID_PARAMS, "message": f"Unknown skill URI: {uri}"}


async def test_a_cursor_of_somebody_else_is_refused(world: World) -> None:
    error = (await world.ask("skills/list", {"cursor": "nonsense"}))["error"]
    assert (error["code"], error["data"]["code"]) == (mcp_types.INVALID_PARAMS, "invalid")


@pytest.mark.parametrize(
    ("method", "params"), [("skills/list", {}), ("skills/get", {"uri": "skill://folding/SKILL.md"})]
)
async def test_nobody_gets_nothing(world: World, method: str, params: Json) -> None:
    answer = await world.ask(method, params, subject="nobody")
    assert answer["error"]["data"] == {"code": "unauthenticated"}


async def test_the_older_era_knows_no_such_method_and_reads_skills_as_resources(world: World) -> None:
    async with world.client("ann", "legacy") as client:
        request = mcp_types.Request[dict[str, str], str](method="skills/list", params={})
        with pytest.raises(McpError) as raised:
            await client.session.send_request(request, mcp_types.EmptyResult)
        assert raised.value.error.code == mcp_types.METHOD_NOT_FOUND
        assert await client.read_resource("skill://folding/SKILL.md")


@pytest.mark.node
async def test_the_inspector_verifies_every_listed_skill(world: World, tmp_path: Path) -> None:
    node.require_node()
    await put_skill(world.services, "team.maps", name="maps", files={"a#b?.txt": "\ufeffodd\r\n", "sub/größe.md": "ß"})
    async with serve(world.server.app) as url:
        command = [
            str(node.MODULES / ".bin" / "mcp-inspector"), "--cli", "--server-url", f"{url}/mcp", "--transport", "http",
            "--protocol-era", "modern", "--header", "x-test-subject: ann", "--method", "skills/list", "--verify",
        ]  # fmt: skip
        with anyio.fail_after(60):
            done = await anyio.run_process(command, env=node.env(tmp_path), check=False)
    assert done.returncode == 0, f"{done.stdout.decode()}\n{done.stderr.decode()}"
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(report["uri"], report["outcome"], report["conformance"]) for report in reports] == [
        ("skill://folding/SKILL.md", "verified", []),
        ("skill://team.maps/maps/SKILL.md", "verified", []),
    ]
