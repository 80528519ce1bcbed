"""`get_logs`."""

import logging

import pytest

from airegistry.core.log_queue import listening
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio


async def ask(world: World, subject: str, **arguments: object) -> Json:
    """What the tool answers one caller."""
    async with world.client(subject) as client:
        return await call(client, "get_logs", **arguments)


async def test_administrators_read_and_follow_what_was_logged(registry: World) -> None:
    log = logging.getLogger("airegistry.some.part")
    with listening(registry.services.logs._queue):
        log.warning("first")
        log.error("second")
    newest = await ask(registry, "operator", logger="airegistry.some", limit=1)
    assert [(line["level"], line["message"]) for line in newest["records"]] == [("error", "second")]
    rest = await ask(registry, "operator", logger="airegistry.some", limit=1, cursor=newest["next_cursor"])
    assert [line["message"] for line in rest["records"]] == ["first"]
    oldest = await ask(registry, "operator", logger="airegistry.some", order="oldest", level="error")
    assert [line["message"] for line in oldest["records"]] == ["second"]
    with listening(registry.services.logs._queue):
        log.error("third")
    then = await ask(registry, "operator", logger="airegistry.some", order="oldest", cursor=oldest["next_cursor"])
    assert [line["message"] for line in then["records"]] == ["third"]


async def test_nobody_else_reads_them(registry: World) -> None:
    with refused("access_denied"):
        await ask(registry, "ann")


async def test_a_cursor_of_the_other_order_is_refused(registry: World) -> None:
    with refused("invalid"):
        await ask(registry, "operator", order="oldest", cursor="n_0:1")
