"""What OAuth clients are told at the registry's tools when a broader token would do."""

import json
from dataclasses import dataclass, field, replace

import pytest
from starlette.types import Message, Receive, Scope, Send

from airegistry.core.grants import Grant
from airegistry.core.principals import Principal
from airegistry.oauth.identity import PRINCIPAL
from airegistry.oauth.resources import Resources
from airegistry.oauth.step_up import StepUpChallenges
from airegistry.tools.step_up import MAX_BODY, StepUp
from tests.core.wiring import World, build

pytestmark = pytest.mark.anyio
CHIEF = Principal("user:eve", "person", "app", scopes=frozenset({"chief"}), administers=False)
NARROW = Principal("user:ann", "person", "app", scopes=frozenset({"reads"}), withheld=frozenset({"calls"}))
PUT = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "put_scope", "arguments": {}}}


@dataclass
class Inside:
    """The tools: what reached them."""

    bodies: list[bytes] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, message = b"", await receive()
        while message["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
            message = await receive()
        self.bodies.append(body)
        self.ends.append(message["type"])


@pytest.fixture
async def world() -> World:
    world = await build()
    await world.holding(Grant(actions=["*"]), name="chief")
    await world.holding(Grant(assets=["weather"], actions=["read"]), name="reads")
    await world.holding(Grant(assets=["weather"], actions=["call"]), name="calls")
    await world.put_server("weather")
    await world.put_server("vault", visibility="private")
    return world


async def ask(
    world: World, who: Principal, body: object, *, method: str = "POST", cut: bool = False
) -> tuple[Inside, list[Message]]:
    """A request by a caller; what reached the tools, and what was answered before them."""
    services, inside, sent = world.services, Inside(), []
    challenges = StepUpChallenges(Resources("https://r.test"))
    layer = StepUp(
        inside, services.access, services.invocation, services.audit, {"put_scope": "policy"}, challenges.challenge
    )
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    half = len(content) // 2
    messages: list[Message] = [
        {"type": "http.request", "body": content[:half], "more_body": True},
        {"type": "http.disconnect"} if cut else {"type": "http.request", "body": content[half:], "more_body": False},
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/mcp", "headers": [(b"host", b"r.test")], PRINCIPAL: who}
    await layer(scope, receive, send)
    return inside, sent


def challenge(sent: list[Message]) -> str:
    head = sent[0]
    assert head["status"] == 403
    headers: dict[bytes, bytes] = dict(head["headers"])
    return headers[b"www-authenticate"].decode()


async def test_administration_without_the_scope_for_it_is_403_with_the_scopes_to_ask_for(world: World) -> None:
    """Auth trap 6: a tool that hides itself makes no client ask its person again."""
    inside, sent = await ask(world, CHIEF, PUT)
    assert inside.bodies == []
    assert challenge(sent) == (
        'Bearer error="insufficient_scope", '
        'resource_metadata="https://r.test/.well-known/oauth-protected-resource/mcp", scope="mcp mcp:admin"'
    )
    told = json.loads(sent[1]["body"])
    assert (told["jsonrpc"], told["id"]) == ("2.0", 1)
    assert told["error"]["data"] == {"code": "access_denied", "missing": ["mcp:admin"]}
    (event,) = await world.events(action="token:step_up")
    assert (event.subject, event.decision, event.outcome) == ("user:eve", "deny", "refused")


async def test_a_token_for_administration_passes_untouched(world: World) -> None:
    inside, sent = await ask(world, replace(CHIEF, administers=True), PUT)
    assert (inside.bodies, sent) == ([json.dumps(PUT).encode()], [])


async def test_who_could_not_do_it_with_any_token_is_answered_by_the_tool(world: World) -> None:
    inside, sent = await ask(world, replace(CHIEF, scopes=frozenset()), PUT)
    assert (len(inside.bodies), sent) == (1, [])


def calling(server: object, tool: object = "forecast") -> dict[str, object]:
    arguments = {"server": server, "tool": tool, "arguments": {}}
    return {**PUT, "params": {"name": "call_tool", "arguments": arguments}}


@pytest.mark.parametrize("path", ["weather", "/weather"])
async def test_a_call_that_a_broader_token_might_make_is_403(world: World, path: str) -> None:
    inside, sent = await ask(world, NARROW, calling(path))
    assert inside.bodies == []
    assert challenge(sent).endswith('scope="reads mcp:admin calls"')


def stepping(stage: str, path: object = "/weather") -> dict[str, object]:
    return {
        **PUT,
        "params": {"name": "set_lifecycle_stage", "arguments": {"kind": "server", "path": path, "stage": stage}},
    }


async def test_an_approval_without_the_scope_for_it_is_403(world: World) -> None:
    inside, sent = await ask(world, CHIEF, stepping("approved_production"))
    assert inside.bodies == []
    assert challenge(sent).endswith('scope="mcp mcp:admin"')


@pytest.mark.parametrize("body", [stepping("retired"), stepping("approved_dev", 7)])
async def test_other_steps_are_answered_by_the_tool(world: World, body: object) -> None:
    inside, sent = await ask(world, CHIEF, body)
    assert (len(inside.bodies), sent) == (1, [])


async def test_who_could_not_approve_with_any_token_is_answered_by_the_tool(world: World) -> None:
    inside, sent = await ask(world, NARROW, stepping("approved_dev"))
    assert (len(inside.bodies), sent) == (1, [])


@pytest.mark.parametrize("server", ["vault", "nothing", 7, None, "NOT A PATH"])
async def test_what_the_caller_may_not_know_of_is_answered_by_the_tool(world: World, server: object) -> None:
    inside, sent = await ask(world, NARROW, calling(server))
    assert (len(inside.bodies), sent) == (1, [])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", {"method": "tools/list"}, {"method": "tools/call"}, {"method": "tools/call", "params": []},
     {"method": "tools/call", "params": {"name": 7}}, {"method": "tools/call", "params": {"name": "call_tool"}},
     {"method": "tools/call", "params": {"name": "call_tool", "arguments": []}}, calling("weather", 7)],
)  # fmt: skip
async def test_what_is_no_call_passes_byte_for_byte(world: World, body: object) -> None:
    inside, sent = await ask(world, NARROW, body)
    assert inside.bodies == [body if isinstance(body, bytes) else json.dumps(body).encode()]
    assert sent == []


async def test_a_body_that_is_too_long_for_a_call_passes_in_full(world: World) -> None:
    body = b" " * (2 * MAX_BODY + 10)
    inside, sent = await ask(world, NARROW, body)
    assert [len(each) for each in inside.bodies] == [len(body)]
    assert sent == []


async def test_a_client_that_goes_away_is_seen_to_be_gone(world: World) -> None:
    inside, _ = await ask(world, CHIEF, PUT, cut=True)
    assert inside.ends == ["http.disconnect"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_other_verbs_are_not_looked_into(world: World, method: str) -> None:
    inside, sent = await ask(world, CHIEF, PUT, method=method)
    assert (len(inside.bodies), sent) == (1, [])
