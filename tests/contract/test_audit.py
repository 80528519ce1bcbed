"""The audit trail, as CONTRACTS.md states it."""

import json
from datetime import UTC, datetime

import anyio
import pytest

from tests.contract.acts import Desk, Json, fresh
from tests.support import http, mcp
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio

EVENT = (
    "id time subject client action asset tool scopes decision reason outcome latency_ms data_classification target"
).split()


async def test_events_have_one_shape_newest_first(desk: Desk) -> None:
    await desk.store(fresh("audited"))
    trail = await desk.ask("query_audit", limit=50)
    assert trail.keys() >= {"events", "next_cursor"}
    assert all(event.keys() >= set(EVENT) for event in trail["events"])
    times = [datetime.fromisoformat(event["time"]) for event in trail["events"]]
    assert times == sorted(times, reverse=True)
    assert all(time.utcoffset() is not None for time in times)


async def test_a_registration_is_recorded_with_who_what_and_target(desk: Desk) -> None:
    path = (await desk.store(fresh("audited"), data_classification="internal"))["path"]
    events = (await desk.ask("query_audit", asset=f"server/{path}"))["events"]
    assert len(events) == 1
    event = events[0]
    assert (event["subject"], event["action"], event["decision"], event["outcome"]) == (
        "operator", "server:register", "allow", "ok",
    )  # fmt: skip
    assert event["target"] == "http://127.0.0.1:9/mcp"
    assert event["data_classification"] == "internal"
    assert event["latency_ms"] > 0


async def test_a_failed_registration_is_recorded_too(desk: Desk) -> None:
    path = fresh("audited")
    with mcp.refused("invalid"):
        await desk.store(path, url="gopher://127.0.0.1/x")
    events = (await desk.ask("query_audit", asset=f"server/{path}"))["events"]
    assert [event["outcome"] == "ok" for event in events] == [False]
    assert "invalid" in events[0]["reason"]


async def test_a_call_through_the_gateway_is_recorded_with_outcome_and_latency(
    registry: Registry, desk: Desk, parcel: str
) -> None:
    caller = await desk.token({"assets": [parcel]})
    http.call_tool(registry.gateway(parcel), "add", {"a": 1, "b": 1}, token=caller)
    http.call_tool(registry.gateway(parcel), "fail", {"reason": "x"}, token=caller)
    calls = await of(desk, caller, asset=f"server/{parcel}")
    assert [(event["tool"], event["decision"]) for event in calls] == [("fail", "allow"), ("add", "allow")]
    assert calls[0]["outcome"] != calls[1]["outcome"] == "ok"
    assert all(event["latency_ms"] > 0 for event in calls)
    assert all(event["scopes"] for event in calls)


async def test_a_denied_call_is_recorded_with_its_reason(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"assets": [parcel], "tools": ["echo"]})
    http.call_tool(registry.gateway(parcel), "secret", {}, token=caller)
    with mcp.refused("access_denied"):
        await mcp.ask(registry.mcp, caller, "call_tool", server=parcel, tool="secret", arguments={})
    denied = await of(desk, caller, asset=f"server/{parcel}", decision="deny")
    assert [event["tool"] for event in denied] == ["secret", "secret"]
    assert all(event["reason"] for event in denied)
    assert all(event["outcome"] != "ok" for event in denied)


async def of(desk: Desk, token: str, **wanted: str) -> list[Json]:
    """Events of one caller, newest first."""
    events = (await desk.ask("query_audit", limit=200, **wanted))["events"]
    return [event for event in events if event["client"] == token.split("_")[1]]


async def test_secrets_are_in_no_event(registry: Registry, desk: Desk) -> None:
    token = await desk.token()
    async with mcp.connect(registry.mcp, token) as client:
        await mcp.call(client, "healthcheck")
    trail = str(await desk.ask("query_audit", limit=200))
    assert token not in trail
    assert registry.token not in trail


@pytest.mark.parametrize("field", ["subject", "asset", "action", "decision"])
async def test_each_filter_narrows(desk: Desk, field: str) -> None:
    await desk.store(fresh("audited"))
    sample = (await desk.ask("query_audit", limit=1))["events"][0]
    narrowed = (await desk.ask("query_audit", limit=50, **{field: sample[field]}))["events"]
    assert narrowed
    assert {event[field] for event in narrowed} == {sample[field]}
    assert (await desk.ask("query_audit", **{field: fresh("nothing")}))["events"] == []


async def test_a_span_of_time_narrows(desk: Desk) -> None:
    begin = datetime.now(UTC).isoformat()
    path = (await desk.store(fresh("audited")))["path"]
    end = datetime.now(UTC).isoformat()
    await desk.ask("delete_asset", kind="server", path=path)
    events = (await desk.ask("query_audit", since=begin, until=end, asset=f"server/{path}"))["events"]
    assert [event["action"] for event in events] == ["server:register"]


async def test_pages_of_the_trail_follow_each_other(desk: Desk) -> None:
    path = (await desk.store(fresh("audited")))["path"]
    for enabled in (False, True, False):
        await desk.ask("toggle_service", path=path, enabled=enabled)
    ids: list[str] = []
    cursor = None
    while True:
        page = await desk.ask("query_audit", asset=f"server/{path}", limit=3, cursor=cursor)
        ids += [event["id"] for event in page["events"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(ids) == len(set(ids)) == 4


async def test_the_trail_is_for_those_who_may_audit(registry: Registry, desk: Desk) -> None:
    auditor = await desk.token({"kinds": ["registry"], "actions": ["audit"]})
    assert (await mcp.ask(registry.mcp, auditor, "query_audit", limit=1))["events"]
    with mcp.refused("access_denied"):
        await mcp.ask(registry.mcp, await desk.token({"assets": ["*"]}), "query_audit")


async def test_a_changed_record_breaks_the_chain(registry_folder: Registry) -> None:
    desk = Desk(registry_folder)
    await desk.store("honest-path")
    registry_folder.process.stop()
    verify = ("audit", "verify", "--data", str(registry_folder.data), "--json")
    good = await anyio.to_thread.run_sync(registry_folder.cli, *verify)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)

    forged = 0
    for file in registry_folder.data.rglob("*"):
        if file.is_file() and "audit" in str(file.relative_to(registry_folder.data)):
            content = file.read_bytes()
            forged += content.count(b"honest-path")
            file.write_bytes(content.replace(b"honest-path", b"forged-path"))
    assert forged, "found no record of the act in a file of the audit log"
    assert (await anyio.to_thread.run_sync(registry_folder.cli, *verify)).returncode == 1
