"""Finding out which era a backend speaks."""

import json

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Server
from airegistry.core.errors import Unsupported, UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels import eras as module
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.errors import CredentialRefused
from tests.gateway.channels.conftest import Backends
from tests.gateway.channels.play import Old, hang_up, send_json, send_status
from tests.gateway.stub import JSON, Stub
from tests.gateway.world import LEGACY, MODERN, server_at

pytestmark = pytest.mark.anyio


@pytest.fixture
def unknown(stubbed: Server) -> Server:
    return stubbed.model_copy(update={"protocol_version": None})


@pytest.fixture
def eras(client: StreamClient) -> Eras:
    return Eras(client)


async def test_a_backend_of_both_eras_speaks_both(eras: Eras, backends: Backends) -> None:
    server = backends.full.model_copy(update={"protocol_version": None})
    assert eras.known(server, "modern") is eras.known(server, "legacy") is None
    assert await eras.best(server, {}) == "modern"
    assert await eras.speaks(server, {}, "legacy")
    assert eras.known(server, "modern") is eras.known(server, "legacy") is True


async def test_what_the_catalog_knows_is_not_asked(eras: Eras, stub: Stub, unknown: Server) -> None:
    modern, legacy = (unknown.model_copy(update={"protocol_version": version}) for version in (MODERN, LEGACY))
    assert (eras.known(modern, "modern"), eras.known(modern, "legacy")) == (True, None)
    assert (eras.known(legacy, "modern"), eras.known(legacy, "legacy")) == (False, True)
    assert (await eras.best(modern, {}), await eras.best(legacy, {})) == ("modern", "legacy")
    assert stub.requests == []


async def test_the_transport_says_all_of_http_sse(eras: Eras) -> None:
    server = server_at("x", "http://127.0.0.1:1/sse", transport="sse")
    assert (eras.known(server, "modern"), eras.known(server, "legacy")) == (False, True)
    eras.doubt(server, "legacy")
    assert await eras.best(server, {}) == "legacy"
    with pytest.raises(Unsupported):
        eras.known(server_at("x", "http://127.0.0.1:1/", transport="stdio"), "legacy")


async def test_asking_an_older_backend_leaves_no_session_behind(eras: Eras, stub: Stub, unknown: Server) -> None:
    old = Old(stub)
    assert await eras.best(unknown, {"authorization": "Bearer b"}) == "legacy"
    assert await eras.speaks(unknown, {}, "legacy")
    assert old.seen() == ["server/discover", "initialize", "notifications/initialized", "DELETE"]
    assert stub.requests[0][1]["authorization"] == "Bearer b"


async def test_many_who_want_to_know_ask_once(eras: Eras, stub: Stub, unknown: Server) -> None:
    stub.status, stub.headers = 405, []
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(eras.best, unknown, {})
    assert len(stub.requests) == 1


async def test_an_answer_is_believed_for_a_while_and_until_it_is_doubted(
    client: StreamClient, stub: Stub, unknown: Server
) -> None:
    time = 0.0
    eras = Eras(client, seconds=600, clock=lambda: time)
    stub.status, stub.headers = 404, []
    assert not await eras.speaks(unknown, {}, "modern")
    time = 599
    assert not await eras.speaks(unknown, {}, "modern")
    assert len(stub.requests) == 1
    time = 600
    assert eras.known(unknown, "modern") is None
    assert not await eras.speaks(unknown, {}, "modern")
    eras.doubt(unknown, "legacy")
    assert not await eras.speaks(unknown, {}, "modern")
    assert len(stub.requests) == 3


async def test_doubt_outweighs_what_the_catalog_knows(eras: Eras, stub: Stub, stubbed: Server) -> None:
    stub.status, stub.headers = 404, []
    eras.doubt(stubbed, "modern")
    assert eras.known(stubbed, "modern") is None
    assert await eras.best(stubbed, {}) == "legacy"


@pytest.mark.parametrize("status", [401, 403, 302, 408, 429, 500, 503])
async def test_a_failure_of_the_moment_says_nothing(eras: Eras, stub: Stub, unknown: Server, status: int) -> None:
    stub.status, stub.headers = status, []
    with pytest.raises(UpstreamFailed) as failure:
        await eras.best(unknown, {})
    assert isinstance(failure.value, CredentialRefused) == (status == 401)
    assert eras.known(unknown, "modern") is None
    stub.status, stub.headers, stub.body = 200, [JSON], discovered(1)
    assert await eras.best(unknown, {}) == "modern"


def discovered(id: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "result": {"supportedVersions": [MODERN]}}).encode()


async def test_a_backend_that_is_down_or_hangs_is_not_remembered(
    eras: Eras, stub: Stub, unknown: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = server_at("down", "http://127.0.0.1:1/mcp", protocol_version=None)
    with pytest.raises(UpstreamFailed):
        await eras.best(down, {})
    assert eras.known(down, "modern") is None

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        await hang_up(receive)

    stub.answer = hang
    monkeypatch.setattr(module, "ASK_SECONDS", 0.1)
    with pytest.raises(UpstreamFailed, match=r"within 0\.1 s"):
        await eras.best(unknown, {})
    assert eras.known(unknown, "modern") is None


async def test_memory_is_bounded(eras: Eras, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    for number in range(5):
        eras.doubt(server_at("x", f"http://127.0.0.1:{number + 1}/mcp"), "modern")
    assert len(eras._memories) == 2


async def test_an_error_in_a_good_form_is_no_yes(eras: Eras, stub: Stub, unknown: Server) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "DELETE":
            return await send_status(send, 200)
        id = json.loads(stub.requests[-1][2])["id"]
        return await send_json(send, {"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "m"}})

    stub.answer = answer
    assert not await eras.speaks(unknown, {}, "modern")
    assert not await eras.speaks(unknown, {}, "legacy")


async def test_the_preferred_era_is_spoken_where_the_backend_has_it(eras: Eras, backends: Backends) -> None:
    assert (await eras.best(backends.full, {}, "legacy"), await eras.best(backends.full, {})) == ("legacy", "modern")
    assert await eras.best(backends.older, {}, "modern") == "legacy"


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_backend_that_makes_no_handshake_is_spoken_to_in_the_modern_era(
    eras: Eras, stub: Stub, stubbed: Server, status: int
) -> None:
    stub.status, stub.headers = status, []
    assert await eras.best(stubbed, {}, "legacy") == "modern"


async def test_a_credential_that_is_refused_at_the_handshake_says_nothing(
    eras: Eras, stub: Stub, stubbed: Server
) -> None:
    stub.status, stub.headers = 401, []
    with pytest.raises(CredentialRefused):
        await eras.best(stubbed, {}, "legacy")
    assert eras.known(stubbed, "legacy") is None
