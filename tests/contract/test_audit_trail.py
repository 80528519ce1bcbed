"""The trail of a running registry: signed, taken out, and there after kill -9."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.contract.acts import Desk
from tests.support import http, mcp
from tests.support.backends import Backend
from tests.support.registry import Registry, serving

pytestmark = pytest.mark.anyio

CALLS = 40


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Registry]:
    """A registry that writes each call down before it goes out, and its batches rarely."""
    env = {"AIREGISTRY_AUDIT_CALLS": "durable", "AIREGISTRY_AUDIT_WINDOW_MS": "60000"}
    with serving(tmp_path, env) as started:
        yield started


async def test_parameters_are_recorded_and_their_secrets_masked(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"assets": [parcel]})
    http.call_tool(registry.gateway(parcel), "echo", {"text": "to Bern", "password": "hunter2"}, token=caller)
    async with mcp.connect(registry.mcp, caller) as client:
        await mcp.call(client, "call_tool", server=parcel, tool="echo", arguments={"text": "to Basel"})
    found = (await desk.ask("query_audit", action="tools/call", asset=f"server/{parcel}", limit=200))["events"]
    mine = [event["parameters"] for event in found if event["client"] == caller.split("_")[1]]
    assert mine == [{"text": "to Basel"}, {"text": "to Bern", "password": "***"}]


async def test_the_trail_is_verified_exported_and_its_heads_given_to_auditors(registry: Registry, desk: Desk) -> None:
    auditor = await desk.token({"kinds": ["registry"], "actions": ["audit"]})
    verified = await mcp.ask(registry.mcp, auditor, "verify_audit")
    assert (verified["intact"], verified["error"]) == (True, None)
    heads = await mcp.ask(registry.mcp, auditor, "get_audit_heads")
    assert heads["public_key"]
    assert [head["stream"] for head in heads["heads"]] == ["audit"]
    page = await mcp.ask(registry.mcp, auditor, "export_audit", limit=2)
    assert [record["seq"] for record in page["records"]] == [1, 2]
    rest = await mcp.ask(registry.mcp, auditor, "export_audit", limit=1, cursor=page["next_cursor"])
    assert [record["seq"] for record in rest["records"]] == [3]
    before = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    with mcp.refused("access_denied"):
        await mcp.ask(registry.mcp, auditor, "prune_audit", before=before)
    assert (await desk.ask("prune_audit", before=before))["records"] == 0
    for tool in ("verify_audit", "get_audit_heads", "export_audit"):
        with mcp.refused("access_denied"):
            await mcp.ask(registry.mcp, await desk.token({"assets": ["*"]}), tool)


async def test_a_call_that_went_out_is_in_the_trail_after_kill_9(durable: Registry, backend: Backend) -> None:
    desk = Desk(durable)
    await desk.register("parcel-desk", backend.url)
    answered: set[str] = set()

    def call(number: int) -> None:
        text = f"parcel {number}"
        try:
            if http.call_tool(durable.gateway("parcel-desk"), "echo", {"text": text}, token=durable.token).is_success:
                answered.add(text)
        except httpx2.TransportError:
            return
        if len(answered) == CALLS // 2:
            durable.process.kill()

    with ThreadPoolExecutor(4) as callers:
        await anyio.to_thread.run_sync(lambda: list(callers.map(call, range(CALLS))))
    assert len(answered) >= CALLS // 2
    durable.start()
    found = (await desk.ask("query_audit", action="tools/call", limit=200))["events"]
    recorded = {event["parameters"]["text"]: event["outcome"] for event in found}
    assert answered <= recorded.keys()
    assert "unknown" in recorded.values()
    durable.process.stop()
    verified = durable.cli("audit", "verify", "--data", str(durable.data), "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = json.loads(verified.stdout)
    assert told["writers"][0]["last"] == told["writers"][0]["signed"] == told["records"]
