"""Whose task is whose: a task id that a backend gave out is good for the caller who got it, and no credential."""

from collections import OrderedDict

MAX_TASKS = 1000
"""How many tasks of one caller are remembered, and how many callers times a hundred: the oldest go first."""


class Tasks:
    """Bound task ids, and the tool that each came from."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, OrderedDict[tuple[str, str], str | None]] = OrderedDict()

    def bind(self, subject: str, target: str, task: str, tool: str | None) -> None:
        """Make a task usable by `subject` on `target`."""
        held = self._held.setdefault(subject, OrderedDict())
        self._held.move_to_end(subject)
        held[target, task] = tool
        if len(held) > MAX_TASKS:
            held.popitem(last=False)
        if len(self._held) > 100 * MAX_TASKS:
            self._held.popitem(last=False)

    def holds(self, subject: str, target: str, task: str) -> bool:
        """Whether `subject` got this task on `target`."""
        return (target, task) in self._held.get(subject, ())

    def tool(self, subject: str, target: str, task: str) -> str | None:
        """The tool that a task came from."""
        held = self._held.get(subject)
        return held.get((target, task)) if held else None
