"""The tools of webhooks and of names of the Agent Name Service, in memory."""

import pytest

from tests.support.mcp import call, refused
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio

URL = "https://ci.test/hook"
NAME = "ans://v1.0.0.planner.example.com"


async def test_webhooks_are_kept_by_whoever_administers_policy(registry: World) -> None:
    async with registry.client("operator") as client:
        made = await call(client, "create_webhook", name="ci", url=URL, events=["*:update"], description="Builds.")
        assert made["secret"].startswith("whsec_")
        assert (made["active"], made["waiting"], made["created_by"]) == (True, 0, "operator")
        await call(client, "update_asset", kind="server", path="weather", changes={"description": "New."})
        [listed] = (await call(client, "list_webhooks"))["webhooks"]
        assert (listed["waiting"], listed["description"]) == (1, "Builds.")
        [waiting] = (await call(client, "list_webhook_deliveries", name="ci"))["deliveries"]
        assert (waiting["event"], waiting["asset"], waiting["state"]) == ("server:update", "server/weather", "waiting")
        assert waiting["message"]["data"]["asset"]["tools"] == ["forecast", "archive"]
        changed = await call(client, "update_webhook", name="ci", paths=["vault"], active=False)
        assert (changed["paths"], changed["active"]) == (["vault"], False)
        assert (await call(client, "rotate_webhook_secret", name="ci"))["secret"] != made["secret"]
        answer = await call(client, "test_webhook", name="ci")
        assert (answer["ok"], answer["error"]) == (False, "out of reach")
        assert (await call(client, "replay_webhook", name="ci", state="all"))["replayed"] == 0
        assert (await call(client, "delete_webhook", name="ci"))["ok"]
        with refused("not_found"):
            await call(client, "test_webhook", name="ci")


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("create_webhook", {"url": URL}),
        ("update_webhook", {}),
        ("delete_webhook", {}),
        ("rotate_webhook_secret", {}),
        ("test_webhook", {}),
        ("list_webhook_deliveries", {}),
        ("replay_webhook", {}),
    ],
)
async def test_nobody_else_learns_of_a_webhook(registry: World, tool: str, more: dict[str, str]) -> None:
    async with registry.client("ann") as client:
        with refused("access_denied"):
            await call(client, tool, name="ci", **more)
        with refused("access_denied"):
            await call(client, "list_webhooks")


async def test_a_name_is_linked_shown_and_taken_off(registry: World) -> None:
    at = {"kind": "agent", "path": "planner"}
    async with registry.client("operator") as client:
        badge = await call(client, "link_ans", **at, name=NAME)
        assert (badge["path"], badge["name"], badge["status"]) == ("planner", NAME, "unknown")
        with refused("unsupported"):
            await call(client, "verify_ans", **at)
        assert (await call(client, "unlink_ans", **at))["ok"]
        with refused("invalid"):
            await call(client, "link_ans", **at, name="planner")
    async with registry.client("ann") as client:
        with refused("access_denied"):
            await call(client, "link_ans", **at, name=NAME)
