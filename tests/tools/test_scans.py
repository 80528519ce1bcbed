"""The tools for scans, findings and waivers."""

from typing import Any

import pytest
from fastmcp.client.client import CallToolResult

from airegistry.core.principals import SYSTEM
from tests.core.wiring import asset
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio
HIDDEN = "harmless\u202egnihtemos"
ODD = {"kind": "agent", "path": "odd"}


@pytest.fixture
async def held(registry: World) -> World:
    """An agent that its scan holds."""
    await registry.core.services.catalog.register(SYSTEM, asset("agent", "odd", description=HIDDEN))
    return registry


async def ask(world: World, tool: str, subject: str = "operator", **arguments: object) -> dict[str, Any]:
    async with world.client(subject) as client:
        result: CallToolResult = await client.call_tool(tool, arguments, raise_on_error=False)
    assert result.structured_content is not None
    return result.structured_content


async def test_a_report_shows_findings_and_comes_as_sarif(held: World) -> None:
    report = await ask(held, "scan_asset", **ODD)
    assert (report["verdict"], report["error"], report["sarif"]) == ("block", None, None)
    finding = report["findings"][0]
    assert (finding["rule"], finding["tier"], finding["field"]) == ("hidden-unicode.bidi", "block", "/description")
    again = await ask(held, "get_scan_report", sarif=True, **ODD)
    assert (again["ruleset"], again["findings"]) == (report["ruleset"], report["findings"])
    (result, *_) = again["sarif"]["runs"][0]["results"]
    assert result["partialFingerprints"] == {"airegistry/v1": finding["fingerprint"]}


async def test_a_finding_is_waived_shown_as_such_and_counts_again(held: World) -> None:
    found = (await ask(held, "list_findings", verdict="block", **ODD))["findings"]
    assert {each["asset"] for each in found} == {"agent/odd"}
    for each in found:
        waived = await ask(held, "waive_finding", fingerprint=each["fingerprint"], reason="known", days=7, **ODD)
    assert (waived["enabled"], waived["tags"], waived["by"], waived["asset"]) == (True, [], "operator", "agent/odd")
    listed = (await ask(held, "list_findings"))["findings"]
    assert {each["waiver"]["reason"] for each in listed} == {"known"}
    report = await ask(held, "get_scan_report", sarif=True, **ODD)
    assert report["verdict"] == "pass"
    assert all("suppressions" in each for each in report["sarif"]["runs"][0]["results"])
    waivers = (await ask(held, "list_waivers"))["waivers"]
    assert {each["fingerprint"] for each in waivers} == {each["fingerprint"] for each in found}
    again = await ask(held, "unwaive_finding", fingerprint=found[0]["fingerprint"], **ODD)
    assert (again["enabled"], again["tags"]) == (False, ["security-pending"])


async def test_whoever_may_not_scan_or_approve_sees_and_changes_nothing(held: World) -> None:
    assert await ask(held, "list_findings", "ann") == {"findings": [], "next_cursor": None}
    assert await ask(held, "list_waivers", "ann") == {"waivers": []}
    refused = await ask(held, "waive_finding", "ann", fingerprint="0", reason="mine", **ODD)
    assert refused["code"] == "access_denied"
    for tool in ("rescan_all", "scan_status"):
        assert (await ask(held, tool, "ann"))["code"] == "access_denied"


async def test_everything_is_scanned_again_on_demand(held: World) -> None:
    before = await ask(held, "scan_status")
    assert (before["why"], before["started"]) == (None, None)
    begun = await ask(held, "rescan_all")
    assert (begun["why"], begun["ended"]) == ("asked", None)
    await held.core.services.rescans.catch_up()
    after = await ask(held, "scan_status")
    assert (after["failures"], after["done"] == after["total"] > 0, after["ended"] is not None) == (0, True, True)
    assert (await ask(held, "list_findings", cursor="nonsense"))["code"] == "invalid"
