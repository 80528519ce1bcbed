"""The tables that follow from the code are what `scripts/write_docs.py` would write now."""

from pathlib import Path

import anyio
import pytest

from airegistry.cli.main import main
from scripts.write_docs import DOCS, filled, parts

PAGES = [page for page in sorted(DOCS.glob("*.md")) if "<!-- generated: " in page.read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return anyio.run(parts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_generated_part_is_what_the_code_says(page: Path, made: dict[str, str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text, made) == text, "run `python scripts/write_docs.py`"


def test_every_part_stands_on_some_page(made: dict[str, str]) -> None:
    everything = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in made if f"<!-- generated: {name} -->" not in everything] == []


def test_a_part_that_is_out_of_date_is_written_anew() -> None:
    page = "by hand\n<!-- generated: tools -->\nold\n<!-- end -->\nby hand too\n"
    new = filled(page, {"tools": "| new |\n"})
    assert new == "by hand\n<!-- generated: tools -->\n\n| new |\n\n<!-- end -->\nby hand too\n"


def test_help_is_as_wide_as_the_terminal_is_now(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = []
    for columns in (60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        main(["agent", "list", "--help"])
        widths.append(max(map(len, capsys.readouterr().out.splitlines())))
    assert widths[0] <= 60 < widths[1] <= 100
