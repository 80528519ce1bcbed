"""The tools that keep the policy and explain it."""

import json

import pytest

from airegistry.core.grants import Group
from airegistry.core.principals import SYSTEM
from tests.support.mcp import refused
from tests.tools.test_registry_tools import ask
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio
DOCUMENT = {"_id": "readers", "server_access": [{"server": "/weather/", "methods": ["tools/call"], "tools": ["*"]}]}


async def test_an_explanation_names_the_rule_its_effect_and_what_would_help(registry: World) -> None:
    await registry.services.policy.put_group(SYSTEM, Group(name="callers", scopes=["forecasts"]))
    asked = {"subject": "group:callers", "action": "read", "asset": "weather", "tool": "forecast"}
    explained = await ask(registry, "operator", "explain_access", **asked)
    assert explained == {
        "allowed": True, "reason": "granted by scope forecasts", "missing": [], "step_up": [],
        "rule": {"scope": "forecasts", "grant": 0, "effect": "allow"}, "via": ["callers"], "visibility": "public",
        "stops": [],
    }  # fmt: skip
    denied = await ask(registry, "dan", "explain_access", subject="me", action="read", asset="weather")
    assert denied["rule"] == {"scope": "no-reading", "grant": 0, "effect": "deny"}
    missing = await ask(
        registry, "ann", "explain_access", subject="me", action="call", asset="weather", tool="forecast"
    )
    assert (missing["allowed"], missing["missing"], missing["rule"]) == (False, ["forecasts"], None)


async def test_what_stops_a_call_is_explained(registry: World) -> None:
    asked = {"subject": "me", "action": "call", "asset": "weather", "tool": "forecast"}
    explained = await ask(registry, "cat", "explain_access", **asked)
    assert (explained["allowed"], explained["stops"]) == (False, ["it was never fetched and scanned"])


async def test_an_import_stores_nothing_unless_it_is_told_to(registry: World) -> None:
    dry = await ask(registry, "operator", "import_scopes", document=DOCUMENT)
    assert (dry["dry_run"], [scope["name"] for scope in dry["scopes"]]) == (True, ["readers"])
    assert not registry.services.access.has_scope("readers")
    stored = await ask(registry, "operator", "import_scopes", yaml=json.dumps([DOCUMENT]), dry_run=False)
    assert (stored["scopes"], stored["dry_run"]) == (dry["scopes"], False)
    policy = await ask(registry, "operator", "get_policy")
    assert [scope["grants"] for scope in policy["scopes"] if scope["name"] == "readers"] == [dry["scopes"][0]["grants"]]


async def test_an_import_says_what_it_leaves_out(registry: World) -> None:
    yaml = "readers:\n- server: api\n  methods: [GET]\n  tools: []\n"
    found = await ask(registry, "operator", "import_scopes", yaml=yaml)
    assert len(found["notes"]) == 3
    assert all("server 'api'" in note for note in found["notes"])


@pytest.mark.parametrize("arguments", [{}, {"document": DOCUMENT, "yaml": "a: []"}, {"yaml": "a: ["}, {"yaml": "7"}])
async def test_an_import_of_nothing_or_of_no_document_is_refused(registry: World, arguments: dict[str, object]) -> None:
    with refused("invalid"):
        await ask(registry, "operator", "import_scopes", **arguments)


async def test_an_import_is_for_administrators_of_policy(registry: World) -> None:
    for dry_run in (True, False):
        with refused("access_denied"):
            await ask(registry, "ann", "import_scopes", document=DOCUMENT, dry_run=dry_run)


async def test_scopes_and_groups_are_put_shown_and_removed(registry: World) -> None:
    scope = await ask(registry, "operator", "put_scope", name="extra", grants=[{"assets": ["weather"]}])
    group = await ask(registry, "operator", "put_group", name="people", scopes=["extra"])
    policy = await ask(registry, "operator", "get_policy")
    assert scope in policy["scopes"]
    assert group in policy["groups"]
    for tool, name in (("delete_group", "people"), ("delete_scope", "extra")):
        assert (await ask(registry, "operator", tool, name=name))["ok"] is True
        assert (await ask(registry, "operator", tool, name=name))["ok"] is False
    with refused("invalid"):
        await ask(registry, "operator", "put_scope", name="not a name", grants=[])
