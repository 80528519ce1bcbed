"""The outermost layer: who gets in, and what the others are told."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from airegistry.core.errors import Unauthenticated
from airegistry.core.principals import Principal
from airegistry.oauth.authenticate import Authenticate, is_public
from airegistry.oauth.identity import PRINCIPAL, principal_of
from airegistry.oauth.resources import Resources
from airegistry.oauth.session_owner import owner_of_sessions

pytestmark = pytest.mark.anyio
ANN = Principal("token:ann", client="1")
TOKENS = {"air_1_secret": ANN, "p@ss,word!" * 4: ANN}
Headers = list[tuple[bytes, bytes]]


class Known:
    """A table of tokens, each for every resource."""

    async def resolve(self, token: str, resource: str) -> Principal | None:
        return TOKENS.get(token)

    def alive(self, token: str, resource: str) -> bool:
        return token in TOKENS

    def holder(self, token: str, resource: str) -> Principal | None:
        return TOKENS.get(token)


@dataclass
class Inside:
    """The application behind, and what reached it."""

    seen: list[Scope] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope)


async def ask(path: str, headers: Headers, kind: str = "http") -> tuple[Inside, list[Message]]:
    inside, sent = Inside(), []

    async def receive() -> Message:
        raise AssertionError("nothing is read of a request before it is let in")

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": kind, "path": path, "headers": headers, "method": "GET"}
    await Authenticate(inside, Known(), Resources("https://r.test"))(scope, receive, send)
    return inside, sent


@pytest.mark.parametrize("value", [b"Bearer air_1_secret", b"bearer  air_1_secret", b"Bearer " + b"p@ss,word!" * 4])
async def test_a_valid_token_lets_a_request_in_as_its_principal(value: bytes) -> None:
    inside, sent = await ask("/mcp", [(b"authorization", value)])
    assert principal_of(inside.seen[0]) == ANN
    assert inside.seen[0]["user"].access_token.subject == "token:ann"
    assert sent == []


BAD = [
    b"", b"Bearer", b"Bearer ", b"air_1_secret", b"Basic air_1_secret", b"Bearer air_1_secret ",
    b"Bearer air_1_secret x", b"Bearer air_1_secret,Bearer air_1_secret", b"Bearer \xff", b"Bearer unknown",
    b"Bearer " + b"x" * 9000,
]  # fmt: skip


@pytest.mark.parametrize("value", BAD)
async def test_a_token_that_does_not_hold_is_401_and_said_to_be_invalid(value: bytes) -> None:
    inside, (head, body) = await ask("/mcp", [(b"authorization", value)])
    assert inside.seen == []
    assert head["status"] == 401
    headers = dict(head["headers"])
    assert headers[b"www-authenticate"] == (
        b'Bearer error="invalid_token", resource_metadata="https://r.test/.well-known/oauth-protected-resource/mcp", '
        b'scope="mcp"'
    )
    assert headers[b"cache-control"] == b"no-store"
    assert json.loads(body["body"])["code"] == "unauthenticated"
    assert int(headers[b"content-length"]) == len(body["body"])


async def test_two_tokens_are_none() -> None:
    twice = [(b"authorization", b"Bearer air_1_secret")] * 2
    inside, (head, _) = await ask("/mcp", twice)
    assert inside.seen == []
    assert head["status"] == 401


async def test_without_a_token_the_challenge_names_no_error() -> None:
    _, (head, _) = await ask("/weather/mcp", [])
    challenge = dict(head["headers"])[b"www-authenticate"]
    assert challenge.startswith(b"Bearer resource_metadata=")
    assert b"/.well-known/oauth-protected-resource/weather/mcp" in challenge


@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer unknown")]])
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/mcp", "/mcp"),
        ("/mcp/", "/mcp"),
        ("/airegistry-tools/mcp", "/airegistry-tools/mcp"),
        ("/weather/sse", "/weather/mcp"),
        ("/api/v1/servers", "/api"),
        ("/v0.1/servers", "/api"),
        ("/agents/planner/rpc", "/agents/planner"),
    ],
)
async def test_the_challenge_names_the_metadata_of_the_resource_of_a_path(
    headers: Headers, path: str, named: str
) -> None:
    _, (head, _) = await ask(path, headers)
    challenge = dict(head["headers"])[b"www-authenticate"]
    assert f'resource_metadata="https://r.test/.well-known/oauth-protected-resource{named}"'.encode() in challenge


@pytest.mark.parametrize("path", ['/"\r\nx: y', "/ä", "/" + "x" * 300, "/%0d%0a"])
async def test_a_path_that_fits_no_header_is_not_repeated_in_the_challenge(path: str) -> None:
    _, (head, _) = await ask(path, [])
    assert b'oauth-protected-resource",' in dict(head["headers"])[b"www-authenticate"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/.well-known/oauth-protected-resource/mcp"])
async def test_public_paths_are_served_to_anybody_and_as_nobody(path: str) -> None:
    inside, _ = await ask(path, [])
    assert PRINCIPAL not in inside.seen[0]
    with pytest.raises(Unauthenticated):
        principal_of(inside.seen[0])


@pytest.mark.parametrize(
    "path", ["/", "/healthz/", "/healthz/x", "//healthz", "/HEALTHZ", "/.well-known", "/x/.well-known/", "/mcp", ""]
)
async def test_no_other_path_is_public(path: str) -> None:
    assert not is_public(path)
    inside, (head, _) = await ask(path, [])
    assert (inside.seen, head["status"]) == ([], 401)


@pytest.mark.parametrize("path", ["/healthz", "/mcp", "/.well-known/x"])
async def test_websockets_are_closed(path: str) -> None:
    inside, sent = await ask(path, [(b"authorization", b"Bearer air_1_secret")], kind="websocket")
    assert inside.seen == []
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_the_lifespan_passes() -> None:
    inside, _ = await ask("", [], kind="lifespan")
    assert len(inside.seen) == 1


def test_sessions_belong_to_a_subject_at_a_client() -> None:
    owner = owner_of_sessions(ANN).access_token
    assert (owner.client_id, owner.subject, owner.token) == ("1", "token:ann", "")
    assert owner_of_sessions(Principal("ann")).access_token.client_id == "ann"


@pytest.mark.parametrize("left", [{}, {PRINCIPAL: None}, {PRINCIPAL: "ann"}])
def test_without_a_principal_there_is_no_caller(left: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        principal_of(left)
