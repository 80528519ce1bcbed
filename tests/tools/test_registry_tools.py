"""What the registry's tools answer with and refuse, in memory; `tests/contract` has them in a started process."""

import pytest

from airegistry.core.grants import Grant, Scope
from airegistry.core.principals import SYSTEM
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World, put_skill

pytestmark = pytest.mark.anyio


async def ask(world: World, subject: str, tool: str, /, **arguments: object) -> Json:
    """What a tool answers one caller."""
    async with world.client(subject) as client:
        return await call(client, tool, **arguments)


async def test_a_skill_is_read_with_its_companions(registry: World) -> None:
    main = await ask(registry, "ann", "get_skill_content", path="/folding")
    assert (main["path"], main["resource"]) == ("folding", "SKILL.md")
    assert main["content"].endswith("# Größe\r\nof folding\n")
    assert main["resources"] == ["SKILL.md", "fold.py", "notes/how to.md"]
    companion = await ask(registry, "ann", "get_skill_content", path="folding", resource="fold.py")
    assert (companion["content"], companion["hash"]) == ("print('ü')\n", main["hash"])
    with refused("not_found"):
        await ask(registry, "ann", "get_skill_content", path="folding", resource="../folding/SKILL.md")


async def test_a_disabled_skill_is_read_by_whoever_may_change_it_only(registry: World) -> None:
    for subject in ("ann", "bob"):
        for resource in (None, "SKILL.md", "no-such.md"):
            with refused("not_found") as failure:
                await ask(registry, subject, "get_skill_content", path="retired-plans", resource=resource)
            assert "disabled" in failure.value.content["message"]
    content = (await ask(registry, "operator", "get_skill_content", path="retired-plans"))["content"]
    assert "of retired-plans" in content
    await registry.services.policy.put_scope(
        SYSTEM, Scope(name="forecasts", grants=[Grant(assets=["retired-plans"], actions=["read", "update"])])
    )
    assert (await ask(registry, "cat", "get_skill_content", path="retired-plans"))["content"] == content


async def test_a_skill_that_its_scan_holds_is_not_handed_to_a_model(registry: World) -> None:
    await put_skill(registry.services, "held", files={"more.md": "harmless\u202egnihtemos"})
    with refused("scan_failed") as failure:
        await ask(registry, "ann", "get_skill_content", path="held")
    assert "of held" not in str(failure.value.content)
    assert await ask(registry, "operator", "get_skill_content", path="held")


async def test_a_skill_that_may_not_be_seen_reads_like_one_that_is_not_there(registry: World) -> None:
    messages = set()
    for path in ("secret-plans", "no-such"):
        with refused("not_found") as failure:
            await ask(registry, "ann", "get_skill_content", path=path)
        messages.add(failure.value.content["message"].replace(path, "PATH"))
    assert len(messages) == 1


async def test_a_live_server_with_two_tools_of_one_name_is_not_registered(registry: World) -> None:
    registry.core.server("tides", ["high", "low", "high"])
    with refused("upstream_failed") as failure:
        await ask(registry, "operator", "register_service", name="Tides", path="tides", url="https://tides.test/mcp")
    assert "two tools named 'high'" in failure.value.content["message"]
    with refused("not_found"):
        await ask(registry, "operator", "get_server_details", path="tides")


@pytest.mark.parametrize(
    "recipe", [{"url": "https://tides.test/mcp", "fetch": False}, {"transport": "stdio", "command": "npx"}]
)
@pytest.mark.parametrize(
    ("names", "field"),
    [
        ([""], "tools.0.name"),
        (["low", "x" * 257], "tools.1.name"),
        (["low", "high", "low"], "tools"),
        ([None], "tools.0.name"),
    ],
)
async def test_tools_by_value_have_names_of_their_own(
    registry: World, names: list[str | None], field: str, recipe: Json
) -> None:
    tools = [{"name": name, "description": "Of the sea."} for name in names]
    with refused("invalid") as failure:
        await ask(registry, "operator", "register_service", name="Tides", path="tides", tools=tools, **recipe)
    assert failure.value.content["field"] == field
    with refused("not_found"):
        await ask(registry, "operator", "get_server_details", path="tides")


@pytest.mark.parametrize(
    "grant", [{"kinds": ["servers"]}, {"actions": ["execute"]}, {"assets": "weather"}, {"tool": []}]
)
async def test_a_scope_with_a_grant_that_cannot_be_meant_is_not_stored(registry: World, grant: Json) -> None:
    with refused("invalid"):
        await ask(registry, "operator", "put_scope", name="typo", grants=[{**grant, "effect": "deny"}])
    policy = await ask(registry, "operator", "get_policy")
    assert "typo" not in [scope["name"] for scope in policy["scopes"]]


async def test_a_tool_that_needs_a_persons_approval_is_not_called(registry: World) -> None:
    await registry.core.put_server("tides", ["high", "low"], requires_approval=["high"])
    with refused("approval_required"):
        await ask(registry, "operator", "call_tool", server="tides", tool="high")
    assert registry.core.network.called == []
    async with registry.client("operator") as client:
        assert not (await client.call_tool("call_tool", {"server": "tides", "tool": "low"})).is_error
