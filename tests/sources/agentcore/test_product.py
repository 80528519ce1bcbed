"""The product against the fake AWS: what the setting starts, what a scan brings, a token for a gateway, and the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from tests.contract.acts import Desk
from tests.sources.agentcore.reading import aws
from tests.sources.agentcore.test_registry import FOUR, REGISTRY, record
from tests.sources.agentcore.world import HOME, OWN, WHEN, Parameters, gateway, runtime
from tests.support.mcp import refused
from tests.support.oauth_world import OAuthWorld
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio
NAME = "aws-agent-registry"


@asynccontextmanager
async def started(folder: Path, **env: str) -> AsyncIterator[Desk]:
    registry = Registry(folder, {"AWS_ACCESS_KEY_ID": OWN[0], "AWS_SECRET_ACCESS_KEY": OWN[1], **env})
    try:
        await to_thread.run_sync(registry.start)
        yield Desk(registry)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(registry.close)


async def synced(desk: Desk, name: str) -> dict[str, Any]:
    """What a pass over a source did."""
    told = await desk.ask("sync_source", name=name)
    assert not told["running"]
    run: dict[str, Any] = told["run"]
    return run


async def test_the_setting_is_enough_to_bring_in_the_records_of_the_registry(tmp_path: Path) -> None:
    async with aws() as (fake, base):
        fake.registries[HOME, "us-east-1"] = [
            {
                "name": "main", "registryId": REGISTRY, "registryArn": FOUR[0]["registryArn"], "status": "READY",
                "createdAt": WHEN, "updatedAt": WHEN,
            }
        ]  # fmt: skip
        # Agents that answer on this machine: nothing else is named to a real process.
        custom: Parameters = {"custom": {"data": '{"endpoint": "http://127.0.0.1:9/rpc"}'}}
        fake.records[REGISTRY] = [FOUR[3], record(3, "CUSTOM", custom)]
        settings = {"AIREGISTRY_AWS_REGISTRY_FEDERATION_ENABLED": "true", "AIREGISTRY_AWS_REGISTRY_URL": base}
        async with started(tmp_path, **settings) as desk:
            run = await synced(desk, NAME)
            assert (run["outcome"], run["error"]) == ("ok", "")
            (skill,) = [one for one in (await desk.ask("list_skills"))["skills"] if one["path"] == "thing-4"]
            assert skill["provenance"]["source"] == NAME
            assert "AGENTCORE" in skill["tags"]
            (agent,) = (await desk.ask("list_agents"))["agents"]
            assert agent["path"] == "thing-3"
            fake.records[REGISTRY] = []
            assert (await synced(desk, NAME))["retired"] == 2
            await to_thread.run_sync(desk.registry.restart)
            assert [one["name"] for one in (await desk.ask("list_sources"))["sources"]] == [NAME]


async def test_a_scanned_gateway_gets_tokens_by_client_credentials_and_goes_with_its_source(tmp_path: Path) -> None:
    with OAuthWorld() as world:
        async with aws() as (fake, base), started(tmp_path) as desk:
            fake.gateways[HOME, "us-east-1"] = [gateway("Orders", gatewayUrl=world.mcp)]
            fake.runtimes[HOME, "us-east-1"] = [runtime("chatbot", "HTTP")]
            source = {"name": "scan", "kind": "agentcore", "url": base, "options": {"regions": ["us-east-1"]}}
            await desk.ask("add_source", **source, enabled=False)
            dry = (await desk.ask("sync_source", name="scan", dry_run=True))["run"]
            assert [(one["change"], one["path"]) for one in dry["planned"]] == [("added", "orders")]
            assert "neither MCP nor A2A" in dry["refusals"][0]["reason"]
            await desk.ask("update_source", name="scan", enabled=True)
            run = await synced(desk, "scan")
            assert (run["refused"], run["error"]) == (1, "")
            server = await desk.ask("get_server_details", path="orders")
            assert (server["url"], server["provenance"]["source"]) == (world.mcp, "scan")
            credential = {
                "kind": "oauth_client", "client_id": "c", "client_secret": "s3cret",
                "token_endpoint": f"{world.url}/token",
            }  # fmt: skip
            await desk.ask("set_credential", path="orders", credential=credential)
            before = len(world.requests("/token"))
            with refused("upstream_failed"):  # it says `welcome`, which is no MCP
                await desk.ask("refresh_service", path="orders")
            assert len(world.requests("/token")) <= before + 1
            assert world.bearers[-1] in world.valid
            assert (await desk.ask("remove_source", name="scan"))["ok"]
            assert (await desk.ask("list_services"))["services"] == []
            assert (await desk.ask("list_sources"))["sources"] == []
