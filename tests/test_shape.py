"""The shape of the code: no file over 400 lines, no function over 50."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("airegistry", "tests", "benchmarks", "scripts")
LONGEST_FILE = 400
LONGEST_FUNCTION = 50


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function's place and length in lines, from `def` to its end: decorators tell nothing of its duty."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert len(lengths) > 100
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    lengths = dict(each for path in sources() for each in functions(path))
    assert len(lengths) > 1000
    assert {place: length for place, length in lengths.items() if length > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("folder", ["airegistry", "tests"])
def test_packages_are_empty_but_for_the_products_own(folder: str) -> None:
    filled = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("__init__.py") if path.read_text("utf-8")}
    assert filled <= {"airegistry/__init__.py"}
