"""Agents that lie, leak, hang and break: none of it reaches the caller, or other callers."""

import json
from collections.abc import Callable

import anyio
import httpx
import pytest
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.core.calls import Call, Outcome
from airegistry.core.invocation import Invocation
from airegistry.core.principals import Principal
from tests.gateway.a2a.test_policy import NEW
from tests.gateway.a2a.world import Answer, World, clerk_card, message
from tests.gateway.stub import JSON, SSE, Stub

pytestmark = pytest.mark.anyio
SEND: Json = {"message": message("say")}


def result(value: object, **more: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "result": value, **more}).encode()


def task(id: str, context: str = "ctx", **more: object) -> Json:
    return {"id": id, "contextId": context, "status": {"state": "TASK_STATE_WORKING"}, **more}  # type: ignore[dict-item]  # JSON


def event(value: object) -> bytes:
    return b"data: " + result(value) + b"\n\n"


async def send(world: World, method: str = "SendMessage", *, subject: str = "ann", path: str = "stub") -> Answer:
    return await world.rpc(method, SEND, subject=subject, path=path, headers=NEW)


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 500, 503])
async def test_challenges_redirects_and_failures_of_an_agent_stay_with_the_registry(
    world: World, stub: Stub, status: int
) -> None:
    stub.status, stub.body = status, b"<html>secret</html>"
    stub.headers = [
        (b"content-type", b"text/html"), (b"www-authenticate", b"Bearer realm=x"), (b"set-cookie", b"a=b"),
        (b"location", b"http://169.254.169.254/"), (b"access-control-allow-origin", b"*"),
    ]  # fmt: skip
    answer = await send(world)
    assert (answer.status, answer.json["error"]["data"]["code"]) == (502, "upstream_failed")
    assert not answer.headers.keys() & {"www-authenticate", "set-cookie", "location", "access-control-allow-origin"}
    assert b"secret" not in answer.body
    assert len(stub.requests) == 1
    (recorded,) = await world.events(1)
    assert recorded.outcome == "upstream_failed"


async def test_headers_of_an_answer_that_are_not_of_a2a_do_not_go_on(world: World, stub: Stub) -> None:
    stub.body = result(task("t"))
    stub.headers = [JSON, (b"set-cookie", b"a=b"), (b"x-secret", b"1"), (b"a2a-version", b"1.0"), (b"vary", b"*")]
    answer = await send(world)
    assert answer.status == 200
    assert answer.headers["a2a-version"] == "1.0"
    assert not answer.headers.keys() & {"set-cookie", "x-secret", "vary"}


@pytest.mark.parametrize("status", [400, 404, 409, 429])
async def test_an_error_of_an_agent_in_json_passes_as_it_is(world: World, stub: Stub, status: int) -> None:
    stub.status, stub.body = status, b'{"error": {"code": 5, "message": "no"}}'
    answer = await world.send("POST", "/message:send", SEND, path="stub", headers=NEW)
    assert (answer.status, answer.body) == (status, stub.body)
    (recorded,) = await world.events(1)
    assert (recorded.outcome, recorded.reason) == ("error", f"HTTP {status}")


async def test_an_error_of_an_agent_in_json_rpc_is_written_down(world: World, stub: Stub) -> None:
    stub.body = b'{"jsonrpc":"2.0","id":7,"error":{"code":-32004,"message":"no"}}'
    assert (await send(world)).body == stub.body
    assert [(each.outcome, each.reason) for each in await world.events(1)] == [("error", "JSON-RPC -32004")]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"content-type", b"text/html")], b"<html>"),
        ([], b"x"),
        ([JSON], b"{"),
        ([JSON], b"[]"),
        ([JSON], b""),
        ([JSON, (b"content-encoding", b"gzip")], b"\x1f\x8b"),
        ([JSON], b'"' + b"x" * 2**21 + b'"'),
        ([SSE, (b"content-encoding", b"br")], b""),
    ],
)
async def test_an_answer_that_cannot_be_read_is_not_passed_on(
    world: World, stub: Stub, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    stub.headers, stub.body = headers, body
    assert (await send(world)).status == 502


async def test_an_empty_answer_is_one(world: World, stub: Stub) -> None:
    stub.body = result(task("t"))
    await send(world)
    stub.headers, stub.body, stub.status = [], b"", 204
    answer = await world.send("DELETE", "/tasks/t/pushNotificationConfigs/c", path="stub", headers=NEW)
    assert (answer.status, answer.body) == (204, b"")
    verb, headers, body = stub.requests[-1]
    assert (verb, body, "content-type" in headers) == ("DELETE", b"", False)


async def test_a_status_without_json_is_told_without_its_text(world: World, stub: Stub) -> None:
    stub.status, stub.headers, stub.body = 405, [(b"content-type", b"text/plain")], b"secret"
    answer = await send(world)
    assert (answer.status, b"secret" in answer.body) == (405, False)


@pytest.mark.parametrize("wrapped", [lambda value: value, lambda value: {"task": value}])
async def test_a_task_of_another_caller_is_never_shown_whatever_the_agent_says(
    world: World, stub: Stub, wrapped: Callable[[Json], Json]
) -> None:
    stub.body = result(wrapped(task("t-1", artifacts=["hers"])))
    assert (await send(world)).status == 200
    answer = await send(world, subject="bob")
    assert (answer.status, b"hers" in answer.body) == (502, False)
    assert (await world.rpc("GetTask", {"id": "t-1"}, path="stub", headers=NEW)).status == 200


async def test_a_stream_ends_where_it_would_show_the_task_of_another_caller(world: World, stub: Stub) -> None:
    stub.body = result(task("t-1"))
    await send(world)
    stub.headers = [SSE]
    stub.body = event({"task": task("t-2")}) + event({"statusUpdate": {"taskId": "t-1", "x": "hers"}})
    with pytest.raises(Exception, match=r"ayload|losed|isconnect|ransfer"):
        await send(world, "SendStreamingMessage", subject="bob")
    assert [each.outcome for each in await world.events(2)] == ["ok", "upstream_failed"]


async def test_a_context_that_an_agent_has_for_all_belongs_to_the_first(world: World, stub: Stub) -> None:
    stub.body = result({"message": {"messageId": "1", "contextId": "everybody"}})
    assert (await send(world)).status == (await send(world, subject="bob")).status == 200
    again: Json = {"message": message("say", contextId="everybody")}
    assert "result" in (await world.rpc("SendMessage", again, path="stub", headers=NEW)).json
    answer = await world.rpc("SendMessage", again, path="stub", subject="bob", headers=NEW)
    assert answer.json["error"]["code"] == -32001


async def test_a_list_of_tasks_loses_what_is_not_the_callers_and_its_count(world: World, stub: Stub) -> None:
    for id, subject in (("t-1", "ann"), ("t-2", "bob")):
        stub.body = result(task(id, id))
        await send(world, subject=subject)
    page = {
        "tasks": [task("t-1"), task("t-2"), task("t-3"), 5, {}],
        "totalSize": 99,
        "pageSize": 5,
        "nextPageToken": "n",
    }
    for body, options in (
        (result(page), {"verb": "POST"}),
        (json.dumps(page).encode(), {"verb": "GET"}),
    ):
        stub.body = body
        if options["verb"] == "POST":
            shown = (await world.rpc("ListTasks", {}, path="stub", headers=NEW)).json["result"]
        else:
            shown = (await world.send("GET", "/tasks?pageSize=5", path="stub", headers=NEW)).json
        assert [each["id"] for each in shown["tasks"]] == ["t-1"]
        assert (shown["totalSize"], shown["pageSize"], shown["nextPageToken"]) == (1, 1, "n")
    assert stub.requests[-1][1].get("content-type") is None
    stub.body = result({"tasks": "t-2"})
    assert (await world.rpc("ListTasks", {}, path="stub", headers=NEW)).json["result"]["tasks"] == []


async def test_ids_in_an_event_are_the_callers_before_the_event_has_arrived(world: World, stub: Stub) -> None:
    go = anyio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        first = b": hello\r\n\r\n" + event({"kind": "task", **task("t-9")}).replace(b"\n\n", b"\r\n\r\n")
        await send({"type": "http.response.body", "body": first, "more_body": True})
        await go.wait()
        await send({"type": "http.response.body", "body": b"data: {}", "more_body": False})

    stub.answer = stream
    received, holder = b"", None
    body: Json = {"jsonrpc": "2.0", "id": 7, "method": "SendStreamingMessage", "params": SEND}
    async with httpx.AsyncClient(trust_env=False, headers={**NEW, "x-test-subject": "ann"}) as http:
        async with http.stream("POST", f"{world.url}/agents/stub", json=body) as response:
            with anyio.fail_after(5):
                async for chunk in response.aiter_bytes():
                    received += chunk
                    if not go.is_set() and b"t-9" in received:
                        holder = await world.handles.holder("stub", "task", "t-9")
                        assert received.startswith(b": hello\r\n\r\n")
                        go.set()
    assert holder is not None
    assert holder.subject == "ann"
    assert received.endswith(b"data: {}")


async def test_an_agent_that_breaks_off_leaves_the_answer_broken(world: World, stub: Stub) -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        await send({"type": "http.response.body", "body": event({"task": task("t")}), "more_body": True})
        raise ConnectionResetError

    stub.answer = stream
    with pytest.raises(Exception, match=r"ayload|losed|isconnect|ransfer"):
        await send(world, "SendStreamingMessage")


async def test_an_event_that_is_no_json_or_never_ends_breaks_the_stream(world: World, stub: Stub) -> None:
    stub.headers = [SSE]
    for body in (b"data: {\n\n", b"data: " + b"x" * 2**21):
        stub.body = body
        with pytest.raises(Exception, match=r"ayload|losed|isconnect|ransfer"):
            await send(world, "SendStreamingMessage")


async def test_an_agent_that_is_gone_is_a_failure_that_names_no_address(world: World) -> None:
    await world.put("gone", clerk_card("http://127.0.0.1:9"))
    answer = await send(world, path="gone")
    assert (answer.status, answer.json["error"]["data"]["code"]) == (502, "upstream_failed")
    assert b"127.0.0.1" not in answer.body


async def test_an_interface_whose_address_is_forbidden_is_not_connected_to(world: World) -> None:
    await world.put("inner", clerk_card("http://10.0.0.1"))
    answer = await send(world, path="inner")
    assert (answer.status, b"10.0.0.1" in answer.body) == (502, False)


class Vault:
    """Credentials of agents: `first`, and `second` after a 401."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.renewals = 1

    def needed(self, asset: object) -> bool:
        return True

    async def headers(self, who: Principal, asset: object) -> dict[str, str]:
        self.asked.append(who.subject)
        return {"Authorization": "Bearer first"}

    async def renewed(self, who: Principal, asset: object, used: object) -> dict[str, str] | None:
        self.renewals -= 1
        return {"Authorization": "Bearer second"} if self.renewals >= 0 else None


@pytest.fixture
def vault(world: World, monkeypatch: pytest.MonkeyPatch) -> Vault:
    vault = Vault()
    monkeypatch.setattr(world.core.services.invocation, "_credentials", vault)
    return vault


async def test_the_agents_own_credential_goes_in_place_of_the_callers_and_is_renewed_once(
    world: World, stub: Stub, vault: Vault
) -> None:
    async def picky(scope: Scope, receive: Receive, send: Send) -> None:
        stub.status = 200 if stub.requests[-1][1]["authorization"] == "Bearer second" else 401
        await stub.plain(scope, receive, send)

    stub.answer, stub.body = picky, result(task("t"))
    answer = await world.rpc("SendMessage", SEND, path="stub", headers={**NEW, "authorization": "Bearer caller"})
    assert answer.status == 200
    assert [headers["authorization"] for _, headers, _ in stub.requests] == ["Bearer first", "Bearer second"]
    assert vault.asked == ["ann"]
    assert (await world.send("GET", "/.well-known/agent-card.json", path="stub")).status == 200
    assert vault.asked == ["ann"]


async def test_a_credential_that_cannot_be_renewed_is_a_failure_and_no_challenge(
    world: World, stub: Stub, vault: Vault
) -> None:
    vault.renewals, stub.status = 0, 401
    answer = await send(world)
    assert (answer.status, "www-authenticate" in answer.headers, len(stub.requests)) == (502, False, 1)


async def test_a_credential_goes_to_the_origin_of_the_agent_and_to_no_other(
    world: World, stub: Stub, vault: Vault
) -> None:
    found = await world.core.shelf.get("agent", "stub")
    assert found is not None
    away = str(getattr(found[0], "url", ""))
    card = clerk_card(world.agent)
    interfaces: list[Json] = card["supportedInterfaces"]  # type: ignore[assignment]  # JSON
    elsewhere: list[JsonValue] = [{**interfaces[1], "protocolBinding": "HTTP+JSON"}, {**interfaces[0], "url": away}]
    await world.put("two", {**card, "supportedInterfaces": elsewhere})
    answer = await send(world, path="two")
    assert (answer.status, answer.json["error"]["data"]["code"]) == (501, "unsupported")
    assert stub.requests == []


class Cutting:
    """A permit that is cut when a test says so."""

    cut: Callable[[], None] | None = None

    def admit(self, who: Principal, asset: object, method: str, name: str | None, **more: object) -> "Cutting":
        return self

    def release(self, outcome: Outcome) -> None:
        return None

    def on_cut(self, cut: Callable[[], None]) -> None:
        self.cut = cut


async def test_a_call_whose_caller_is_cut_off_ends_at_once(
    world: World, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutting = Cutting()
    monkeypatch.setattr(world.core.services.invocation, "_protection", cutting)

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        assert cutting.cut is not None
        cutting.cut()
        await receive()

    stub.answer = hang
    with anyio.fail_after(5):
        answer = await send(world)
    assert (answer.status, answer.json["error"]["data"]["code"]) == (403, "quarantined")


async def test_a_call_that_holds_no_place_passes(world: World, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    class Open(Cutting):
        def admit(self, who: Principal, asset: object, method: str, name: str | None, **more: object) -> None:  # type: ignore[override]  # a call may have none
            return None

    monkeypatch.setattr(world.core.services.invocation, "_protection", Open())
    stub.body = result({"task": 5, "message": None})
    assert (await send(world)).body == stub.body


async def test_a_fault_of_the_gateway_is_internal_and_says_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Invocation, *args: object, **options: object) -> Call:
        raise RuntimeError("secret")

    monkeypatch.setattr(Invocation, "enter_agent", broken)
    for answer in (await send(world), await world.send("GET", "/tasks", headers=NEW)):
        assert (answer.status, b"secret" in answer.body) == (500, False)
    assert "the gateway failed on /agents/stub" in caplog.text


async def test_nobody_is_served_who_was_not_authenticated(world: World) -> None:
    assert (await send(world, subject="nobody")).status == 401
