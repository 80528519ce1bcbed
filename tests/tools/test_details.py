"""What the details of an asset and the files of a skill show beyond the asset itself."""

import json

import pytest

from airegistry.core.git_skills import Pinned, PinnedFile, dumped
from airegistry.core.principals import SYSTEM
from airegistry.core.repository_facts import COLLECTION, Facts, KnownRepository
from tests.support.mcp import call, refused
from tests.tools.wiring import World, put

pytestmark = pytest.mark.anyio
TEXT = "---\nname: pinned\ndescription: Is pinned.\n---\nDo it.\n"
PINNED = Pinned(
    host="git.test", repository="a/b", ref="main", commit="1" * 40, folder="pinned", digest="sha256:0",
    files=[PinnedFile(name="SKILL.md", size=len(TEXT)), PinnedFile(name="logo.png", size=3, kept=False)],
)  # fmt: skip


async def test_a_server_has_a_grade_with_reasons_and_the_facts_of_its_repository(registry: World) -> None:
    await put(registry.services, "server", "graded", repository_url="https://git.test/a/b")
    registry.services.repositories._hosts.repository = lambda url: "git.test/a/b"  # type: ignore[method-assign]
    known = KnownRepository(url="https://git.test/a/b", facts=Facts(stars=7), failures=2)
    await registry.core.store.put(COLLECTION, "git.test/a/b", known.model_dump(mode="json", exclude_none=True))
    async with registry.client("ann") as client:
        shown = await call(client, "get_server_details", path="graded")
        listed = await call(client, "list_services")
    assert shown["repository"] == {"url": "https://git.test/a/b", "facts": {"stars": 7}, "gone": False}
    assert shown["quality"]["grade"] in "BCD"
    assert {reason["aspect"] for reason in shown["quality"]["reasons"]} == {
        "security", "health", "documentation", "maintenance",
    }  # fmt: skip
    assert not any("quality" in server for server in listed["services"])


async def test_a_skill_shows_where_it_is_pinned_and_does_not_hand_out_what_is_no_text(registry: World) -> None:
    await put(registry.services, "skill", "pinned", content=TEXT, pinned=dumped(PINNED))
    async with registry.client("ann") as client:
        read = await call(client, "get_skill_content", path="pinned")
        assert read["pinned"]["commit"] == "1" * 40
        assert [file["name"] for file in read["pinned"]["files"]] == ["SKILL.md", "logo.png"]
        with refused("unsupported"):
            await call(client, "get_skill_content", path="pinned", resource="logo.png")
        with refused("not_found"):
            await call(client, "get_skill_content", path="pinned", resource="other.png")
        (asset,) = await client.read_resource("airegistry://skill/pinned")
    shown = json.loads(asset.text)
    assert shown["pinned"]["repository"] == "a/b"
    assert shown["quality"]["score"] > 0
    assert await registry.services.scans.kept(await registry.services.catalog.get(SYSTEM, "skill", "pinned"))
