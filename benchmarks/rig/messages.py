"""The calls that are measured: as bytes of HTTP for either era, and what their answers must hold."""

from dataclasses import dataclass
from typing import Any, Literal

import orjson

Era = Literal["modern", "legacy"]
ERAS: tuple[Era, ...] = ("modern", "legacy")
MODERN, LEGACY = "2026-07-28", "2025-11-25"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
READ_WHOLE = 4096
"""Answers up to so many bytes are parsed; in longer ones the expected text is looked for."""

Json = dict[str, object]


@dataclass(frozen=True)
class Body:
    """One kind of call: the tool, its arguments and the text that it answers with."""

    name: str
    tool: str
    arguments: Json
    expected: bytes


BODIES = {
    body.name: body
    for body in (
        Body("small", "echo", {"text": "hello"}, b"hello"),
        Body("100 KB in", "length", {"text": "x" * 100_000}, b"100000"),
        Body("100 KB out", "blob", {"size": 100_000}, b"x" * 100_000),
        Body("5 MB out", "blob", {"size": 5_000_000}, b"x" * 5_000_000),
    )
}


class WrongAnswer(Exception):
    """An answer is not what the call must get: the run is void."""


@dataclass(frozen=True)
class Address:
    """Where calls go: a loopback port, the path there and the bearer token, if one is wanted."""

    port: int
    path: str = "/mcp"
    token: str = ""

    def request(self, era: Era, method: str, params: Json, *, number: int | None, session: str = "") -> bytes:
        """A POST with its body; without a `number` it is a notification."""
        message: Json = {"jsonrpc": "2.0", "method": method, "params": params}
        headers = ["Accept: application/json, text/event-stream", "Content-Type: application/json"]
        if era == "modern":
            message["params"] = {**params, "_meta": META}
            headers += [f"MCP-Protocol-Version: {MODERN}", f"Mcp-Method: {method}"]
            headers += [f"Mcp-Name: {params['name']}"] if "name" in params else []
        elif method != "initialize":
            headers += [f"MCP-Protocol-Version: {LEGACY}", f"Mcp-Session-Id: {session}"]
        if number is not None:
            message["id"] = number
        return self.raw("POST", [*headers], orjson.dumps(message))

    def raw(self, verb: str, headers: list[str], body: bytes = b"") -> bytes:
        """A request with these headers."""
        if self.token:
            headers = [*headers, f"Authorization: Bearer {self.token}"]
        if body:
            headers = [*headers, f"Content-Length: {len(body)}"]
        head = "\r\n".join([f"{verb} {self.path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""])
        return head.encode() + body


def initialize() -> Json:
    """The parameters of the older era's first request."""
    return {
        "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "0"},
    }  # fmt: skip


def check(body: Body, number: int, status: int, answer: bytes) -> None:
    """Whether it is the answer to this very call.

    Raises:
        WrongAnswer: it is not.
    """
    wrong = WrongAnswer(f"{body.name} #{number}: {status} {answer[:300]!r}")
    if status != 200:
        raise wrong
    if len(answer) > READ_WHOLE:
        if body.expected not in answer or b'"id":%d' % number not in answer or b'"isError":true' in answer:
            raise wrong
        return
    message: dict[str, Any] = orjson.loads(message_of(answer))
    content = message.get("result", {}).get("content", [{}])
    if message.get("id") != number or content[0].get("text", "").encode() != body.expected:
        raise wrong


def message_of(answer: bytes) -> bytes:
    """The JSON-RPC response in an answer, be it JSON or an event stream."""
    return answer if answer.startswith(b"{") else answer[answer.rindex(b"data: ") + 6 :]
