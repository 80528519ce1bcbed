"""kill -9 while calls wait for approval: none is approved by that or forgotten, and nothing reaches the backend."""

from pathlib import Path

import anyio
import httpx2
import orjson
import pytest
from fastmcp import FastMCP

from tests.contract.acts import Desk
from tests.support import http, mcp
from tests.support.asgi import serve
from tests.support.registry import Registry, serving
from tests.support.tls import TLS

pytestmark = pytest.mark.anyio
LOST = "the process that the call waited in has ended"


class Shop:
    """A backend whose tool is marked, and what reached it."""

    def __init__(self) -> None:
        self.refunded: list[str] = []
        self.server = FastMCP("shop", version="1")
        self.server.tool(self.refund)

    async def refund(self, order: str) -> str:
        """Pays an order back."""
        self.refunded.append(order)
        return f"{order} is paid back"


async def refund(registry: Registry, token: str, order: str, said: list[http.Json]) -> None:
    """Call the tool at the gateway, and keep what is answered, if anything is."""
    call = {"name": "refund", "arguments": {"order": order}}
    request = http.message("tools/call", call)
    headers = {**http.modern_headers(request, token), "Content-Type": "application/json"}
    try:
        async with httpx2.AsyncClient(timeout=60, trust_env=False, verify=TLS) as client:
            answer = await client.post(registry.gateway("shop"), content=orjson.dumps(request), headers=headers)
    except httpx2.TransportError:
        return  # killed before the answer
    said.append(http.body(answer))


async def waiting(desk: Desk, count: int) -> list[http.Json]:
    """What the queue shows as open, once it is so many."""
    with anyio.fail_after(20):
        while True:
            found: list[http.Json] = (await desk.ask("list_approvals"))["approvals"]
            if len(found) >= count:
                return found


async def test_calls_that_waited_when_the_process_was_killed_are_withdrawn_and_called_anew(tmp_path: Path) -> None:
    shop, cut = Shop(), list[http.Json]()
    async with serve(shop.server.http_app(path="/mcp")) as url:
        with serving(tmp_path) as registry:
            desk = Desk(registry)
            await desk.register("shop", f"{url}/mcp", requires_approval=["refund"])
            caller = await desk.token({"assets": ["shop"], "actions": ["call"]})
            async with anyio.create_task_group() as calls:
                calls.start_soon(refund, registry, caller, "one", cut)
                calls.start_soon(refund, registry, registry.token, "two", cut)
                open_before = {each["id"]: each["subject"] for each in await waiting(desk, 2)}
                registry.process.kill()
            await anyio.to_thread.run_sync(registry.start)

            assert (await desk.ask("list_approvals"))["approvals"] == []
            over = (await desk.ask("list_approvals", status="all"))["approvals"]
            assert {each["id"]: each["subject"] for each in over} == open_before
            assert {(each["status"], each["reason"]) for each in over} == {("withdrawn", LOST)}
            for id in open_before:
                with mcp.refused("conflict", "access_denied"):
                    await desk.ask("approve_call", id=id, decision="approve")
            assert (cut, shop.refunded) == ([], [])

            said: list[http.Json] = []
            async with anyio.create_task_group() as calls:
                calls.start_soon(refund, registry, caller, "one", said)
                (again,) = await waiting(desk, 1)
                assert again["id"] not in open_before
                await desk.ask("approve_call", id=again["id"], decision="approve")
            assert [answer["result"]["isError"] for answer in said] == [False]
            assert shop.refunded == ["one"]

            events = (await desk.ask("query_audit", asset="shop", limit=200))["events"]
            noted = [(event["action"], event["reason"].split()[0]) for event in events]
            for id in open_before:
                assert [act for act, of in reversed(noted) if of == id and act != "approval:approve"] == [
                    "approval:ask", "approval:withdraw",
                ]  # fmt: skip


async def test_the_operators_token_approves_for_others_but_not_for_itself(tmp_path: Path) -> None:
    shop, said = Shop(), list[http.Json]()
    async with serve(shop.server.http_app(path="/mcp")) as url:
        with serving(tmp_path, {"AIREGISTRY_APPROVAL_SECONDS": "5"}) as registry:
            desk = Desk(registry)
            await desk.register("shop", f"{url}/mcp", requires_approval=["refund"])
            machine = await desk.token({"actions": ["approve", "call", "read"]}, {"actions": ["policy"]})
            async with anyio.create_task_group() as calls:
                calls.start_soon(refund, registry, registry.token, "mine", said)
                (request,) = await waiting(desk, 1)
                for token in (registry.token, machine):
                    with mcp.refused("access_denied"):
                        await mcp.ask(registry.mcp, token, "approve_call", id=request["id"], decision="approve")
    assert shop.refunded == []
    assert [answer["error"]["data"]["code"] for answer in said] == ["approval_required"]
