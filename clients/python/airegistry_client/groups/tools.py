"""Tools: found and called, over REST or over MCP."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from pydantic import ValidationError

from airegistry_client import rpc
from airegistry_client.calls import told
from airegistry_client.connection import Json, Said, given, route
from airegistry_client.errors import BadAnswer, refusal
from airegistry_client.models.assets import AssetTool, Progress, Question, SearchAnswer, ServerTool, ToolResult
from airegistry_client.modes import Group, M, iterated, operation

REGISTRY = "/mcp"


class Tools(Group[M]):
    """The tools of all servers, over REST."""

    @operation
    async def list(self, *, path: str | None = None, version: str | None = None) -> Sequence[ServerTool]:
        """Every tool that you may see, or those of one server."""
        query = {"path": path, "version": version}
        return await self._connection.many(ServerTool, "/tools", "tools", query)

    @operation
    async def call(
        self, server: str, tool: str, arguments: Json | None = None, *, key: str | None = None
    ) -> ToolResult:
        """Call a tool of a server. It is done once, however often the request has to be sent: `key` names it.

        A tool that fails in its own words is a result with `is_error`; one that asks for input is `Unsupported`
        here, and not at `mcp.call`.
        """
        place = route("tools", server, tool, "calls")
        return await self._connection.ask(ToolResult, "POST", place, body={"arguments": arguments}, key=key)

    @iterated
    async def watch(
        self, server: str, tool: str, arguments: Json | None = None
    ) -> AsyncGenerator[Progress | Question | ToolResult, None]:
        """Call a tool and be told how that goes: how far it is, what is asked of you meanwhile, last its result.

        It waits for `answer` to each `Question`; leave the loop to cancel it. Its request is sent once.
        """
        async for said in told(self._connection, route("tools", server, tool, "calls"), arguments):
            yield said

    @operation
    async def answer(
        self, call: str, question: int, action: Literal["accept", "decline", "cancel"], *, content: Json | None = None
    ) -> None:
        """Answer what a call asks that you `watch`; `content` is as the schema of the question wants it."""
        body = given({"question": question, "action": action, "content": content})
        await self._connection.request("POST", route("calls", call, "answers"), body=body)


class Mcp(Group[M]):
    """The registry as an MCP server, and the servers behind its gateway, each at its own address."""

    @operation
    async def tools(self, server: str) -> Sequence[AssetTool]:
        """The tools that a server, or a virtual one, offers you."""
        found, cursor = list[AssetTool](), None
        while True:
            params: Json = {} if cursor is None else {"cursor": cursor}
            page = await rpc.call(self._connection, _gateway(server), "tools/list", params)
            found += _tools(page)
            cursor = page.get("nextCursor")
            if not cursor:
                return found

    @operation
    async def call(
        self, server: str, tool: str, arguments: Json | None = None, *, answers: Json | None = None,
        state: str | None = None,
    ) -> ToolResult:  # fmt: skip
        """Call a tool through the gateway. A tool that wants to be told something raises `InputRequired`: call it
        again with `answers` to its requests, and with its `state`.
        """
        return _tool_result(await self._call(_gateway(server), tool, arguments, answers, state))

    @operation
    async def ask(self, tool: str, arguments: Json | None = None) -> Said:
        """Call a tool of the registry itself; what it answers is its structured content."""
        return await self._ask(tool, arguments)

    @operation
    async def search(self, query: str, *, kinds: Sequence[str] | None = None, limit: int | None = None) -> SearchAnswer:
        """Search by the tool `search_registry`, as a model does."""
        said: dict[str, object] = {"query": query}
        if kinds is not None:
            said["kinds"] = [*kinds]
        if limit is not None:
            said["limit"] = limit
        found = await self._ask("search_registry", said)
        try:
            return SearchAnswer.model_validate(found)
        except ValidationError as error:
            raise BadAnswer(f"the answer is none of a search: {error.errors()[0]['msg']}") from error

    async def _ask(self, tool: str, arguments: Json | None) -> Said:
        result = _tool_result(await self._call(REGISTRY, tool, arguments, None, None))
        said = result.structured_content
        members = said if isinstance(said, dict) else {}
        if result.is_error:
            raise refusal(200, {"message": result.text, **members})
        return members

    async def _call(
        self, path: str, tool: str, arguments: Json | None, answers: Json | None, state: str | None
    ) -> Said:
        params: dict[str, object] = {"name": tool, "arguments": {**(arguments or {})}}
        if answers is not None:
            params["inputResponses"] = {**answers}
        if state is not None:
            params["requestState"] = state
        return await rpc.call(self._connection, path, "tools/call", params, name=tool)


def _gateway(server: str) -> str:
    return f"{route(server)}/mcp"


def _tool_result(result: Said) -> ToolResult:
    try:
        return ToolResult.model_validate(result)
    except ValidationError as error:
        raise BadAnswer(f"the answer is none of a tool: {error.errors()[0]['msg']}") from error


def _tools(page: Said) -> Sequence[AssetTool]:
    tools = page.get("tools")
    if not isinstance(tools, list):
        raise BadAnswer("the answer has no list of tools")
    return [AssetTool.model_validate(tool) for tool in tools]
