"""Boxes of messages that wait for a reader."""

import pytest

from airegistry.core.errors import UpstreamFailed
from airegistry.gateway.channels.listeners import Box
from airegistry.gateway.channels.wire import MAX_ANSWER
from airegistry.gateway.errors import BadAnswer

pytestmark = pytest.mark.anyio


async def test_what_waits_is_read_before_the_failure_and_nothing_is_added_to_it() -> None:
    box = Box()
    box.put({"n": 1}, 10)
    box.fail(UpstreamFailed("first"))
    box.fail(UpstreamFailed("second"))
    box.put({"n": 2}, 10)
    assert await anext(box) == {"n": 1}
    with pytest.raises(UpstreamFailed, match="first"):
        await anext(box)


async def test_too_much_waiting_is_a_failure_and_reading_makes_room() -> None:
    box = Box()
    for _ in range(3):
        box.put({}, MAX_ANSWER)
        await anext(box)
    box.put({}, MAX_ANSWER)
    box.put({}, 1)
    assert await anext(box) == {}
    with pytest.raises(BadAnswer, match="wait to be read"):
        await anext(box)
