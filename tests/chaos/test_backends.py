"""Backends that break in every way: callers get an answer in time, nobody else notices, nothing is left behind."""

from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.chaos import faults
from tests.chaos.conftest import CANARY
from tests.chaos.serve import NAME
from tests.chaos.watching import WatchedRegistry, call, undisturbed
from tests.contract.acts import Desk, fresh
from tests.support import bad_backends, http
from tests.support.backends import Backend, start_python
from tests.support.bad_backends import Misbehaviour, turning
from tests.support.rounds import ROUNDS
from tests.support.tls import TLS

AT_ONCE = 8
"""Callers of the broken backend; fewer failures in a row than open its circuit breaker come from a lone one."""
CALLS = 8
"""One after the other on a bad line, by each of them."""
MEGABYTE = 1024
"""In kilobytes, as the system counts."""

pytestmark = pytest.mark.anyio

REFUSED = {
    "hung": bad_backends.silent,
    "hanging up": bad_backends.hanging_up,
    "no HTTP": bad_backends.gibberish,
    "wrong type": faults.wrong_type,
    "no type": faults.no_type,
    "HTTP 500": faults.server_error,
}
"""Before an answer has begun: the caller is told."""
BROKEN = {
    "reset in the stream": faults.reset_in_stream,
    "cut short": faults.cut_short,
}
"""Once it has begun: the caller sees it break off."""
UNENDING = {
    "slow loris": bad_backends.dripping,
    "silent stream": bad_backends.silent_body,
    "endless stream": faults.endless,
}
"""For ever: until the caller goes."""


def client(seconds: float = 10) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(trust_env=False, timeout=seconds, verify=TLS)


@pytest.mark.parametrize("behave", REFUSED.values(), ids=REFUSED)
async def test_what_a_backend_fails_to_answer_its_callers_are_told(
    registry: WatchedRegistry, desk: Desk, backend: Backend, behave: Misbehaviour
) -> None:
    codes: list[str] = []

    async def one() -> None:
        async with client() as http_client:
            answer = await call(http_client, registry.gateway(path), "add", {"a": 1, "b": 1}, registry.token)
        codes.append(answer.json()["error"]["data"]["code"])
        assert answer.status_code >= 500

    path = fresh("refusing")
    async with turning(backend.url, behave) as (url, turn):
        await desk.register(path, url)
        async with undisturbed(registry, CANARY):
            turn()
            await at_once(one)
    assert "upstream_failed" in codes
    assert len(codes) == AT_ONCE


@pytest.mark.parametrize("behave", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_breaks_off_is_not_passed_for_a_whole_one(
    registry: WatchedRegistry, desk: Desk, backend: Backend, behave: Misbehaviour
) -> None:
    broken: list[Exception] = []

    async def one() -> None:
        async with client() as http_client:
            try:
                answer = await call(http_client, registry.gateway(path), "add", {"a": 1, "b": 1}, registry.token)
            except httpx2.TransportError as error:
                broken.append(error)
            else:
                assert "error" in http.body(answer), answer.text
                broken.append(Exception(answer.text))

    path = fresh("breaking")
    async with turning(backend.url, behave) as (url, turn):
        await desk.register(path, url)
        async with undisturbed(registry, CANARY):
            turn()
            await at_once(one)
    assert len(broken) == AT_ONCE


@pytest.mark.parametrize("behave", UNENDING.values(), ids=UNENDING)
async def test_a_stream_without_end_ends_when_its_reader_goes(
    registry: WatchedRegistry, desk: Desk, backend: Backend, behave: Misbehaviour
) -> None:
    async def one() -> None:
        with anyio.move_on_after(0.4):
            async with client() as http_client:
                request = http.message("tools/call", {"name": "add", "arguments": {"a": 1, "b": 1}})
                headers = http.modern_headers(request, registry.token)
                async with http_client.stream("POST", registry.gateway(path), json=request, headers=headers) as stream:
                    async for _ in stream.aiter_raw():
                        await anyio.sleep(0.05)  # a reader that is slower than the stream

    path = fresh("unending")
    async with turning(backend.url, behave) as (url, turn):
        await desk.register(path, url)
        before = resident(registry)
        async with undisturbed(registry, CANARY):
            turn()
            await at_once(one)
        assert resident(registry) - before < 60 * MEGABYTE


async def test_a_name_that_is_not_found_any_more_is_an_upstream_failure(
    registry: WatchedRegistry, desk: Desk, backend: Backend
) -> None:
    path = fresh("unnamed")
    await desk.register(path, backend.url.replace("127.0.0.1", NAME))
    registry.dns(up=False)
    try:
        async with undisturbed(registry, CANARY), client() as http_client:
            seen = set()
            for _ in range(3):
                answer = await call(http_client, registry.gateway(path), "add", {"a": 1, "b": 1}, registry.token)
                if answer.status_code != 200:  # a connection from before may still be there
                    seen.add(answer.json()["error"]["data"]["code"])
            assert seen <= {"upstream_failed"}
    finally:
        registry.dns(up=True)
    async with client() as http_client:
        answer = await call(http_client, registry.gateway(path), "add", {"a": 1, "b": 1}, registry.token)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_on_a_bad_line_every_call_is_answered_rightly_or_fails_in_time(
    registry: WatchedRegistry, desk: Desk, backend: Backend, number: int
) -> None:
    seen: Counter[str] = Counter()

    async def answered(http_client: httpx2.AsyncClient, value: int) -> dict[str, Any]:
        """The answer to one call, which the gateway asks to be repeated while it leaves the backend alone."""
        while True:
            answer = await call(http_client, registry.gateway(path), "add", {"a": value, "b": 1}, registry.token)
            message: dict[str, Any] = http.body(answer)
            if "retry_after" not in message.get("error", {}).get("data", {}):
                return message
            seen["resting"] += 1
            await anyio.sleep(message["error"]["data"]["retry_after"])

    async def one() -> None:
        async with client() as http_client:
            for each in range(CALLS):
                try:
                    message = await answered(http_client, each)
                except httpx2.TransportError:
                    seen["broken"] += 1  # off in the middle of the answer, and seen to be
                    continue
                seen["ok" if "result" in message else message["error"]["data"]["code"]] += 1
                if "result" in message:
                    assert message["result"]["structuredContent"] == {"result": each + 1}

    path, port = fresh("lossy"), int(backend.origin.rsplit(":", 1)[1])
    async with undisturbed(registry, CANARY), faults.lossy(port, share=0.1, seed=number) as (url, cut):
        await desk.register(path, url)
        cut(True)
        await at_once(one, 120)  # the circuit may rest, longer each time
        cut(False)
    assert seen.keys() <= {"ok", "broken", "upstream_failed", "resting"}, seen
    assert seen["ok"] > AT_ONCE * CALLS / 2, seen


async def test_a_backend_killed_in_the_middle_of_calls_fails_them_at_once(
    registry: WatchedRegistry, desk: Desk, backend: Backend, tmp_path: Path
) -> None:
    path, doomed = fresh("doomed"), start_python(tmp_path)
    failed: list[object] = []

    async def one(started: anyio.Event) -> None:
        async with client() as http_client:
            request = http.message("tools/call", {"name": "hang", "arguments": {}})
            request["params"]["_meta"]["progressToken"] = 1
            headers = http.modern_headers(request, registry.token)
            try:
                async with http_client.stream("POST", registry.gateway(path), json=request, headers=headers) as stream:
                    async for _ in stream.aiter_raw():
                        started.set()
            except httpx2.TransportError as error:
                failed.append(error)

    try:
        await desk.register(path, doomed.url)
        async with undisturbed(registry, CANARY), anyio.create_task_group() as tasks:
            events = [anyio.Event() for _ in range(AT_ONCE)]
            for event in events:
                tasks.start_soon(one, event)
            with anyio.fail_after(10):
                for event in events:
                    await event.wait()
                doomed.process.kill()
    finally:
        doomed.close()
    assert len(failed) == AT_ONCE


async def test_a_session_goes_on_when_its_backend_was_restarted(
    registry: WatchedRegistry, desk: Desk, tmp_path: Path
) -> None:
    path, first = fresh("restarting"), start_python(tmp_path)
    port = int(first.origin.rsplit(":", 1)[1])
    try:
        await desk.register(path, first.url)
        url = registry.gateway(path)
        session = http.session(url, registry.token)
        first.process.kill()
        first = start_python(tmp_path, port)
        asked = {"name": "add", "arguments": {"a": 1, "b": 1}}
        answer = http.legacy_call(url, "tools/call", asked, token=registry.token, session=session)
        assert http.body(answer)["result"]["structuredContent"] == {"result": 2}
    finally:
        first.process.kill()


async def at_once(one: Callable[[], Coroutine[None, None, None]], seconds: float = 30) -> None:
    """Several callers of the same thing, none of whom waits for ever."""
    with anyio.fail_after(seconds):
        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(one)


def resident(registry: WatchedRegistry) -> int:
    """Kilobytes of memory the registry holds."""
    status = Path(f"/proc/{registry.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
