"""What callers of both eras list and read as resources."""

import hashlib
import json
import logging

import mcp_types
import pytest
from fastmcp.exceptions import McpError
from mcp_types import ErrorData, TextResourceContents

from airegistry.core.principals import SYSTEM
from tests.tools.wiring import McpClient, World, furnished, put, put_skill

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
PUBLIC = [
    "test://first",
    "test://second",
    "airegistry://agent/planner",
    "airegistry://entity/rain",
    "airegistry://virtual_server/bundle",
    "airegistry://server/weather",
    "airegistry://skill/folding",
    "skill://folding/SKILL.md",
    "airegistry://skill/retired-plans",
]
"""What everybody sees, in order."""


async def read(client: McpClient, uri: str) -> tuple[str, str | None]:
    """The one text a resource holds, and its media type."""
    (content,) = await client.read_resource(uri)
    assert isinstance(content, TextResourceContents)
    assert content.uri == uri
    return content.text, content.mime_type


async def refusal(client: McpClient, uri: str) -> ErrorData:
    """The error that a read is answered with."""
    with pytest.raises(McpError) as raised:
        await client.read_resource(uri)
    return raised.value.error


async def listed(client: McpClient) -> list[str]:
    """The URIs of all pages of `resources/list`."""
    return [resource.uri for resource in await client.list_resources()]


@ERAS
async def test_a_list_holds_what_the_caller_may_see(world: World, era: str) -> None:
    async with world.client("ann", era) as client:
        assert await listed(client) == PUBLIC
    async with world.client("bob", era) as client:
        assert set(await listed(client)) - set(PUBLIC) == {
            "airegistry://server/vault",
            "airegistry://skill/secret-plans",
            "skill://secret-plans/SKILL.md",
        }


@ERAS
async def test_pages_follow_each_other_without_gap_or_repetition(era: str) -> None:
    async with furnished(page_size=2) as world, world.client("ann", era) as client:
        assert await listed(client) == PUBLIC
        page = await client.list_resources_mcp()
        pages = [len(page.resources)]
        while page.next_cursor is not None:
            page = await client.list_resources_mcp(cursor=page.next_cursor)
            pages.append(len(page.resources))
        assert pages == [4, 2, 3]


async def test_pages_of_other_providers_come_first() -> None:
    async with furnished(page_size=1) as world, world.client("ann") as client:
        assert await listed(client) == PUBLIC
        first = await client.list_resources_mcp()
        assert [each.uri for each in first.resources] == PUBLIC[:1]


async def test_an_asset_registered_meanwhile_shifts_no_page() -> None:
    async with furnished(page_size=2) as world, world.client("ann") as client:
        first = await client.list_resources_mcp()
        await put(world.services, "agent", "aardvark", card={})
        second = await client.list_resources_mcp(cursor=first.next_cursor)
        assert [each.uri for each in [*first.resources, *second.resources]] == PUBLIC[:6]


async def test_a_page_costs_as_many_assets_as_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    async with furnished(page_size=2) as world, world.client("ann") as client:
        for number in range(20):
            await put(world.services, "agent", f"agent-{number:02}", card={})
        seen: list[str] = []
        decide = world.services.access.decide

        def counted(*args: object, **more: object) -> object:
            seen.append(str(args))
            return decide(*args, **more)  # type: ignore[arg-type]  # passed on as given

        monkeypatch.setattr(world.services.access, "decide", counted)
        page = await client.list_resources_mcp()
        assert len(page.resources) == 4
        assert len(seen) <= 4, "one more than the page is looked at, to know whether there is a next"


@pytest.mark.parametrize("cursor", ["catalog:", "catalog:zzz", "catalog:\x00/x", "nonsense", "eyJvIjogLTF9"])
async def test_a_cursor_of_somebody_else_is_refused(world: World, cursor: str) -> None:
    async with world.client() as client:
        with pytest.raises(McpError) as raised:
            await client.list_resources_mcp(cursor=cursor)
        assert raised.value.error.code == mcp_types.INVALID_PARAMS


async def test_lists_are_for_one_caller_alone(world: World) -> None:
    async with world.client() as client:
        assert (await client.list_resources_mcp()).cache_scope == "private"
        assert (await client.read_resource_mcp("airegistry://server/weather")).cache_scope == "private"


async def test_a_skill_in_the_list_says_what_it_is(world: World) -> None:
    async with world.client() as client:
        found = {resource.uri: resource for resource in await client.list_resources()}
        main, asset = found["skill://folding/SKILL.md"], found["airegistry://skill/folding"]
        assert (main.name, main.mime_type, main.description) == ("folding", "text/markdown", "About folding.")
        assert main.size == len((await read(client, "skill://folding/SKILL.md"))[0].encode())
        assert (asset.name, asset.mime_type) == ("folding", "application/json")


@ERAS
async def test_the_templates_say_how_to_address_what_is_not_listed(world: World, era: str) -> None:
    async with world.client("ann", era) as client:
        templates = await client.list_resource_templates()
    assert [(each.uri_template, each.mime_type) for each in templates] == [
        ("airegistry://{kind}/{path}", "application/json"),
        ("skill://{path}/{file*}", "text/markdown"),
    ]


@ERAS
@pytest.mark.parametrize("uri", [uri for uri in PUBLIC if uri.startswith("airegistry:")])
async def test_an_asset_reads_as_the_json_the_tools_answer_with(world: World, era: str, uri: str) -> None:
    async with world.client("ann", era) as client:
        body, media_type = await read(client, uri)
    asset = json.loads(body)
    assert media_type == "application/json"
    assert f"airegistry://{asset['kind']}/{asset['path']}" == uri
    assert asset.keys() >= {"name", "description", "enabled", "stage", "version", "endpoint"}
    assert "content" not in asset


async def test_an_asset_shows_only_the_tools_that_the_caller_may_see(world: World) -> None:
    names = {}
    for subject in ("ann", "cat"):
        async with world.client(subject) as client:
            asset = json.loads((await read(client, "airegistry://server/weather"))[0])
        names[subject] = [tool["name"] for tool in asset["tools"]]
        assert asset["endpoint"] == "http://registry.test/weather/mcp"
        assert all("inputSchema" in tool for tool in asset["tools"])
    assert names == {"ann": ["forecast", "archive"], "cat": ["forecast"]}


@ERAS
async def test_a_skill_reads_with_its_companions_byte_by_byte(world: World, era: str) -> None:
    content = await put_skill(world.services, "paper", files={"a#b?.txt": "\ufeffodd\r\n", "sub/größe.md": "groß"})
    async with world.client("ann", era) as client:
        assert await read(client, "skill://paper/SKILL.md") == (content, "text/markdown")
        assert await read(client, "skill://paper/a%23b%3F.txt") == ("\ufeffodd\r\n", "text/plain")
        assert await read(client, "skill://paper/sub/gr%C3%B6%C3%9Fe.md") == ("groß", "text/markdown")


async def test_the_manifest_lists_the_files_with_size_and_hash(world: World) -> None:
    async with world.client() as client:
        body, media_type = await read(client, "skill://folding/_manifest")
        manifest = json.loads(body)
        assert (media_type, manifest["skill"]) == ("application/json", "folding")
        assert [file["path"] for file in manifest["files"]] == ["SKILL.md", "fold.py", "notes/how to.md"]
        script = manifest["files"][1]
        content = (await read(client, "skill://folding/fold.py"))[0].encode()
        assert (script["size"], script["hash"]) == (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")


async def test_a_companion_named_manifest_is_served_in_place_of_the_made_one(world: World) -> None:
    await put_skill(world.services, "packer", files={"_manifest": "mine"})
    async with world.client() as client:
        assert await read(client, "skill://packer/_manifest") == ("mine", "text/plain")


async def test_a_skill_under_another_path_than_its_name_reads_in_both_folders(world: World) -> None:
    content = await put_skill(world.services, "team.maps", name="maps", files={"key.md": "Key", "maps/key.md": "Inner"})
    async with world.client() as client:
        for folder in ("skill://team.maps/", "skill://team.maps/maps/"):
            assert (await read(client, f"{folder}SKILL.md"))[0] == content
        assert (await read(client, "skill://team.maps/key.md"))[0] == "Key"
        assert (await read(client, "skill://team.maps/maps/key.md"))[0] == "Key"
        assert (await read(client, "skill://team.maps/maps/maps/key.md"))[0] == "Inner"


@ERAS
@pytest.mark.parametrize(
    "uri",
    [
        "airegistry://server/vault",
        "airegistry://server/no-such",
        "airegistry://agent/weather",
        "airegistry://tool/weather",
        "airegistry://server/weather/",
        "airegistry://server//weather",
        "airegistry://server/%77eather",
        "airegistry://server/weather?x=1",
        "airegistry://server",
        "skill://secret-plans/SKILL.md",
        "skill://secret-plans/_manifest",
        "skill://retired-plans/SKILL.md",
        "skill://no-such/SKILL.md",
        "skill://folding/no-such.md",
        "skill://folding/..%2Ffolding%2FSKILL.md",
        "skill://folding/notes",
        "skill://folding/",
        "skill://folding/SKILL.md?x=1",
        "skill://weather/SKILL.md",
        "other://folding/SKILL.md",
    ],
)
async def test_what_is_hidden_and_what_does_not_exist_read_the_same(world: World, era: str, uri: str) -> None:
    async with world.client("ann", era) as client:
        error = await refusal(client, uri)
    assert error == ErrorData(code=mcp_types.INVALID_PARAMS, message=f"Resource not found: {uri!r}", data={"uri": uri})


async def test_a_member_of_the_group_reads_what_others_do_not(world: World) -> None:
    async with world.client("bob") as client:
        assert json.loads((await read(client, "airegistry://server/vault"))[0])["path"] == "vault"
        assert "of secret-plans" in (await read(client, "skill://secret-plans/SKILL.md"))[0]


async def test_a_deleted_skill_is_gone_at_once(world: World) -> None:
    async with world.client() as client:
        await read(client, "skill://folding/SKILL.md")
        await world.services.catalog.delete(SYSTEM, "skill", "folding")
        assert (await refusal(client, "skill://folding/SKILL.md")).code == mcp_types.INVALID_PARAMS
        assert "skill://folding/SKILL.md" not in await listed(client)


@ERAS
async def test_who_sees_an_asset_but_may_not_read_it_is_told_so(
    world: World, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("fastmcp")
    logger.addHandler(caplog.handler)
    try:
        async with world.client("dan", era) as client:
            assert "airegistry://server/weather" in await listed(client)
            error = await refusal(client, "airegistry://server/weather")
    finally:
        logger.removeHandler(caplog.handler)
    assert (error.code, error.data["code"]) == (-32003, "access_denied")
    assert error.data["missing"]
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@ERAS
@pytest.mark.parametrize("uri", ["airegistry://server/weather", "skill://folding/SKILL.md", "airegistry://server/none"])
async def test_nobody_reads_nothing(world: World, era: str, uri: str) -> None:
    async with world.client("nobody", era) as client:
        assert (await refusal(client, uri)).data == {"code": "unauthenticated"}
        with pytest.raises(McpError) as raised:
            await client.list_resources()
        assert raised.value.error.data == {"code": "unauthenticated"}


@ERAS
async def test_resources_of_other_providers_stay_readable(world: World, era: str) -> None:
    async with world.client("ann", era) as client:
        assert (await read(client, "test://second"))[0] == "second"


async def test_a_named_component_version_is_none_of_the_catalogs(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(McpError):
            await client.read_resource("airegistry://server/weather", version="2.0")
