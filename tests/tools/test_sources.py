"""The tools of sources, in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.core.federated import FakeDrivers, FakeSource, served
from tests.support.mcp import call, refused
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio

URL = "https://there.test"


@asynccontextmanager
async def syncing(registry: World, source: FakeSource) -> AsyncIterator[FakeSource]:
    """The registry while it keeps up with its sources, of which one may be at `URL`."""
    drivers = registry.services.federation.syncs.drivers
    assert isinstance(drivers, FakeDrivers)
    drivers.sources[URL] = source
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(registry.services.federation.run)
        yield source
        tasks.cancel_scope.cancel()


async def test_what_a_source_offers_is_brought_in_and_goes_with_it(registry: World) -> None:
    offered = FakeSource([served("brook", tools=[{"name": "flow"}]), served("weather")])
    async with syncing(registry, offered), registry.client("operator") as client:
        added = await call(
            client, "add_source", name="far", kind="mcp-registry", url=URL, secrets={"token": "s3cret"}, names=["*"]
        )
        assert (added["enabled"], added["has_secrets"], added["names"]) == (True, True, ["*"])
        synced = await call(client, "sync_source", name="far")
        assert (synced["running"], synced["run"]["codes"]) == (False, {"conflict": 1})
        brook = await call(client, "get_server_details", path="brook")
        assert brook["provenance"]["source"] == "far"
        found = await call(client, "search_registry", query="brook")
        assert "brook" in [one["path"] for one in found["results"]]
        for tool, more in (("update_asset", {"changes": {"title": "x"}}), ("delete_asset", {})):
            with refused("access_denied"):
                await call(client, tool, kind="server", path="brook", **more)
        shown = await call(client, "get_source", name="far")
        assert (shown["runs"][-1]["added"], shown["runs"][-1]["refused"], shown["circuit"]) == (1, 1, "closed")
        listed = await call(client, "list_sources")
        assert "s3cret" not in f"{added}{synced}{shown}{listed}"
        looked = await call(client, "remove_source", name="far", dry_run=True)
        assert looked == {"ok": False, "dry_run": True, "total": 1, "assets": ["server/brook"]}
        assert (await call(client, "get_source", name="far"))["enabled"]
        assert await call(client, "get_server_details", path="brook")
        assert (await call(client, "remove_source", name="far"))["ok"]
        with refused("not_found"):
            await call(client, "get_server_details", path="brook")
        with refused("not_found"):
            await call(client, "remove_source", name="far", dry_run=True)
        with refused("not_found"):
            await call(client, "sync_source", name="far")


async def test_a_dry_run_says_what_would_come_in(registry: World) -> None:
    async with syncing(registry, FakeSource([served("brook")])), registry.client("operator") as client:
        await call(client, "add_source", name="far", kind="peer", url=URL, enabled=False)
        dry = await call(client, "sync_source", name="far", dry_run=True)
        assert [(one["change"], one["path"]) for one in dry["run"]["planned"]] == [("added", "brook")]
        with refused("not_found"):
            await call(client, "get_server_details", path="brook")
        with refused("conflict"):
            await call(client, "sync_source", name="far")
        changed = await call(client, "update_source", name="far", enabled=True, prefix="far-")
        assert (changed["enabled"], changed["prefix"]) == (True, "far-")
        await call(client, "sync_source", name="far")
        assert (await call(client, "get_server_details", path="far-brook"))["enabled"]
        assert not (await call(client, "sync_source", name="far", cancel=True))["running"]


async def test_a_server_of_a_source_is_fetched_when_somebody_who_may_says_so(registry: World) -> None:
    source = FakeSource([served("dark", url="https://weather.test/mcp")])
    async with syncing(registry, source), registry.client("operator") as client:
        await call(client, "add_source", name="far", kind="peer", url=URL)
        await call(client, "sync_source", name="far")
        with refused("upstream_failed"):
            await call(client, "refresh_service", path="dark")


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("add_source", {"kind": "peer", "url": URL}), ("update_source", {}), ("remove_source", {}), ("get_source", {}),
        ("sync_source", {}), ("sync_source", {"dry_run": True}), ("sync_source", {"cancel": True}),
    ],
)  # fmt: skip
async def test_nobody_else_has_a_say_in_sources(registry: World, tool: str, more: dict[str, object]) -> None:
    async with registry.client("ann") as client:
        with refused("access_denied"):
            await call(client, tool, name="far", **more)
        with refused("access_denied"):
            await call(client, "list_sources")


async def test_most_of_a_source_is_retired_where_a_person_forces_it(registry: World) -> None:
    source = FakeSource([served(f"brook{n}") for n in range(30)])
    async with syncing(registry, source), registry.client("operator") as client:
        await call(client, "add_source", name="far", kind="peer", url=URL)
        await call(client, "sync_source", name="far")
        source.offers = []
        refused_run = (await call(client, "sync_source", name="far"))["run"]
        assert (refused_run["outcome"], refused_run["code"]) == ("failed", "approval_required")
        assert (await call(client, "sync_source", name="far", force=True))["run"]["retired"] == 30
