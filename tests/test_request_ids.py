"""The id of a request: taken or made, answered, recorded, and nobody else's."""

import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from airegistry.app import App, running
from airegistry.core.correlation import current_request, is_request_id
from airegistry.request_ids import RequestIds
from airegistry.settings import Settings

pytestmark = pytest.mark.anyio
OPERATOR = "operator-of-request-ids-0123456789"
KNOWN = {"authorization": f"Bearer {OPERATOR}"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[App]:
    settings = Settings(data=Path(tmp_path_factory.mktemp("ids")), embedder="none", admin_token=OPERATOR)
    async with running(settings) as made:
        yield made


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app.asgi)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", headers=KNOWN) as made:
        yield made


async def test_a_clients_own_id_is_taken_and_answered(client: httpx2.AsyncClient) -> None:
    for path in ("/healthz", "/api/v1/servers", "/api/v1/none", "/nothing", "/none/mcp"):
        assert (await client.get(path, headers={"x-request-id": "mine-1"})).headers.get_list("x-request-id") == [
            "mine-1"
        ]


@pytest.mark.parametrize("given", ["", "a b", 'a"b', "x" * 129, "{jndi:x}"])
async def test_an_id_that_is_not_well_formed_is_not_taken(client: httpx2.AsyncClient, given: str) -> None:
    assert "x-request-id" not in (await client.get("/healthz", headers={"x-request-id": given})).headers


async def test_whoever_names_no_request_is_told_none() -> None:
    refused = [404, 403, 200]
    assert ["x-request-id" in await answered(status) for status in refused] == [False] * 3


async def test_where_the_registry_fails_each_request_has_an_id_of_its_own() -> None:
    told = [
        (await answered(502, [(b"x-request-id", b"a"), (b"x-request-id", b"b")]))["x-request-id"] for _ in range(10)
    ]
    assert len({*told} - {"a", "b"}) == 10
    assert all(is_request_id(each) for each in told)


async def answered(status: int, headers: Sequence[tuple[bytes, bytes]] = ()) -> dict[str, str]:
    """The headers of an answer whose application sends nothing but a status, and an id that a backend chose."""
    heads: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        own = [(b"x-request-id", b"the-backends")]
        await send({"type": "http.response.start", "status": status, "headers": own})

    async def send(message: Message) -> None:
        heads.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    await RequestIds(app)({"type": "http", "method": "GET", "path": "/", "headers": [*headers]}, receive, send)
    return {name.decode(): value.decode() for name, value in heads[0]["headers"]}


async def test_refusals_name_the_request_in_their_header_alone(client: httpx2.AsyncClient) -> None:
    mine = {"x-request-id": "mine-2"}
    refused = [
        await client.get("/api/v1/servers/absent", headers=mine),
        await client.get("/api/v1/servers", headers={**mine, "authorization": "Bearer wrong"}),
        await client.get("/api/v1/servers", headers={**mine, "origin": "http://evil.test"}),
        await client.get("/nothing", headers=mine),
    ]
    assert [(each.status_code, each.headers["x-request-id"]) for each in refused] == [
        (404, "mine-2"), (401, "mine-2"), (403, "mine-2"), (404, "mine-2")
    ]  # fmt: skip
    assert not any("request_id" in each.json() for each in refused)  # hidden and absent read alike


async def test_what_a_request_did_is_in_the_trail_and_the_logs_under_its_id(
    client: httpx2.AsyncClient, app: App
) -> None:
    made = await client.put("/api/v1/scopes/readers", json={"grants": []}, headers={"x-request-id": "mine-3"})
    assert made.is_success, made.text
    events = (await client.get("/api/v1/audit/events", params={"request_id": "mine-3"})).json()["events"]
    assert [(event["action"], event["request_id"]) for event in events] == [("scope:put", "mine-3")]
    answer = await client.get("/api/v1/logs", params={"request_id": "mine-3"})
    logged = answer.json()["records"]
    assert [(line["logger"], line["subject"]) for line in logged] == [("airegistry.request_ids", "operator")]
    assert logged[0]["message"].startswith("PUT /api/v1/scopes/readers: 200 after ")


async def test_nothing_of_a_request_is_left_in_the_task_that_made_it() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        request = current_request()
        assert request is not None
        seen.append(request.id)
        raise ValueError("broken")

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"x-request-id", b"one")]}
    with pytest.raises(ValueError, match="broken"):
        await RequestIds(inner)(scope, None, None)  # type: ignore[arg-type]  # neither is used
    assert seen == ["one"]
    assert current_request() is None


async def test_a_path_is_logged_on_one_line_and_without_its_query(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "airegistry.request_ids"):
        await client.get("/healthz?code=secret-code")
    assert "secret-code" not in caplog.text
    assert "GET /healthz: 200" in caplog.text


async def test_in_a_session_each_message_is_of_its_own_request(client: httpx2.AsyncClient) -> None:
    accepts = {"accept": "application/json, text/event-stream"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    begun = await client.post(
        "/mcp", json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
        headers={**accepts, "x-request-id": "opens"},
    )  # fmt: skip
    session = {**accepts, "mcp-session-id": begun.headers["mcp-session-id"]}
    await client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session)
    wanted = {"name": "put_scope", "arguments": {"name": "writers", "grants": []}}
    called = await client.post(
        "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": wanted},
        headers={**session, "x-request-id": "calls"},
    )  # fmt: skip
    assert called.is_success, called.text
    found = {
        id: [event["action"] for event in (await client.get("/api/v1/audit/events?request_id=" + id)).json()["events"]]
        for id in ("opens", "calls")
    }
    assert found == {"opens": [], "calls": ["scope:put"]}
