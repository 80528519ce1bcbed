"""Names of a virtual server's tools: whatever servers call theirs, clients get names that they accept, each once."""

import re

import pytest

from airegistry.core.errors import Conflict, Invalid
from airegistry.core.virtual_names import Names

ALLOWED = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ü", "x" * 65, "a\n"])
def test_an_alias_that_clients_refuse_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        Names().take(name)


def test_two_aliases_that_differ_by_case_alone_are_one() -> None:
    names = Names()
    assert names.take("Plus") == "Plus"
    with pytest.raises(Conflict):
        names.take("pLUS")


def test_a_name_that_is_free_is_taken_as_it_is() -> None:
    assert Names().choose(["plus", "math_plus"], origin="math\0plus") == "plus"


def test_the_second_default_is_taken_when_the_first_is_not_free() -> None:
    names = Names()
    names.take("PLUS")
    assert names.choose(["plus", "math_plus"], origin="math\0plus") == "math_plus"


@pytest.mark.parametrize("wish", ["x" * 128, "x" * 65, "wetter für zürich", "天气", "a/b", "🌧", "\udc80"])
def test_whatever_a_server_calls_its_tool_clients_get_an_allowed_name(wish: str) -> None:
    assert ALLOWED.fullmatch(Names().choose([wish, f"server_{wish}"], origin=wish))


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = Names()
    first = names.choose(["x" * 128], origin="a\0" + "x" * 128)
    second = names.choose(["x" * 127 + "y"], origin="a\0" + "x" * 127 + "y")
    assert first != second
    assert first[:50] == second[:50]


def test_a_name_is_found_even_when_every_default_is_taken() -> None:
    names = Names()
    chosen = {names.choose(["plus", "math_plus"], origin="math\0plus") for _ in range(6)}
    assert len(chosen) == 6
    assert all(ALLOWED.fullmatch(name) for name in chosen)
