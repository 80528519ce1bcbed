"""A person whose client shows forms is asked there, in the manner of its era, and nobody else is."""

from typing import Any

import anyio
import pytest
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError

from airegistry.core.assets import Json
from airegistry.core.pleas import QUESTION
from tests.gateway.approvals.test_queue import ERAS, WAYS, words
from tests.gateway.approvals.world import FORMS, World, messages
from tests.gateway.world import MODERN

pytestmark = pytest.mark.anyio
WIPE: Json = {"name": "wipe", "arguments": {"what": "disk"}}
ACCEPTED: Json = {QUESTION: {"action": "accept", "content": {}}}


class Person:
    """Answers forms, and remembers what it was asked."""

    def __init__(self, action: Any = "accept") -> None:
        self.action = action
        self.asked: list[str] = []

    async def __call__(self, message: str, kind: Any, params: Any, context: Any) -> ElicitResult[Any]:
        self.asked.append(message)
        return ElicitResult(action=self.action, content={} if self.action == "accept" else None)


async def call(world: World, path: str, mode: str, person: Person) -> str:
    session = world.client(path, mode)
    session.set_elicitation_callback(person)
    async with session:
        tool, arguments = words(path)
        result = await session.call_tool(tool, arguments)
    assert result.structured_content is not None
    return str(result.structured_content["result"])


@ERAS
@WAYS
async def test_a_person_who_accepts_has_its_call_go_on(world: World, path: str, mode: str) -> None:
    person = Person()
    assert await call(world, path, mode, person) == "disk is gone"
    (asked,) = person.asked
    shown = "w of virtual server desk-" if path.startswith("desk") else "wipe of server"
    assert asked.startswith(f"editor asks to call {shown}")
    assert asked.endswith("Arguments: what = disk")
    used = await world.settled("used")
    assert (used.channel, used.decided_by) == ("client", "user:ann")
    assert await world.acts(used.id) == [("user:ann", "approval:ask", "ok"), ("user:ann", "approval:approve", "ok")]
    assert world.wiped == ["disk"]


@ERAS
@WAYS
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_person_who_does_not_accept_has_it_refused(world: World, path: str, mode: str, action: str) -> None:
    with pytest.raises((ToolError, MCPError), match=r"needs a person's approval: .*(refused it|not answered)"):
        await call(world, path, mode, Person(action))
    assert world.wiped == []


@ERAS
async def test_each_call_is_asked_for_anew(world: World, mode: str) -> None:
    person = Person()
    for _ in range(2):
        await call(world, "both", mode, person)
    assert len(person.asked) == 2
    assert world.wiped == ["disk", "disk"]


async def test_a_state_is_good_for_its_caller_its_words_and_one_call(world: World) -> None:
    async with world.modern("both", FORMS) as ann, world.modern("both", FORMS, "cat") as cat:
        world.callers["cat"], kept = world.callers["robot"], world.callers["cat"]
        asked = (await ann.ask("tools/call", WIPE))["result"]
        assert asked["resultType"] == "input_required"
        answer: Json = {"requestState": asked["requestState"], "inputResponses": ACCEPTED}
        other: Json = {"name": "wipe", "arguments": {"what": "else"}}
        for client, params in ((cat, {**WIPE, **answer}), (ann, {**other, **answer})):
            refused = await client.ask("tools/call", params)
            assert refused["error"]["data"]["code"] == "approval_required"
        assert world.wiped == []
        assert "result" in await ann.ask("tools/call", {**WIPE, **answer})
        assert (await ann.ask("tools/call", {**WIPE, **answer}))["error"]["data"]["code"] == "approval_required"
        world.callers["cat"] = kept
    assert world.wiped == ["disk"]


@pytest.mark.parametrize("path", ["both", "desk-both"])
async def test_what_the_gateway_asked_is_not_shown_to_the_backend(world: World, path: str) -> None:
    tool = words(path)[0]
    async with world.modern(path, FORMS) as ann:
        asked = (await ann.ask("tools/call", {"name": tool, "arguments": {"what": "disk"}}))["result"]
        assert asked["inputRequests"].keys() == {QUESTION}
        again: Json = {"requestState": asked["requestState"], "inputResponses": ACCEPTED}
        done = await ann.ask("tools/call", {"name": tool, "arguments": {"what": "disk"}, **again})
    assert done["result"]["structuredContent"] == {"result": "disk is gone"}


@pytest.mark.parametrize(("mode", "tool"), [(MODERN, "ask_modern"), ("legacy", "ask")])
async def test_an_approved_call_whose_backend_asks_goes_on_without_asking_for_approval_again(
    world: World, mode: str, tool: str
) -> None:
    asked: list[str] = []

    async def answer(message: str, kind: Any, params: Any, context: Any) -> ElicitResult[Any]:
        asked.append(message)
        return ElicitResult(action="accept", content={"value": "Ann"} if message == "name?" else {})

    session = world.client("both", mode)
    session.set_elicitation_callback(answer)
    async with session:
        result = await session.call_tool(tool, {})
    assert result.structured_content is not None
    assert "Ann" in result.structured_content["result"]
    assert [message == "name?" for message in asked] == [False, True]


async def test_a_person_without_forms_and_a_machine_with_them_wait_in_the_queue(world: World) -> None:
    for subject, capabilities in (("ann", {}), ("robot", FORMS)):
        async with world.modern("both", capabilities, subject) as client, anyio.create_task_group() as group:
            group.start_soon(client.ask, "tools/call", WIPE)
            (request,) = await world.waiting()
            assert request.channel == "queue"
            await world.decide()
    assert world.wiped == ["disk", "disk"]


async def test_an_answer_of_another_session_is_no_answer(world: World) -> None:
    async with world.legacy("both", FORMS) as ann, world.legacy("both", FORMS) as elsewhere:
        message = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": WIPE}
        async with ann.post(message) as response:
            heard = messages(response)
            question = await anext(heard)
            assert question["method"] == "elicitation/create"
            said = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {}}}
            await elsewhere.say(said)
            assert world.wiped == []
            assert await ann.say(said) == 202
            done = await anext(heard)
    assert (done["id"], done["result"]["structuredContent"]) == (5, {"result": "disk is gone"})


async def test_a_client_that_hangs_up_on_the_question_takes_its_request_with_it(world: World) -> None:
    async with world.legacy("both", FORMS) as ann:
        async with ann.post({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": WIPE}) as response:
            await anext(messages(response))
        await world.settled("withdrawn")
    assert world.wiped == []


@pytest.mark.parametrize(("path", "tools"), [
    ("both", {"wipe": True, "ask": True, "echo": None}), ("desk-both", {"w": True, "echo": True}),
])  # fmt: skip
async def test_lists_keep_what_is_marked_and_show_the_mark(world: World, path: str, tools: dict[str, Any]) -> None:
    async with world.modern(path) as client:
        listed = (await client.ask("tools/list"))["result"]["tools"]
    found = {tool["name"]: tool.get("_meta", {}).get("airegistry/requires_approval") for tool in listed}
    assert found.items() >= tools.items()
