"""The tools for limits and quarantines, in memory."""

import pytest

from airegistry.core.grants import Grant, Scope
from airegistry.core.principals import SYSTEM
from airegistry.tools.declare import needs_of
from airegistry.tools.protection import ProtectionTools
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio
NAMES = ("put_limit", "list_limits", "delete_limit", "quarantine", "lift_quarantine", "list_quarantine")


async def ask(world: World, tool: str, /, *, subject: str = "operator", **arguments: object) -> Json:
    async with world.client(subject) as client:
        return await call(client, tool, **arguments)


async def test_a_limit_is_set_shown_and_removed(registry: World) -> None:
    made = await ask(registry, "put_limit", name="free", subjects=["user:*"], calls=60, per=["caller", "tool"])
    assert made == {
        "name": "free", "subjects": ["user:*"], "assets": ["*"], "tools": ["*"], "methods": None,
        "per": ["caller", "tool"], "calls": 60, "seconds": 60, "burst": None, "concurrent": None, "streams": None,
        "description": "",
    }  # fmt: skip
    assert await ask(registry, "list_limits") == {"limits": [made]}
    assert await ask(registry, "delete_limit", name="free") == {"ok": True}
    assert await ask(registry, "list_limits") == {"limits": []}
    with refused("not_found"):
        await ask(registry, "delete_limit", name="free")


@pytest.mark.parametrize(
    "wrong",
    [{}, {"calls": 0}, {"calls": 1, "seconds": -1}, {"calls": 1, "per": ["day"]}, {"calls": 1, "name": "a/b"}],
    ids=str,
)
async def test_a_limit_that_cannot_be_meant_is_not_stored(registry: World, wrong: Json) -> None:
    with refused("invalid"):
        await ask(registry, "put_limit", **{"name": "free", **wrong})
    assert await ask(registry, "list_limits") == {"limits": []}


async def test_a_limit_with_per_left_empty_counts_all_together(registry: World) -> None:
    assert (await ask(registry, "put_limit", name="all", calls=1, per=[]))["per"] == []


async def test_a_caller_that_is_cut_off_calls_no_tool_of_any_server(registry: World) -> None:
    await registry.core.put_server("maps", ["route"])
    await registry.services.policy.put_scope(SYSTEM, Scope(name="forecasts", grants=[Grant(assets=["maps"])]))
    made = await ask(registry, "quarantine", kind="caller", id="cat", reason="leaked")
    assert (made["kind"], made["id"], made["by"], made["ended"]) == ("caller", "cat", "operator", 0)
    with refused("quarantined"):
        await ask(registry, "call_tool", subject="cat", server="maps", tool="route", arguments={})
    listed = (await ask(registry, "list_quarantine"))["quarantines"]
    assert [(each["id"], each["reason"]) for each in listed] == [("cat", "leaked")]
    assert (await ask(registry, "lift_quarantine", kind="caller", id="cat"))["id"] == "cat"
    assert (await ask(registry, "list_quarantine")) == {"quarantines": []}


async def test_nobody_cuts_itself_off_or_what_is_not_there(registry: World) -> None:
    with refused("conflict"):
        await ask(registry, "quarantine", kind="caller", id="operator", reason="oops")
    with refused("not_found"):
        await ask(registry, "quarantine", kind="server", id="wether", reason="oops")
    with refused("not_found"):
        await ask(registry, "lift_quarantine", kind="server", id="weather")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("put_limit", {"name": "free", "calls": 1}),
        ("list_limits", {}),
        ("delete_limit", {"name": "free"}),
        ("quarantine", {"kind": "caller", "id": "ann", "reason": "rival"}),
        ("lift_quarantine", {"kind": "caller", "id": "ann"}),
        ("list_quarantine", {}),
    ],
)
async def test_only_administrators_have_a_say(registry: World, tool: str, arguments: Json) -> None:
    with refused("access_denied"):
        await ask(registry, tool, subject="bob", **arguments)


async def test_every_tool_of_protection_is_one_of_administration() -> None:
    assert needs_of([ProtectionTools.__new__(ProtectionTools)]) == dict.fromkeys(NAMES, "policy")
