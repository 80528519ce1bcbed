"""What a server in front might let through is refused here as well; answers that clients post are told apart."""

import pytest

from airegistry.gateway.envelope import RESPONSE, Envelope, check_headers, parse, read_headers
from airegistry.gateway.errors import Malformed

LENGTH = (b"content-length", b"2")


@pytest.mark.parametrize(
    "headers",
    [
        [LENGTH, (b"transfer-encoding", b"chunked")],
        [LENGTH, LENGTH],
        [(b"content-length", b"-1")],
        [(b"content-length", b"")],
        [(b"content-length", b"9" * 16)],
        [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")],
        [(b"mcp-method", b"ping"), (b"mcp-method", b"ping")],
        [(b"last-event-id", b"1"), (b"last-event-id", b"2")],
        [(b"traceparent", b"\xff")],
        [(b"mcp-session-id", b"\xc3\xbc")],
    ],
)
def test_headers_that_a_server_in_front_should_have_refused_are_malformed(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Malformed):
        read_headers(headers)


def test_of_the_headers_only_those_of_the_protocol_go_on() -> None:
    inbound = read_headers(
        [
            (b"accept", b"a"),
            (b"accept", b"b"),
            (b"authorization", b"Bearer t"),
            (b"cookie", b"c"),
            (b"x-user", b"root"),
            (b"host", b"h"),
            (b"mcp-param-region", b"eu"),
            (b"mcp-session-id", b"s"),
            (b"tracestate", b"t"),
        ]
    )
    assert inbound.forward == [("accept", "a"), ("accept", "b"), ("mcp-param-region", "eu"), ("tracestate", "t")]
    assert inbound.session == "s"


@pytest.mark.parametrize(
    ("body", "id"),
    [
        (b'{"jsonrpc":"2.0","id":"e1","result":{}}', "e1"),
        (b'{"jsonrpc":"2.0","id":4,"error":{"code":1,"message":""}}', 4),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}', None),
    ],
)
def test_a_posted_answer_is_no_call(body: bytes, id: str | int | None) -> None:
    assert parse(body) == Envelope("response", id, RESPONSE)


def test_an_answer_whose_method_header_says_otherwise_is_refused() -> None:
    with pytest.raises(Malformed, match="Mcp-Method"):
        check_headers(read_headers([(b"mcp-method", b"tools/call")]), Envelope("response", 1, RESPONSE))


def test_nesting_deeper_than_is_printed_is_read_all_the_same() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}"
    assert parse(body).method == "ping"
