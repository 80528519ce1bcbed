"""How a tool is declared: a method of a small class, its hints beside it."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from fastmcp import FastMCP
from fastmcp.tools.base import ToolResult
from mcp_types import ToolAnnotations

from airegistry.core.errors import AirError
from airegistry.core.grants import Action
from airegistry.tools.answering import answered
from airegistry.tools.confirm import Question, asking_first
from airegistry.tools.errors import tool_error
from airegistry.tools.shapes import Shape

P = ParamSpec("P")
R = TypeVar("R")
MARK = "__airegistry_tool__"


@dataclass(frozen=True, slots=True)
class Declared:
    """What MCP clients are told about a tool beside its schema.

    `needs` is the action on the registry that a tool of administration cannot do without. `confirm` is what the person
    at the client is asked first.
    """

    title: str
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool
    structured: bool
    needs: Action | None
    confirm: Question | None = None


def tool(
    title: str,
    *,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
    structured: bool = True,
    needs: Action | None = None,
    confirm: str | Question | None = None,
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Mark a method as a tool of the registry. `structured` False leaves the output schema out; `confirm` is what is
    asked first, as a text with the arguments in braces, or made of them."""

    def mark(method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        asked: Question | None = confirm if not isinstance(confirm, str) else _filled(confirm)
        hints = Declared(title, read_only, destructive, idempotent or read_only, open_world, structured, needs, asked)
        setattr(method, MARK, hints)
        return method

    return mark


def _filled(text: str) -> Question:
    return text.format_map


def add_tools(mcp: FastMCP, owner: object) -> None:
    """Add every marked method of an object to the server, in order of name."""
    for name, declared in declared_of(owner):
        method = getattr(owner, name)
        hints = ToolAnnotations(
            title=declared.title,
            read_only_hint=declared.read_only,
            destructive_hint=declared.destructive,
            idempotent_hint=declared.idempotent,
            open_world_hint=declared.open_world,
        )
        guarded = domain_errors(asking_first(method, declared.confirm) if declared.confirm else method)
        text = undocumented(guarded)
        if declared.structured:
            mcp.tool(guarded, name=name, title=declared.title, description=text, annotations=hints)
        else:
            mcp.tool(guarded, name=name, title=declared.title, description=text, annotations=hints, output_schema=None)


def undocumented(function: Callable[P, R]) -> str:
    """Take a function's docstring off it: FastMCP would load a parser of docstrings for it, some MB of memory."""
    text, function.__doc__ = inspect.getdoc(function), ""
    return text or ""


def declared_of(owner: object) -> Iterator[tuple[str, Declared]]:
    """The marked methods of an object, in order of name."""
    for name, method in inspect.getmembers(owner, inspect.ismethod):
        declared = getattr(method, MARK, None)
        if isinstance(declared, Declared):
            yield name, declared


def needs_of(owners: Iterable[object]) -> dict[str, Action]:
    """The tools of administration among the marked methods of some objects, and the action each needs."""
    declared = (each for owner in owners for each in declared_of(owner))
    return {name: known.needs for name, known in declared if known.needs is not None}


def domain_errors(method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R | ToolResult]]:
    """The method with every `AirError` turned into a tool error with a code, and every shape into a result."""

    @functools.wraps(method)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ToolResult:
        try:
            result = await method(*args, **kwargs)
        except AirError as error:
            return tool_error(error)
        return answered(result) if isinstance(result, Shape) else result

    return guarded
