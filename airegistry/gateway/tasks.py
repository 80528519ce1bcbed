"""Whose task is whose: a task id that a backend gave out is good for the caller who got it, and no credential."""

from collections import OrderedDict
from collections.abc import Callable

from airegistry.gateway.a2a.handles import Handles

MAX_TASKS = 1000
"""How many tasks of one caller are remembered, and how many callers times a hundred: the oldest go first."""


class Tasks:
    """Bound task ids, and the tool that each came from. Replicas have them in the store, in `shared`."""

    def __init__(self, shared: Handles | None = None) -> None:
        self._held: OrderedDict[str, OrderedDict[tuple[str, str], str | None]] = OrderedDict()
        self._shared = shared

    async def bind(self, subject: str, target: str, task: str, tool: str | None) -> None:
        """Make a task usable by `subject` on `target`."""
        if self._shared is not None:
            await self._shared.claim(target, "task", _of(subject, task), subject, tool)
            return
        held = self._held.setdefault(subject, OrderedDict())
        self._held.move_to_end(subject)
        held[target, task] = tool
        if len(held) > MAX_TASKS:
            held.popitem(last=False)
        if len(self._held) > 100 * MAX_TASKS:
            self._held.popitem(last=False)

    async def holds(self, subject: str, target: str, task: str) -> bool:
        """Whether `subject` got this task on `target`."""
        if self._shared is not None:
            return await self._shared.holder(target, "task", _of(subject, task)) is not None
        return (target, task) in self._held.get(subject, ())

    async def held(self, subject: str, target: str) -> Callable[[str], bool]:
        """Whether `subject` got a task on `target`, for many tasks at once."""
        if self._shared is not None:
            held = await self._shared.of(subject)
            return lambda task: held.has(target, "task", _of(subject, task))
        return lambda task: (target, task) in self._held.get(subject, ())

    async def tool(self, subject: str, target: str, task: str) -> str | None:
        """The tool that a task came from."""
        if self._shared is not None:
            holder = await self._shared.holder(target, "task", _of(subject, task))
            return None if holder is None else holder.skill
        held = self._held.get(subject)
        return held.get((target, task)) if held else None


def _of(subject: str, task: str) -> str:
    """A task as one caller's: a server that numbers the tasks of each of its clients gives an id out twice."""
    return f"{len(subject)}:{subject} {task}"
