"""What the gateway reads of an agent's answer as it passes: the ids in it, which become its caller's."""

from typing import Protocol

import orjson
from pydantic import JsonValue

from airegistry.gateway.a2a.members import folded
from airegistry.gateway.a2a.operations import LIST
from airegistry.gateway.a2a.request import Asked
from airegistry.gateway.attempts import OK, Result
from airegistry.gateway.envelope import Members
from airegistry.gateway.errors import BadAnswer

_WRAPPERS = frozenset(("task", "message", "msg", "statusupdate", "artifactupdate"))


class Owner(Protocol):
    """Who an answer goes to."""

    async def got(self, task: str | None, context: str | None) -> None:
        """Take note of ids that the agent gave out.

        Raises:
            BadAnswer: the task is another caller's.
        """
        ...

    async def may_see(self, task: str) -> bool:
        """Whether a task may stand in a list."""
        ...


class Reading:
    """Reads the answer to one request, message by message."""

    def __init__(self, asked: Asked, owner: Owner) -> None:
        self._asked = asked
        self._owner = owner
        self.result = OK

    async def message(self, raw: bytes, status: int = 200) -> bytes:
        """One message of the answer, as it goes on to the caller: as it came, but for lists.

        Raises:
            BadAnswer: it is no JSON object, or holds what is another caller's.
        """
        value = _object(raw)
        body: JsonValue = value
        if self._asked.binding == "JSONRPC":
            body = value.get("result")
            if isinstance(error := value.get("error"), dict):
                self.result = Result("error", f"JSON-RPC {error.get('code')}")
        if status < 400 and self._asked.operation == LIST and not isinstance(body, dict) and "error" not in value:
            raise BadAnswer("the agent's answer is no page of tasks")
        if status >= 400 or not isinstance(body, dict):
            self.result = Result("error", f"HTTP {status}") if status >= 400 else self.result
            return raw
        if self._asked.operation == LIST:
            await self._filter(body)
            return orjson.dumps(value)
        for item in (body, *(inner for name, inner in body.items() if folded(name) in _WRAPPERS)):
            if isinstance(item, dict):
                await self._owner.got(*_ids(item))
        return raw

    async def _filter(self, page: Members) -> None:
        """Leave of a page of tasks what is the caller's. What is left is all that its count tells of."""
        tasks = page.get("tasks")
        kept: list[JsonValue] = []
        for task in tasks if isinstance(tasks, list) else []:
            id = task.get("id") if isinstance(task, dict) else None
            if isinstance(id, str) and await self._owner.may_see(id):
                kept.append(task)
        page["tasks"] = kept
        for name in page:
            if folded(name) in {"totalsize", "pagesize"}:
                page[name] = len(kept)


def _ids(item: Members) -> tuple[str | None, str | None]:
    """The task and the context that an object of an answer belongs to."""
    found = {folded(name): value for name, value in item.items() if isinstance(value, str) and value}
    task = found.get("taskid") or (found.get("id") if "status" in item else None)
    return task, found.get("contextid")


def _object(raw: bytes) -> Members:
    try:
        value: JsonValue = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BadAnswer("the agent's answer is not JSON") from None
    if not isinstance(value, dict):
        raise BadAnswer("the agent's answer is no JSON object")
    return value
