"""Webhooks, the gate and names of the Agent Name Service: a running registry, and who is told and asked on loopback."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import anyio
import orjson
import pytest
from starlette.types import Receive, Scope, Send

from tests.contract.acts import TOOL
from tests.support.asgi import serve
from tests.support.mcp import Json, call, connect, refused
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


class Subscriber:
    """Takes what it is sent, or answers another status."""

    def __init__(self) -> None:
        self.status = 200
        self.sent: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.sent.append((headers, body))
        # The registry outlives this server, and would keep the connection.
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b""})

    def messages(self) -> list[Json]:
        return [orjson.loads(body) for _, body in self.sent]


@asynccontextmanager
async def hooked(registry: Registry, name: str, **choice: object) -> AsyncIterator[tuple[Subscriber, str]]:
    """A subscriber of the registry's events; its secret."""
    subscriber = Subscriber()
    async with serve(subscriber) as base:
        async with connect(registry.mcp, registry.token) as client:
            made = await call(client, "create_webhook", name=name, url=f"{base}/hook", **choice)
        yield subscriber, made["secret"]
        async with connect(registry.mcp, registry.token) as client:
            await call(client, "delete_webhook", name=name)


async def until(subscriber: Subscriber, count: int) -> None:
    with anyio.fail_after(10):
        while len(subscriber.sent) < count:  # noqa: ASYNC110  # it comes over a socket
            await anyio.sleep(0.01)


async def test_a_life_of_a_server_is_told_in_order_and_signed(registry: Registry) -> None:
    async with (
        hooked(registry, "life", paths=["hooked-life"]) as (subscriber, secret),
        connect(registry.mcp, registry.token) as client,
    ):
        await call(
            client, "register_service", name="Hooked", path="hooked-life", url="http://127.0.0.1:9/mcp",
            tools=[TOOL], fetch=False,
        )  # fmt: skip
        await call(client, "update_asset", kind="server", path="hooked-life", changes={"description": "Changed."})
        await call(client, "toggle_service", path="hooked-life", enabled=False)
        await call(client, "delete_asset", kind="server", path="hooked-life")
        await until(subscriber, 4)
        told = subscriber.messages()
        acts = ["server:register", "server:update", "server:toggle", "server:delete"]
        assert [each["type"] for each in told] == acts
        assert [each["sequence"] for each in told] == [1, 2, 3, 4]
        assert {each["data"]["subject"] for each in told} == {"operator"}
        headers, body = subscriber.sent[0]
        key = base64.b64decode(secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256)
        assert headers["webhook-signature"] == "v1," + base64.b64encode(mac.digest()).decode()
        log: list[dict[str, object]] = []
        with anyio.fail_after(10):  # the last answer is written down after the subscriber has given it
            while len(log) < 4:
                log = (await call(client, "list_webhook_deliveries", name="life", state="delivered"))["deliveries"]
        assert [each["event"] for each in log] == acts[::-1]
        assert (await call(client, "replay_webhook", name="life", event=log[0]["id"]))["replayed"] == 1
        await until(subscriber, 5)
        assert subscriber.sent[4][0]["webhook-id"] == log[0]["id"]


async def test_a_webhook_is_tested_changed_paused_and_given_a_new_secret(registry: Registry) -> None:
    async with hooked(registry, "kept") as (subscriber, secret), connect(registry.mcp, registry.token) as client:
        answer = await call(client, "test_webhook", name="kept")
        assert (answer["ok"], answer["status"]) == (True, 200)
        subscriber.status = 503
        answer = await call(client, "test_webhook", name="kept")
        assert (answer["ok"], answer["status"]) == (False, 503)
        changed = await call(client, "update_webhook", name="kept", events=["skill:*"], active=False)
        assert (changed["events"], changed["active"]) == (["skill:*"], False)
        assert "administrator" in changed["paused"]
        renewed = await call(client, "rotate_webhook_secret", name="kept", overlap_hours=2)
        assert renewed["secret"] != secret
        [listed] = [each for each in (await call(client, "list_webhooks"))["webhooks"] if each["name"] == "kept"]
        assert not {"secret", "previous_secret", "id"} & listed.keys()


async def test_what_waits_for_a_subscriber_that_is_down_is_sent_after_kill_9(registry_folder: Registry) -> None:
    registry = registry_folder
    async with hooked(registry, "killed") as (subscriber, _):
        subscriber.status = 503
        async with connect(registry.mcp, registry.token) as client:
            for number in range(3):
                await call(
                    client, "register_service", name="Hooked", path=f"killed-{number}", url="http://127.0.0.1:9/mcp",
                    tools=[TOOL], fetch=False,
                )  # fmt: skip
        await until(subscriber, 3)
        registry.process.kill()
        subscriber.status = 200
        tried = len(subscriber.sent)
        await anyio.to_thread.run_sync(registry.start)
        async with connect(registry.mcp, registry.token) as again:
            assert len((await call(again, "list_webhook_deliveries", name="killed"))["deliveries"]) == 3
            await call(again, "update_webhook", name="killed", active=True)
            await until(subscriber, tried + 3)
            ids = {headers["webhook-id"] for headers, _ in subscriber.sent}
            assert len(ids) == 3


async def test_an_address_that_may_not_be_called_is_refused(registry: Registry) -> None:
    async with connect(registry.mcp, registry.token) as client:
        with refused("invalid"):
            await call(client, "create_webhook", name="meta", url="http://169.254.169.254/latest")


async def test_a_name_is_kept_where_no_service_is_configured(registry: Registry) -> None:
    name = "ans://v1.0.0.planner.example.com"
    async with connect(registry.mcp, registry.token) as client:
        await call(
            client, "register_service", name="Named", path="ans-named", url="http://127.0.0.1:9/mcp", tools=[TOOL],
            fetch=False,
        )  # fmt: skip
        badge = await call(client, "link_ans", kind="server", path="ans-named", name=name)
        assert (badge["name"], badge["status"]) == (name, "unknown")
        assert (await call(client, "get_server_details", path="ans-named"))["ans"]["name"] == name
        with refused("unsupported"):
            await call(client, "verify_ans", kind="server", path="ans-named")
        assert (await call(client, "unlink_ans", kind="server", path="ans-named"))["ok"]
        assert "ans" not in await call(client, "get_server_details", path="ans-named")


async def test_a_gate_of_the_settings_keeps_out_what_it_does_not_allow(tmp_path: Path) -> None:
    async def judge(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        question = orjson.loads(body)
        keep_out = question["asset"]["path"] == "unwanted"
        answer = {"id": question["id"], "decision": "deny" if keep_out else "allow", "reason": "not here"}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(answer)})

    async with serve(judge) as base:
        registry = Registry(tmp_path, {"AIREGISTRY_GATE_URL": f"{base}/gate"})
        try:
            await anyio.to_thread.run_sync(registry.start)
            async with connect(registry.mcp, registry.token) as client:
                for path, codes in (("wanted", None), ("unwanted", "gate_rejected")):
                    with refused(codes) if codes else nullcontext():
                        await call(
                            client, "register_service", name="Asked", path=path, url="http://127.0.0.1:9/mcp",
                            tools=[TOOL], fetch=False,
                        )  # fmt: skip
                listed = await call(client, "list_services")
                assert [each["path"] for each in listed["services"]] == ["wanted"]
        finally:
            registry.close()
