"""The site of all pages: every page has a place in it, and MkDocs builds it without a remark."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from scripts.site_links import on_page_markdown
from tests.deploy.tools import run
from tests.support.processes import ROOT


def pages(nav: object) -> Iterator[str]:
    """The pages of a navigation, in order."""
    if isinstance(nav, str):
        yield nav
    for one in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from pages(one)


def test_every_page_is_in_the_navigation_once() -> None:
    named = [*pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])]
    assert sorted(named) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))


def test_a_link_out_of_the_pages_becomes_a_path_in_words() -> None:
    page = "[back-up](backup.md), [list](../terraform/hardening.yaml)"
    assert on_page_markdown(page) == "[back-up](backup.md), list (`terraform/hardening.yaml`)"


def test_the_site_is_built_without_a_remark(tmp_path: Path) -> None:
    if importlib.util.find_spec("material") is None:
        assert not os.environ.get("AIREGISTRY_CI"), "the extra `docs` is of the development tools"
        pytest.skip("no MkDocs: pip install '.[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = run(*command, env={"NO_MKDOCS_2_WARNING": "1"})
    assert built.returncode == 0, built.stdout + built.stderr
    assert "WARNING" not in built.stdout + built.stderr
    assert (tmp_path / "site" / "runbook" / "index.html").exists()
    made = "".join(page.read_text(encoding="utf-8") for page in (tmp_path / "site").rglob("*.html"))
    assert "fonts.googleapis.com" not in made
