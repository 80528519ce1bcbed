"""A model that is none: it reads the conversation, asks the planner what comes next, and says so as a model would."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel
from strands.models import Model
from strands.types.content import Messages
from strands.types.streaming import StreamEvent
from strands.types.tools import ToolSpec

from airegistry_agents.planner import Answer, Call, Connect, Offered, Planner, Search, SearchAnswer, Seen

T = TypeVar("T", bound=BaseModel)
Block = Mapping[str, Any]
"""A part of a message, as Strands writes it down; its members depend on what it is."""


class ScriptedModel(Model):
    """Decides by a planner, without a network."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    async def stream(
        self, messages: Messages, tool_specs: list[ToolSpec] | None = None, system_prompt: str | None = None,
        **kwargs: object,
    ) -> AsyncIterable[StreamEvent]:  # fmt: skip
        """The next message, in the events of a stream."""
        match self._planner.next(seen(messages, tool_specs or [])):
            case Search(query):
                events = _use("search_registry", {"query": query, "kinds": ["tool"]})
            case Connect(found):
                events = _use("connect", {"server": found.server, "endpoint": found.endpoint})
            case Call(tool, arguments):
                events = _use(_prefixed(messages, tool), arguments)
            case Answer(text):
                events = _say(text)
        for event in events:
            yield event

    async def structured_output(
        self, output_model: type[T], prompt: Messages, system_prompt: str | None = None, **kwargs: object
    ) -> AsyncGenerator[dict[str, T | object], None]:
        """Nothing: a script has no words to put into a model."""
        raise ValueError("a scripted model gives no structured output")
        yield {}  # what makes it a generator

    def update_config(self, **model_config: object) -> None:
        """There is nothing to configure."""

    def get_config(self) -> Mapping[str, object]:
        """There is nothing to configure."""
        return {}


def seen(messages: Messages, tool_specs: Sequence[ToolSpec]) -> Seen:
    """What a conversation comes to so far."""
    uses = {use["toolUseId"]: use for use in _uses(messages)}
    answers = [(uses[result["toolUseId"]], result) for result in _results(messages)]
    found, offered, answered = None, None, None
    for use, result in answers:
        if use["name"] == "search_registry":
            found = SearchAnswer.model_validate_json(_text(result)).results
        elif use["name"] == "connect":
            prefix = f"{use['input']['server']}_"
            offered = [
                Offered(name=spec["name"].removeprefix(prefix), input_schema=spec["inputSchema"]["json"])
                for spec in tool_specs
                if spec["name"].startswith(prefix)
            ]
        else:
            answered = _text(result)
    return Seen(_goal(messages), found, offered, answered)


def _prefixed(messages: Messages, tool: str) -> str:
    """The name by which the agent knows a tool of the server that it is connected to."""
    server = [use["input"]["server"] for use in _uses(messages) if use["name"] == "connect"][-1]
    return f"{server}_{tool}"


def _uses(messages: Messages) -> list[Block]:
    return [block["toolUse"] for message in messages for block in message["content"] if "toolUse" in block]


def _results(messages: Messages) -> list[Block]:
    return [block["toolResult"] for message in messages for block in message["content"] if "toolResult" in block]


def _goal(messages: Messages) -> str:
    """What the conversation began with."""
    texts = [str(block["text"]) for block in messages[0]["content"] if "text" in block]
    return "\n".join(texts)


def _text(result: Block) -> str:
    return "\n".join(block["text"] for block in result["content"] if "text" in block)


def _use(name: str, arguments: Mapping[str, object]) -> list[StreamEvent]:
    return [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockStart": {"start": {"toolUse": {"name": name, "toolUseId": uuid4().hex}}}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(arguments)}}}},
        {"contentBlockStop": {}},
        {"messageStop": {"stopReason": "tool_use"}},
    ]


def _say(text: str) -> list[StreamEvent]:
    return [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockStart": {"start": {}}},
        {"contentBlockDelta": {"delta": {"text": text}}},
        {"contentBlockStop": {}},
        {"messageStop": {"stopReason": "end_turn"}},
    ]
