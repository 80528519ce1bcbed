"""Every command that a page names is one, with the options that it gives, and no more arguments than are taken."""

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App, CycloptsError, MissingArgumentError

from airegistry.cli.main import commands
from tests.docs.console import blocks, every_step
from tests.support.processes import ROOT

GLOBS = ("*.md", "docs/*.md", "skills/*/SKILL.md", "terraform/**/*.md")
PAGES = sorted(page for glob in GLOBS for page in ROOT.glob(glob))
_INLINE = re.compile(r"`(airegistry [^`\n]+)`")
_GENERATED = re.compile(r"<!-- generated: commands -->.*?<!-- end -->", re.DOTALL)
_AFTER = re.compile(r"\s[|>&;<].*|…")
_CHOICE = re.compile(r"(?:[\w-]+\|)+(?=[\w-])")
"""`aws|keycloak|verify`: the last stands for all."""


def named(page: Path) -> Iterator[str]:
    """The commands of a page: in its sentences, on its terminals, in its scripts."""
    yield from _INLINE.findall(_GENERATED.sub("", page.read_text(encoding="utf-8")))
    shown = [step.command for step in every_step(page)]
    shown += [line for block in blocks(page) if block.language == "sh" for line in lines(block.text)]
    yield from (f"airegistry {part[1]}" for line in shown if (part := re.match(r"(?:/\S+/)?airegistry (.*)", line)))


def lines(script: str) -> list[str]:
    return [line.strip() for line in script.replace("\\\n", " ").splitlines()]


@functools.cache
def app() -> App:
    return commands()


def wrong(command: str) -> str | None:
    """What is wrong with a command; None if nothing is. Pages leave arguments out, and may."""
    try:
        words = shlex.split(_CHOICE.sub("", _AFTER.sub("", command)), comments=True)[1:]
    except ValueError:
        return None  # it goes on in the next line of a script
    try:
        names, _, _ = app().parse_commands(words)
        unused = app().parse_known_args(words)[2] if names else []
    except MissingArgumentError:
        return None
    except CycloptsError as error:
        return f"{command}: {error}"
    if not names and words:
        return f"{command}: no such command"
    return f"{command}: {unused}" if unused else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_that_a_page_names_are_commands(page: Path) -> None:
    assert [fault for command in named(page) if (fault := wrong(command))] == []


def test_hundreds_are_named_and_a_wrong_one_would_be_seen() -> None:
    assert sum(1 for page in PAGES for _ in named(page)) > 300
    assert wrong("airegistry tokens create x")
    assert wrong("airegistry token create x --colour red")
    assert wrong("airegistry token mint x")
    assert wrong("airegistry token create x --json | tee y") is None
