"""Calls as event streams: progress, what backends ask, results, and whose they are."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import anyio
import httpx2
import orjson
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.assets import Server
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from airegistry.rest.api import calls
from tests.gateway.desk import build_backend, signals
from tests.gateway.world import MODERN
from tests.rest.api_world import World
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
EVENTS = {"accept": "text/event-stream"}
Event = tuple[str, dict[str, object]]


def older(app: ASGIApp) -> ASGIApp:
    """The same backend, where nobody speaks the later era."""

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        if (b"mcp-protocol-version", MODERN.encode()) in scope.get("headers", ()):
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        await app(scope, receive, send)

    return refusing


@pytest.fixture(scope="module", autouse=True)
async def desks(world: World) -> AsyncIterator[None]:
    """The backend `desk` of the later era, `old-desk` of the older one, and a caller of them."""
    app = build_backend().http_app(path="/mcp")
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(app))
        for path, at in (("desk", url), ("old-desk", await stack.enter_async_context(serve(older(app))))):
            await world.app.services.catalog.register(SYSTEM, Server(path=path, name=path, url=f"{at}/mcp"))
        for name in ("caller", "other"):
            await world.caller(name, Grant(kinds=["server"], assets=["*desk"], actions=["list", "read", "call"]))
        yield


@pytest.fixture(autouse=True)
def _anew() -> None:
    signals.reset()


class Stream:
    """One call under way."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()

    async def event(self) -> Event:
        """Name and data of the next one; comments are left out."""
        name = ""
        with anyio.fail_after(5):
            async for line in self._lines:
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    return name, orjson.loads(line[6:])
        return "end", {}

    async def aclose(self) -> None:
        await self._lines.aclose()  # type: ignore[attr-defined]  # it is a generator


@asynccontextmanager
async def calling(
    world: World, tool: str, arguments: object = None, *, server: str = "desk", who: str = "caller"
) -> AsyncIterator[Stream]:
    """A call whose answer has begun."""
    headers = {"authorization": f"Bearer {world.tokens[who]}", **EVENTS}
    url = f"{world.url}/api/v1/tools/{server}/{tool}/calls"
    async with world.client.stream("POST", url, headers=headers, json={"arguments": arguments or {}}) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        async with aclosing(Stream(response)) as stream:
            yield stream


async def reply(world: World, asked: Event, who: str = "caller", **said: object) -> int:
    """The status that an answer to a question is taken with."""
    body = {"question": asked[1]["question"], **said}
    return (await world.ask("POST", f"/calls/{asked[1]['call']}/answers", who=who, json=body)).status_code


async def test_progress_is_told_while_the_call_runs_and_the_result_last(world: World) -> None:
    async with calling(world, "paced") as stream:
        assert await stream.event() == ("progress", {"progress": 1, "total": 2})
        signals.go.set()
        assert await stream.event() == ("progress", {"progress": 2, "total": 2})
        name, result = await stream.event()
        assert (name, result["content"], result["isError"]) == ("result", [{"type": "text", "text": "done"}], False)
        assert await stream.event() == ("end", {})


@pytest.mark.parametrize(("server", "tool"), [("desk", "ask_modern"), ("old-desk", "ask")])
async def test_what_a_backend_of_either_era_asks_is_answered_by_the_caller(
    world: World, server: str, tool: str
) -> None:
    async with calling(world, tool, server=server) as stream:
        asked = await stream.event()
        assert (asked[0], asked[1]["message"], asked[1]["question"]) == ("elicitation", "name?", 1)
        assert "value" in str(asked[1]["requestedSchema"])
        assert await reply(world, asked, action="accept", content={"value": "Ada"}) == 200
        name, result = await stream.event()
        assert name == "result"
        assert "accept" in str(result["structuredContent"])
        assert "Ada" in str(result["structuredContent"])


async def test_a_question_is_answered_once_by_who_made_the_call_and_by_nobody_else(world: World) -> None:
    async with calling(world, "ask_modern") as stream:
        asked = await stream.event()
        assert await reply(world, asked, "other", action="accept", content={"value": "Eve"}) == 404
        assert await reply(world, asked, "admin", action="decline") == 404
        assert await reply(world, asked, action="perhaps") == 400
        assert await reply(world, asked, action="accept", content="Ada") == 400
        assert await reply(world, asked, action="accept", more=1) == 400
        late: Event = ("", {**asked[1], "question": 2})
        assert await reply(world, late, action="decline") == 409
        assert await reply(world, asked, action="decline") == 200
        assert "decline" in str((await stream.event())[1]["structuredContent"])
    assert await reply(world, asked, action="decline") == 404
    assert (await world.ask("GET", f"/calls/{asked[1]['call']}/answers")).headers["allow"] == "POST"


async def test_what_fails_before_anything_was_told_is_refused_as_ever(world: World) -> None:
    for path, who, status in (
        ("/tools/desk/no-such-tool/calls", "caller", 404),
        ("/tools/desk/echo/calls", "nothing", 403),
        ("/tools/nowhere/echo/calls", "caller", 404),
    ):
        streamed = await world.ask("POST", path, who=who, json={"arguments": {"text": "x"}}, headers=EVENTS)
        plain = await world.ask("POST", path, who=who, json={"arguments": {"text": "x"}})
        assert (streamed.status_code, plain.status_code) == (status, status)
        assert streamed.json() == plain.json()
    body = {"arguments": {"text": "x"}}
    key = {**EVENTS, "idempotency-key": "k"}
    assert (await world.ask("POST", "/tools/desk/echo/calls", json=body, headers=key)).status_code == 400
    assert (await world.ask("POST", "/tools/desk/echo/calls", json={"text": 1}, headers=EVENTS)).status_code == 400


async def test_a_caller_who_takes_json_too_gets_it(world: World) -> None:
    both = {"accept": "application/json, text/event-stream"}
    answer = await world.ask("POST", "/tools/desk/echo/calls", json={"arguments": {"text": "x"}}, headers=both)
    assert answer.json()["content"] == [{"type": "text", "text": "x"}]
    asking = await world.ask("POST", "/tools/desk/ask_modern/calls", json={}, headers=both)
    assert (asking.status_code, asking.json()["code"]) == (400, "unsupported")


async def test_who_hangs_up_cancels_the_call(world: World) -> None:
    async with calling(world, "hang") as stream:
        assert (await stream.event())[0] == "progress"
    with anyio.fail_after(5):
        await signals.cancelled.wait()


async def test_a_caller_has_so_many_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST", 1)
    async with calling(world, "paced") as stream:
        await stream.event()
        answer = await world.ask("POST", "/tools/desk/paced/calls", who="caller", json={}, headers=EVENTS)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        async with calling(world, "canary", {"text": "c"}, who="other") as another:
            assert (await another.event())[0] == "progress"
        signals.go.set()


async def test_nothing_more_is_told_to_a_caller_whose_token_has_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "HEARTBEAT", 0.05)
    await world.caller("passing", Grant(kinds=["server"], assets=["desk"], actions=["list", "read", "call"]))
    held = (await world.get("/tokens"))["tokens"]
    assert isinstance(held, list)
    id_ = next(each["id"] for each in held if isinstance(each, dict) and each["name"] == "passing")
    async with calling(world, "ask_modern", who="passing") as stream:
        asked = await stream.event()
        assert (await world.ask("DELETE", f"/tokens/{id_}")).status_code == 200
        assert await reply(world, asked, "passing", action="decline") == 401
        name, problem = await stream.event()
        assert (name, problem["code"]) == ("error", "unauthenticated")
