"""Asking whoever calls a tool of the registry, on behalf of a backend that the tool calls: progress and elicitation."""

from dataclasses import dataclass

import mcp_types
from fastmcp import Context
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from airegistry.core.assets import Json
from airegistry.core.pleas import ELICITATION, InputWanted, Plea, Verdict, can_elicit, form, verdict_of, without_answer
from airegistry.core.ports import Audience
from airegistry.oauth.identity import AUDIENCE, again_of
from airegistry.tools.caller import current_scope

_REFUSED: Json = {"error": {"code": mcp_types.METHOD_NOT_FOUND, "message": "not supported by this client"}}


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The caller of one tool call."""

    context: Context

    def audience(self) -> Audience:
        """What this caller can do while it waits: progress always, input where it declared that it gives some.

        A modern caller gets a modern backend's questions as they are; a backend of the older era is told that nobody
        answers, as its call would have to wait from one request of the caller to the next. A caller that is none of MCP
        may come with an audience of its own.
        """
        listening = self._listening()
        if listening is not None:
            return listening
        request = self.context.request_context
        declared = None if request is None else self.context.session.client_capabilities
        if request is None or declared is None or declared.elicitation is None:
            return Audience(on_progress=self._progress)
        capabilities: Json = {"elicitation": declared.elicitation.model_dump(by_alias=True, exclude_none=True)}
        if request.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return Audience(on_progress=self._progress, capabilities=capabilities, takes_input_required=True)
        return Audience(on_progress=self._progress, on_question=self._question, capabilities=capabilities)

    def input(self) -> Json:
        """The params with which the backend goes on, when the caller answers questions of an earlier round.

        The state was sealed for this very call: FastMCP lets no other one have it.
        """
        return without_answer(self._input())

    def plea(self, tool: str, arguments: Json) -> Plea:
        """How this caller is asked to approve a call itself, and kept waiting for an approver."""
        params: Json = {"name": tool, "arguments": arguments, **self._input()}
        return CallPlea(lambda: params, again_of(current_scope()), self)

    def can_elicit(self) -> bool:
        """Whether the client declared that it shows its person a form."""
        return can_elicit(self.audience().capabilities)

    @property
    def modern(self) -> bool:
        """Whether the client is asked by answers, and not by requests."""
        request = self.context.request_context
        return request is not None and request.protocol_version in MODERN_PROTOCOL_VERSIONS

    async def confirmed(self, question: str) -> Verdict:
        """What the person at a client of the older era says, or whoever listens otherwise."""
        reply = await (self.audience().on_question or self._question)(ELICITATION, form(question))
        return verdict_of(reply.get("result"))

    async def still_waiting(self, id: str, times: int) -> None:
        """Tell the client that its call waits for an approver."""
        told: Json = {"progress": times / 1_000_000, "message": f"waits for approval {id}"}
        await (self.audience().on_progress or self._progress)(told)

    def _listening(self) -> Audience | None:
        found = current_scope().get(AUDIENCE)
        return found if isinstance(found, Audience) else None

    def _input(self) -> Json:
        responses, state = self.context.input_responses, self.context.request_state
        input: Json = {}
        if responses is not None:
            input["inputResponses"] = {
                name: response.model_dump(mode="json", by_alias=True, exclude_none=True)
                for name, response in responses.items()
            }
        if state is not None:
            input["requestState"] = state
        return input

    async def _progress(self, params: Json) -> None:
        progress, total, message = (params.get(name) for name in ("progress", "total", "message"))
        if isinstance(progress, int | float):
            await self.context.report_progress(
                progress,
                total if isinstance(total, int | float) else None,
                message if isinstance(message, str) else None,
            )

    async def _question(self, method: str, params: Json) -> Json:
        if method != "elicitation/create":
            return _REFUSED
        session, message, id = self.context.session, str(params.get("message", "")), self.context.request_id
        try:
            if params.get("mode") == "url":
                url, elicitation = str(params.get("url", "")), str(params.get("elicitationId", ""))
                answer = await session.elicit_url(message, url, elicitation, id)
            else:
                schema = params.get("requestedSchema")
                answer = await session.elicit_form(message, schema if isinstance(schema, dict) else {}, id)
        except MCPError as error:
            return {"error": error.error.model_dump(mode="json", by_alias=True, exclude_none=True)}
        return {"result": answer.model_dump(mode="json", by_alias=True, exclude_none=True)}


@dataclass(slots=True, eq=False)
class CallPlea(Plea):
    """A call of `call_tool`."""

    dialogue: Dialogue

    @property
    def can_ask(self) -> bool:
        """Whether the client declared that it shows its person a form."""
        return self.dialogue.can_elicit()

    async def ask(self, id: str, question: str) -> Verdict:
        """Have the client's person confirm."""
        if self.dialogue.modern:
            raise InputWanted(id, question)
        return await self.dialogue.confirmed(question)

    async def waiting(self, id: str, times: int) -> None:
        """Send progress, if the client wants it."""
        await self.dialogue.still_waiting(id, times)


def asking(result: Json) -> mcp_types.InputRequiredResult:
    """A backend's result `input_required` as one of ours.

    Raises:
        ValidationError: it is none.
    """
    asked = {name: result[name] for name in ("resultType", "inputRequests", "requestState") if name in result}
    return mcp_types.InputRequiredResult.model_validate(asked)
