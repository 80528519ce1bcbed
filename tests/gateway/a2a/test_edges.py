"""What an ASGI server may hand to the gateway, and a client of HTTP does not show."""

from collections.abc import Sequence

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from airegistry.core.principals import Principal
from airegistry.gateway.a2a.relay import Relay
from airegistry.oauth.identity import PRINCIPAL
from tests.gateway.a2a.test_policy import NEW
from tests.gateway.a2a.test_refusals import CALL, text
from tests.gateway.a2a.world import SAY, World, clerk_card
from tests.gateway.stub import Stub, raw_server

pytestmark = pytest.mark.anyio
JSON = (b"content-type", b"application/json")


async def ask(
    world: World, received: Sequence[Message], *headers: tuple[bytes, bytes], type: str = "http"
) -> list[Message]:
    """What the gateway sends when it receives just this; nothing more ever comes."""
    coming, sent = iter(received), []

    async def receive() -> Message:
        found = next(coming, None)
        if found is None:
            await anyio.sleep_forever()
        assert found is not None
        return found

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": type, "method": "POST", "path": "/agents/clerk", "raw_path": b"/agents/clerk", "query_string": b"",
        "headers": list(headers), PRINCIPAL: world.callers["ann"],
    }  # fmt: skip
    with anyio.fail_after(5):
        await world.gateway(scope, receive, send)
    return sent


async def test_websockets_are_refused(world: World) -> None:
    assert await ask(world, [], type="websocket") == [{"type": "websocket.close", "code": 1008}]


async def test_a_body_in_parts_is_read_up_to_the_limit(world: World) -> None:
    body = text()
    parts: list[Message] = [
        {"type": "http.request", "body": body[:5], "more_body": True}, {"type": "http.request", "body": body[5:]},
    ]  # fmt: skip
    assert (await ask(world, parts, JSON))[0]["status"] == 200
    long: list[Message] = [{"type": "http.request", "body": b" " * 2**19, "more_body": True}] * 3
    assert (await ask(world, long, JSON))[0]["status"] == 413


async def test_a_client_that_leaves_before_it_has_asked_gets_nothing(world: World) -> None:
    parts: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert await ask(world, parts, JSON) == []


@pytest.mark.parametrize("name", [b"a2a-version", b"a2a-extensions", b"traceparent", b"content-type", b"host"])
async def test_a_header_that_is_there_twice_is_refused(world: World, name: bytes) -> None:
    body: list[Message] = [{"type": "http.request", "body": text()}]
    assert (await ask(world, body, JSON, (name, b"1.0"), (name, b"0.3")))[0]["status"] == 400


async def test_a_broader_token_is_asked_for_where_it_would_help(world: World) -> None:
    def challenge(scope: Scope, who: Principal, missing: Sequence[str]) -> bytes:
        return f'Bearer scope="{" ".join(missing)}"'.encode()

    world.gateway._challenge = challenge
    await world.let("dan", SAY)
    scopes = world.callers["dan"].scopes
    world.callers["dan"] = Principal("dan", withheld=scopes)
    answer = await world.send(
        "POST", "", {**CALL, "params": {"message": {"metadata": {"skillId": "say"}}}}, subject="dan"
    )
    assert (answer.status, answer.headers["www-authenticate"]) == (403, 'Bearer scope="of-dan"')
    assert "www-authenticate" not in (await world.send("POST", "", CALL, subject="cleo")).headers


async def test_a_fault_in_the_middle_of_a_call_is_written_down(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Relay, "exchange", broken)
    answer = await world.send("POST", "", CALL)
    assert (answer.status, b"secret" in answer.body) == (500, False)
    assert [(event.outcome, event.reason) for event in await world.events(1)] == [("error", "internal")]
    assert "the gateway failed on /agents/clerk" in caplog.text


async def test_a_read_whose_connection_broke_is_sent_again_and_a_message_is_not(world: World, stub: Stub) -> None:
    lost: list[bytes] = []

    async def drop(stream: anyio.abc.SocketStream) -> None:
        lost.append(await stream.receive())

    async with raw_server(drop) as url:
        await world.put("flaky", clerk_card(url))
        answer = await world.send("GET", "/tasks", path="flaky", headers=NEW)
        assert (answer.status, len(lost)) == (502, 2)
        lost.clear()
        answer = await world.send("POST", "", CALL, path="flaky")
        assert (answer.status, len(lost)) == (502, 1)


async def test_an_agent_whose_own_address_is_none_gets_no_credential(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Vault:
        def needed(self, asset: object) -> bool:
            return True

        async def headers(self, who: object, asset: object) -> dict[str, str]:
            return {"authorization": "Bearer x"}

    monkeypatch.setattr(world.core.services.invocation, "_credentials", Vault())
    card = clerk_card(world.agent)
    wired = {"url": "grpc.test:443", "protocolBinding": "GRPC", "protocolVersion": "1.0"}
    await world.put("mixed", {**card, "supportedInterfaces": [wired, *card["supportedInterfaces"]]})  # type: ignore[misc,list-item]  # JSON
    answer = await world.send("POST", "", CALL, path="mixed")
    assert (answer.status, answer.json["error"]["data"]["code"]) == (501, "unsupported")
    assert world.clerk.seen == []


async def test_a_query_of_an_interface_stays(world: World, stub: Stub) -> None:
    found = await world.core.shelf.get("agent", "stub")
    assert found is not None
    base = str(getattr(found[0], "url", ""))
    stub.body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    await world.put("keyed", {"name": "k", "description": "d", "version": "1", "skills": []}, url=f"{base}?key=1")
    seen: list[bytes] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["query_string"])
        await stub.plain(scope, receive, send)

    stub.answer = note
    assert (await world.send("POST", "", CALL, path="keyed")).status == 200
    assert seen == [b"key=1"]
