"""The statements of a part of a skill, one by one: of Python by its syntax tree, of the rest by brackets."""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from airegistry.scanners.skill_parts import Part

MOST = 20_000
"""Statements of one part that are read."""
_LONGEST_PYTHON = 200_000
_JOINED_LINES = 24
_NOTE = re.compile(r"^\s{0,40}(?:#(?!!)|//|--\s|rem\s|\*|/\*)", re.IGNORECASE)
_DEFINES = re.compile(
    r"^\s{0,80}(?:export {1,2})?(?:async {1,2})?(?:def|function|func|fn) {1,3}(\w{1,60})"
    r"|^\s{0,80}(?:const|let|var) (\w{1,60}) = (?:async )?(?:\([^)\n]{0,200}\)|\w{1,40}) =>"
    r"|^\s{0,20}(\w{1,60}) ?\(\) ?\{"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, or the head of a compound one; `inside` is the function it stands in, `at` its place."""

    text: str
    at: int
    inside: str = ""
    defines: str = ""


@lru_cache(maxsize=64)  # several rules read the same part
def tree_of(text: str) -> ast.Module | None:
    """The syntax tree of a text of Python; None when it does not parse."""
    if len(text) > _LONGEST_PYTHON:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the publisher's strings
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def statements(part: Part) -> Iterator[Statement]:
    """Every statement, in the order it stands, comments left out."""
    tree = tree_of(part.text) if part.language == "python" else None
    if tree is not None:
        starts = _starts(part.text)
        yield from _of_tree(tree, part.text, starts, "")
    else:
        yield from _of_lines(part)


def _starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _of_tree(node: ast.AST, text: str, starts: list[int], inside: str) -> Iterator[Statement]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            continue
        name = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else ""
        body = getattr(child, "body", None)
        if isinstance(child, ast.stmt) and not _is_remark(child):
            end = body[0].lineno - 1 if body and body[0].lineno > child.lineno else child.end_lineno or child.lineno
            start = starts[min(child.lineno - 1, len(starts) - 1)]
            yield Statement(text[start : starts[min(end, len(starts) - 1)]].strip(), start, inside, name)
        if body:
            yield from _of_tree(child, text, starts, name or inside)


def _is_remark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _of_lines(part: Part) -> Iterator[Statement]:
    """Lines, those joined whose brackets are open."""
    joins = part.language in ("javascript", "python", "powershell")
    held, depth, begun, inside, at, count = list[str](), 0, 0, "", 0, 0
    for line in part.text.splitlines(keepends=True):
        if not held:
            begun = at
        at += len(line)
        if not line.strip() or _NOTE.match(line):
            continue
        held.append(line)
        depth += sum(map(line.count, "([")) - sum(map(line.count, ")]")) if joins else 0
        if depth > 0 and len(held) < _JOINED_LINES:
            continue
        statement, held, depth = "".join(held).strip(), [], 0
        defined = _DEFINES.match(statement)
        name = next((group for group in defined.groups() if group), "") if defined else ""
        yield Statement(statement, begun, inside, name)
        inside = name or ("" if line.startswith(("}", "end")) else inside)
        count += 1
        if count == MOST:
            return
    if held:
        yield Statement("".join(held).strip(), begun, inside)
