"""Every rule for cards, skills, recipes and flows stands on the page."""

import importlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from airegistry.scanners.rules import Rule

PAGE = (Path(__file__).parents[2] / "docs" / "scanning.md").read_text("utf-8")
MODULES = (
    "card_words card_orders card_endpoints card_identity card_auth urls blobs skill_shell skill_flow skill_python "
    "skill_words skill_orders skill_settings skill_packages recipes flows"
).split()


def rules_in(value: object, depth: int = 4) -> Iterator[Rule]:
    """The rules in a value, however deep in tuples and dataclasses."""
    if isinstance(value, Rule):
        yield value
    elif depth and isinstance(value, tuple | list):
        for each in value:
            yield from rules_in(each, depth - 1)
    elif depth and is_dataclass(value) and not isinstance(value, type):
        for member in fields(value):
            yield from rules_in(getattr(value, member.name), depth - 1)


@pytest.mark.parametrize("name", MODULES)
def test_every_rule_is_on_the_page_and_says_what_to_do(name: str) -> None:
    module = importlib.import_module(f"airegistry.scanners.{name}")
    found = {rule.id: rule for value in vars(module).values() for rule in rules_in(value)}
    assert found
    for rule in found.values():
        assert f"`{rule.id}`" in PAGE
        assert rule.message
        assert rule.remediation
        assert any(code.endswith((":2025", ":2026")) for code in rule.codes)
