"""A backend that hangs: who waits for it waits once, and not once for each who waits before."""

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.errors import CredentialRefused
from tests.gateway.stub import Stub
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [503, 401])
async def test_those_who_wait_for_one_question_share_its_failure_but_not_anothers_refusal(status: int) -> None:
    stub, go = Stub(), anyio.Event()

    async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await stub.plain(scope, receive, send)

    stub.status, stub.answer = status, slowly
    failures: list[UpstreamFailed] = []
    async with serve(stub) as url, StreamClient(Guard(loopback=True)) as client:
        eras, server = Eras(client), Server(path="slow", name="slow", url=url)

        async def ask(number: int) -> None:
            with pytest.raises(UpstreamFailed) as failed:
                await eras.speaks(server, {"authorization": f"Bearer {number}"}, "modern")
            failures.append(failed.value)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for number in range(10):
                    tasks.start_soon(ask, number)
                await anyio.wait_all_tasks_blocked()
                go.set()
        asked = {headers["authorization"] for _, headers, _ in stub.requests}
        assert len(asked) == (1 if status == 503 else 10)
        assert {isinstance(failure, CredentialRefused) for failure in failures} == {status == 401}
        await ask(99)  # who comes later asks anew
        assert len({headers["authorization"] for _, headers, _ in stub.requests}) == len(asked) + 1
