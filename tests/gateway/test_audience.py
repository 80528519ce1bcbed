"""What the one who waits for an answer of `PooledUpstream` can do meanwhile."""

import json
from collections.abc import AsyncIterator

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, UpstreamFailed
from airegistry.core.ports import Audience
from airegistry.egress.stream import StreamClient
from airegistry.gateway.upstream import PooledUpstream
from tests.gateway.stub import Stub
from tests.gateway.test_upstream import at, both_eras, echoing_id, pooled
from tests.gateway.world import LEGACY, MODERN, World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def upstream(client: StreamClient) -> AsyncIterator[PooledUpstream]:
    async with pooled(client) as upstream:
        yield upstream


@both_eras
async def test_progress_is_told_while_the_call_goes_on(world: World, upstream: PooledUpstream, era: str) -> None:
    told: list[Json] = []

    async def hear(params: Json) -> None:
        told.append(params)

    answer = await upstream.request(
        at(world, "full", era), {}, "tools/call", {"name": "canary", "arguments": {"text": "c"}},
        timeout=5, owner="ann", audience=Audience(on_progress=hear),
    )  # fmt: skip
    assert answer.result is not None
    assert [(params["progress"], params["total"], params["message"]) for params in told] == [(1, 2, "c")]


@pytest.mark.parametrize(("era", "name"), [(MODERN, "ask_modern"), (LEGACY, "ask")])
async def test_an_audience_answers_what_a_backend_asks(
    world: World, upstream: PooledUpstream, era: str, name: str
) -> None:
    asked: list[str] = []

    async def answer(method: str, params: Json) -> Json:
        asked.append(f"{method}: {params['message']}")
        return {"result": {"action": "accept", "content": {"value": "Ann"}}}

    got = await upstream.request(
        at(world, "full", era), {}, "tools/call", {"name": name, "arguments": {}}, timeout=5, owner="ann",
        audience=Audience(on_question=answer, capabilities={"elicitation": {}}),
    )  # fmt: skip
    assert asked == ["elicitation/create: name?"]
    assert got.result is not None
    assert "Ann" in str(got.result["structuredContent"])


async def test_what_a_modern_backend_asks_is_the_callers_to_answer_if_it_wants_so(
    world: World, upstream: PooledUpstream
) -> None:
    audience = Audience(capabilities={"elicitation": {}}, takes_input_required=True)
    params: Json = {"name": "ask_modern", "arguments": {}}
    got = await upstream.request(at(world, "full", MODERN), {}, "tools/call", params, timeout=5, audience=audience)
    assert got.result is not None
    assert got.result["resultType"] == "input_required"


ASKING: list[tuple[object, Json, str]] = [
    ({"n": {"method": "roots/list"}}, {"error": {}}, "cannot be answered here"),
    ({"n": 1}, {"result": {}}, "in a form that is none"),
    ({"n": {"method": "roots/list"}}, {"result": {}}, "10 times"),
]


@pytest.mark.parametrize(("asks", "reply", "why"), ASKING, ids=[why for *_, why in ASKING])
async def test_input_that_cannot_be_given_ends_the_call(
    world: World, stub: Stub, upstream: PooledUpstream, asks: object, reply: Json, why: str
) -> None:
    async def answer(method: str, params: Json) -> Json:
        return reply

    stub.answer = echoing_id(stub, {"resultType": "input_required", "inputRequests": asks, "requestState": "s"})
    with pytest.raises(AirError, match=why):
        await upstream.request(
            at(world, "stub", MODERN), {}, "tools/call", {"name": "t"}, timeout=5, owner="ann",
            audience=Audience(on_question=answer),
        )  # fmt: skip
    if "10" in why:
        params = json.loads(stub.requests[-1][2])["params"]
        assert (params["inputResponses"], params["requestState"]) == ({"n": {}}, "s")


@both_eras
async def test_a_credential_that_is_refused_is_renewed_once(
    world: World, stub: Stub, upstream: PooledUpstream, era: str
) -> None:
    async def renew() -> dict[str, str] | None:
        return {"authorization": "Bearer new"}

    async def none() -> None:
        return None

    stub.status = 401
    for renewal, tries in ((renew, ["Bearer old", "Bearer new"]), (none, ["Bearer old"])):
        stub.requests.clear()
        with pytest.raises(UpstreamFailed, match="answered 401"):
            await upstream.request(
                at(world, "stub", era), {"authorization": "Bearer old"}, "tools/call", {"name": "t"}, timeout=5,
                owner="ann", renew=renewal,
            )  # fmt: skip
        assert [headers["authorization"] for _, headers, _ in stub.requests] == tries
