"""The trail under attack: records without bounds, and a disk that takes no more."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


@contextmanager
def full_trail(registry: Registry) -> Iterator[None]:
    """No file of the registry may grow beyond what the trail has: the catalog's journal is kept shorter."""
    size = max(file.stat().st_size for file in (registry.data / "logs" / "audit").iterdir())
    journal = (registry.data / "documents.journal").stat().st_size
    assert journal + 4096 < size, "the trail has to be the first to be full"
    before = resource.prlimit(registry.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(registry.process.pid, resource.RLIMIT_FSIZE, before)


async def lengthen_trail(registry: Registry) -> None:
    """Refused calls with long resource names, until the trail is longer than the journal by far."""
    for _ in range(120):
        http.call(registry.gateway("nowhere"), "resources/read", {"uri": "x" * 300}, token=registry.token)
    await Desk(registry).ask("query_audit", limit=1)  # answers when all is on disk


async def test_a_long_method_name_is_cut_in_the_trail(registry: Registry, desk: Desk) -> None:
    caller = await desk.token()
    answer = http.call(registry.gateway(fresh("nowhere")), "m" * 100_000, token=caller)
    assert answer.status_code in {400, 404}
    newest = await desk.ask("query_audit", limit=5)
    assert max(len(event["action"]) for event in newest["events"]) <= 1000


async def test_a_call_that_cannot_be_recorded_does_not_go_out(alone: Registry, backend: Backend) -> None:
    desk = Desk(alone)
    await desk.register("parcel", backend.url)
    await lengthen_trail(alone)
    with full_trail(alone):
        statuses = [
            http.call_tool(alone.gateway("parcel"), "echo", {"text": "x"}, token=alone.token).status_code
            for _ in range(50)
        ]
    assert statuses[-1] == 500


async def test_an_act_that_cannot_be_recorded_is_not_done(alone: Registry) -> None:
    desk = Desk(alone)
    await lengthen_trail(alone)
    with full_trail(alone):
        with mcp.refused("internal"):
            await desk.ask("create_token", name="ghost")
        with mcp.refused("internal"):
            await desk.store("ghost")
    assert "ghost" not in {token["name"] for token in (await desk.ask("list_tokens"))["tokens"]}
    with mcp.refused("not_found"):
        await desk.ask("get_server_details", path="ghost")


async def test_a_failed_write_does_not_tell_the_caller_the_operators_folders(alone: Registry) -> None:
    desk = Desk(alone)
    await lengthen_trail(alone)
    with full_trail(alone), mcp.refused("internal") as failure:
        await desk.store("ghost")
    assert str(alone.data) not in str(failure.value.content)
