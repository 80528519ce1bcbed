"""A `requestState` is for the caller it was given to, whatever the backend makes of it."""

import pytest

from airegistry.gateway.states import States
from tests.gateway.stub import Stub
from tests.gateway.world import World, modern

pytestmark = pytest.mark.anyio
STUB = "/stub/mcp"
ASKS = b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{},"requestState":"%b"}}'


async def retry(world: World, state: str, subject: str) -> tuple[int, int]:
    message, headers = modern("tools/call", {"name": "echo", "arguments": {}, "requestState": state})
    answer = await world.post(message, path=STUB, headers=headers, subject=subject)
    return answer.status, 0 if answer.status == 200 else int(str(answer.error["code"]))


async def test_another_caller_goes_on_with_nobodys_request(world: World, stub: Stub) -> None:
    stub.body = ASKS % b"state-1"
    message, headers = modern("tools/call", {"name": "echo", "arguments": {}})
    assert (await world.post(message, path=STUB, headers=headers)).status == 200
    stub.reset()
    assert await retry(world, "state-1", "bob") == (400, -32602)
    assert not stub.requests
    assert await retry(world, "state-1", "ann") == (200, 0)


async def test_a_state_of_another_replica_passes(world: World, stub: Stub) -> None:
    assert await retry(world, "never seen here", "bob") == (200, 0)


async def test_so_many_states_are_remembered_and_who_got_one_first_keeps_it() -> None:
    states = States(limit=2)
    for subject, state in (("ann", "a"), ("bob", "a"), ("ann", "b"), ("ann", "c")):
        await states.bind(subject, "s", state)
    await states.check("bob", "s", "a")  # forgotten by now
    with pytest.raises(Exception, match="no such requestState"):
        await states.check("bob", "s", "b")
    await states.check("bob", "another server", "b")
    await states.check("ann", "s", "b")
