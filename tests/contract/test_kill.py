"""kill -9 in the middle of many registrations: what was acknowledged is there, and the trail is whole."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx2
import orjson
import pytest

from tests.contract.acts import TOOL, Desk
from tests.support import http, mcp
from tests.support.registry import Registry, serving
from tests.support.rounds import ROUNDS
from tests.support.tls import TLS

REGISTRATIONS = 1_000
CLIENTS = 8
IN_FLIGHT = (64, REGISTRATIONS)
"""By turns: with a few in flight the kill falls between writes, with all of them into one large batch."""

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry of the round's own."""
    with serving(tmp_path) as started:
        yield started


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_no_acknowledged_registration_is_lost_by_kill_9(registry: Registry, number: int) -> None:
    acknowledged = await register_until_killed(
        registry, after=random.Random(number).randrange(50, 900), in_flight=IN_FLIGHT[number % 2]
    )
    registry.start()
    assert acknowledged <= await stored(registry)
    assert acknowledged <= await recorded(registry)
    await Desk(registry).store("written-after-the-kill")
    registry.process.stop()
    await verify_trail(registry)


async def register_until_killed(registry: Registry, after: int, in_flight: int) -> set[str]:
    """Ask for all registrations over several clients, kill when `after` are acknowledged; which were."""
    acknowledged: set[str] = set()
    enough = anyio.Event()

    async def one(client: httpx2.AsyncClient, number: int) -> None:
        path = f"service-{number}"
        try:
            if await acknowledges(client, registry, path):
                acknowledged.add(path)
        except httpx2.TransportError:
            return  # killed before the answer: nothing was promised
        if len(acknowledged) >= after:
            enough.set()

    async with anyio.create_task_group() as tasks:
        limits = httpx2.Limits(max_connections=in_flight // CLIENTS)
        clients = [httpx2.AsyncClient(timeout=300, trust_env=False, limits=limits, verify=TLS) for _ in range(CLIENTS)]
        for number in range(REGISTRATIONS):
            tasks.start_soon(one, clients[number % CLIENTS], number)
        with anyio.fail_after(200):
            await enough.wait()
        registry.process.kill()
    for client in clients:
        await client.aclose()
    # With all of them in flight the answers to all may lie in the clients' buffers when the first is read.
    assert len(acknowledged) < REGISTRATIONS or in_flight == REGISTRATIONS
    return acknowledged


async def acknowledges(client: httpx2.AsyncClient, registry: Registry, path: str) -> bool:
    """One registration; whether the answer says that it is stored."""
    arguments = {"name": path, "path": path, "url": f"http://127.0.0.1:9/{path}", "description": f"Does {path}."}
    call = {"name": "register_service", "arguments": {**arguments, "tools": [TOOL], "fetch": False}}
    request = http.message("tools/call", call)
    headers = {**http.modern_headers(request, registry.token), "Content-Type": "application/json"}
    answer = await client.post(registry.mcp, content=orjson.dumps(request), headers=headers)
    result = http.body(answer).get("result", {})
    assert not result.get("isError"), result
    return answer.status_code == 200 and result["structuredContent"]["path"] == path


async def stored(registry: Registry) -> set[str]:
    """Paths of all servers in the catalog, each of them whole."""
    paths: set[str] = set()
    cursor = None
    async with mcp.connect(registry.mcp, registry.token) as client:
        while True:
            page = await mcp.call(client, "list_services", limit=200, cursor=cursor)
            for service in page["services"]:
                assert service["description"] == f"Does {service['path']}."
                assert [tool["name"] for tool in service["tools"]] == [TOOL["name"]]
                paths.add(service["path"])
            if (cursor := page["next_cursor"]) is None:
                return paths


async def recorded(registry: Registry) -> set[str]:
    """Paths of all registrations that the trail says went well."""
    paths: set[str] = set()
    cursor = None
    async with mcp.connect(registry.mcp, registry.token) as client:
        while True:
            page = await mcp.call(client, "query_audit", action="server:register", limit=200, cursor=cursor)
            paths |= {event["asset"].removeprefix("server/") for event in page["events"] if event["outcome"] == "ok"}
            if (cursor := page["next_cursor"]) is None:
                return paths


async def verify_trail(registry: Registry) -> None:
    """`airegistry audit verify`, offline."""
    command = ("audit", "verify", "--data", str(registry.data), "--json")
    verified = await anyio.to_thread.run_sync(registry.cli, *command)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)
