"""Clients that vanish, and a registry that is killed, in the middle of streams."""

import json
import socket
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.chaos.conftest import CANARY
from tests.chaos.faults import reset_socket
from tests.chaos.watching import WatchedRegistry, undisturbed
from tests.contract.acts import Desk, fresh
from tests.support import http
from tests.support.backends import Backend, start_python
from tests.support.registry import Registry, serving
from tests.support.tls import TLS

pytestmark = pytest.mark.anyio

CLIENTS = 20
both_eras = pytest.mark.parametrize("era", ["modern", "legacy"])


@both_eras
async def test_clients_that_vanish_in_the_middle_of_a_stream_leave_nothing_behind(
    registry: WatchedRegistry, backend: Backend, era: str
) -> None:
    async with undisturbed(registry, CANARY):
        hanging = [await anyio.to_thread.run_sync(begin_hanging, registry, CANARY, era) for _ in range(CLIENTS)]
        for client in hanging:
            reset_socket(client)
            client.close()
        if era == "modern":  # in the older era a client that goes may come back for the answer
            await cancelled(backend)


@pytest.mark.usefixtures("backend")
async def test_a_client_that_sends_half_a_request_holds_nothing_when_it_goes(registry: WatchedRegistry) -> None:
    async with undisturbed(registry, CANARY):
        for part in (0.2, 0.5, 0.9):
            whole = request(registry, CANARY, "modern")
            with socket.create_connection(("127.0.0.1", registry.port)) as client:
                client.sendall(whole[: int(len(whole) * part)])


async def test_what_was_acknowledged_survives_a_kill_in_the_middle_of_streams(tmp_path: Path) -> None:
    backend = start_python(tmp_path)
    try:
        with serving(tmp_path) as registry:
            desk, stored = Desk(registry), [fresh("kept") for _ in range(5)]
            await desk.register(CANARY, backend.url)
            session = http.session(registry.gateway(CANARY), registry.token)
            for path in stored:
                await desk.store(path)
            hanging = await anyio.to_thread.run_sync(begin_hanging, registry, CANARY, "modern")
            registry.process.kill()
            await cancelled(backend)
            assert ends(hanging)
            registry.start()
            for path in stored:
                assert (await desk.ask("get_server_details", path=path))["path"] == path
            lost = http.legacy_call(registry.gateway(CANARY), "tools/list", {}, token=registry.token, session=session)
            assert lost.status_code == 404
            answer = http.call_tool(registry.gateway(CANARY), "add", {"a": 1, "b": 1}, token=registry.token)
            assert http.body(answer)["result"]["structuredContent"] == {"result": 2}
    finally:
        backend.process.kill()


def begin_hanging(registry: Registry, path: str, era: str) -> socket.socket:
    """A connection on which a tool has reported progress and will say nothing more."""
    client = socket.create_connection(("127.0.0.1", registry.port), timeout=10)
    client.sendall(request(registry, path, era))
    received = b""
    while b"notifications/progress" not in received:
        piece = client.recv(65_536)
        assert piece, received
        received += piece
    return client


def request(registry: Registry, path: str, era: str) -> bytes:
    """A call of `hang` that wants progress, as bytes."""
    message = http.message("tools/call", {"name": "hang", "arguments": {}})
    message["params"]["_meta"]["progressToken"] = 1
    headers = http.modern_headers(message, registry.token)
    if era == "legacy":
        message["params"]["_meta"] = {"progressToken": 1}
        headers = http.legacy_headers(registry.token, http.session(registry.gateway(path), registry.token))
    body = json.dumps(message).encode()
    sent = {"Host": f"127.0.0.1:{registry.port}", "Content-Type": "application/json", **headers}
    lines = [f"POST /{path}/mcp HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def cancelled(backend: Backend) -> None:
    """Wait until the backend has seen that its caller went."""
    async with httpx2.AsyncClient(trust_env=False, timeout=10, verify=TLS) as outside:
        assert (await outside.get(f"{backend.origin}/cancelled")).status_code == 204


def ends(client: socket.socket) -> bool:
    """Whether a connection is over; waits for it."""
    try:
        while client.recv(65_536):
            pass
    except ConnectionError:
        pass
    client.close()
    return True
