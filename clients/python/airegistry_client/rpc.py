"""MCP of 2026-07-28 over HTTP: one POST a request, without a session. The registry bridges it to older backends."""

from base64 import b64encode
from http import HTTPStatus
from itertools import count

from pydantic import JsonValue, RootModel, ValidationError
from pydantic_core import to_json

from airegistry_client.connection import AGENT, Connection, Json, Said, refused
from airegistry_client.errors import BadAnswer, InputRequired, Refused, refusal
from airegistry_client.sse import Reader
from airegistry_client.transport import Reply, Request

VERSION = "2026-07-28"
_META = "io.modelcontextprotocol/"
_CODES = {-32602: "invalid", -32601: "unsupported", -32020: "invalid", -32022: "unsupported"}
_NUMBERS = count(1)


class _Message(RootModel[dict[str, JsonValue]]):
    """A message of JSON-RPC."""


async def call(connection: Connection, path: str, method: str, params: Json, *, name: str | None = None) -> Said:
    """The result of one MCP request; `path` is that of the server below the registry, `name` what `Mcp-Name` says.

    It is made again only where it cannot have been done: nobody knows what a tool does twice.

    Raises:
        Refused: the registry or the server said no.
        InputRequired: it wants to be told something first.
        Unreachable, BadAnswer, LoginFailed: there is no answer to speak of.
    """
    meta: dict[str, JsonValue] = {
        f"{_META}protocolVersion": VERSION,
        f"{_META}clientCapabilities": {"elicitation": {"form": {}, "url": {}}},
        f"{_META}clientInfo": {"name": AGENT.partition("/")[0], "version": AGENT.partition("/")[2]},
    }
    number = next(_NUMBERS)
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": meta}}
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": VERSION,
        "mcp-method": method,
        **({"mcp-name": _header(name)} if name is not None else {}),
    }
    reply = await connection.send(Request("POST", f"{connection.url}{path}", headers, to_json(message)), path)
    result = _result(reply, number)
    if result.get("resultType", "complete") == "input_required":
        requests, state = result.get("inputRequests"), result.get("requestState")
        raise InputRequired(requests if isinstance(requests, dict) else {}, state if isinstance(state, str) else None)
    return result


def _result(reply: Reply, number: int) -> Said:
    for message in _messages(reply):
        if message.get("id") not in (number, None):
            continue
        error, result = message.get("error"), message.get("result")
        if isinstance(error, dict):
            raise _refused(error, reply)
        if isinstance(result, dict):
            return result
    if reply.status >= HTTPStatus.BAD_REQUEST:
        raise refused(reply)
    raise BadAnswer("the answer does not follow MCP")


def _messages(reply: Reply) -> list[Said]:
    texts = [reply.body]
    if reply.headers.get("content-type", "").startswith("text/event-stream"):
        texts = [message.data.encode() for message in Reader().feed(reply.body)]
    try:
        return [_Message.model_validate_json(text).root for text in texts]
    except ValidationError:
        return []


def _refused(error: Said, reply: Reply) -> Refused:
    data, number = error.get("data"), error.get("code")
    said = dict(data) if isinstance(data, dict) else {}
    if not isinstance(said.get("code"), str):
        said["code"] = _CODES.get(number, "internal") if isinstance(number, int) else "internal"
    return refusal(reply.status, {"message": error.get("message"), **said})


def _header(value: str) -> str:
    """A value that any text can stand in, as MCP writes it in headers."""
    plain = value.isascii() and value.isprintable() and value.strip() == value and not value.startswith("=?base64?")
    return value if plain else f"=?base64?{b64encode(value.encode()).decode()}?="
