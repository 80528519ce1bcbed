"""The twins of every tool: its routes by the table of `rest/twins.py`, its commands by what they say they call.

A command declares the tool it calls by naming it: the text stands in its function, or in one of its module that it
uses.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType

from cyclopts import App

from airegistry.cli.main import commands
from airegistry.rest.api.routes import PREFIX
from airegistry.rest.twins import TWINS

Rows = list[tuple[str, str, str]]
Functions = dict[str, ast.AST]


def rows(tools: Iterable[str]) -> Rows:
    """Tool, routes and commands, in order of tool."""
    known = sorted(tools)
    by_command = commands_of(known)
    return [(f"`{tool}`", _cell(routes_of(tool)), _cell(by_command[tool])) for tool in known]


def routes_of(tool: str) -> list[str]:
    """The routes of a tool, as the table has them."""
    return [f"{twin.method} {PREFIX}{twin.path}" for twin in TWINS if twin.tool == tool]


def commands_of(tools: Sequence[str]) -> dict[str, list[str]]:
    """The commands that call each tool."""
    found: dict[str, list[str]] = {tool: [] for tool in tools}
    for name, function in _commands(commands()):
        texts = _texts(function)
        for tool in texts & found.keys():
            found[tool].append(f"airegistry {name}")
    return {tool: sorted(names) for tool, names in found.items()}


def _commands(app: App, *before: str) -> Iterator[tuple[str, Callable[..., object]]]:
    for name in (name for name in app if not name.startswith("-")):
        yield from _commands(app[name], *before, name)
    if app.default_command is not None and before:
        yield " ".join(before), app.default_command


def _texts(function: Callable[..., object]) -> set[str]:
    """Every text in a function and in those of its module that it uses."""
    module = sys.modules[inspect.unwrap(function).__module__]
    known = _functions(module)
    texts, seen, open_ = set[str](), set[str](), [inspect.unwrap(function).__name__]
    while open_:
        name = open_.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        own = _own(known[name])
        for node in _inside(known[name]):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.Name) and node.id not in own:
                open_.append(node.id)
    return texts


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """What a definition does; not its decorators, which name the group of a command."""
    parts = node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else [node]
    for part in parts:
        yield from ast.walk(part)


def _own(node: ast.AST) -> set[str]:
    """Names of parameters and variables: they mean nothing of the module's."""
    parameters = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    return parameters | {
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }


def _functions(module: ModuleType) -> Functions:
    """What is defined at the top of a module: functions, classes, and names that have a value."""
    found: Functions = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update({target.id: node.value for target in node.targets if isinstance(target, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found


def _cell(words: Sequence[str]) -> str:
    return ", ".join(f"`{each}`" for each in words) or "none yet"
