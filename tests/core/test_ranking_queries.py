import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.ranking import heads, meant, parts_of, slip_edits, view, with_parts


def test_a_query_is_seen_as_its_distinct_words() -> None:
    assert view("send mail, send the invoice").terms == ("send", "mail", "invoic")


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("find the job, start the build and post the log", ["find the job", "start the build", "post the log"]),
        ("OCR the scan, then translate the text", ["OCR the scan", "translate the text"]),
        ("Close ticket 12. Refund the customer!", ["Close ticket 12", "Refund the customer!"]),
        ("open an incident\nwrite a post mortem", ["open an incident", "write a post mortem"]),
        ("weather in Rome as well as flights to Rome", ["weather in Rome", "flights to Rome"]),
        ("必应搜索，网页内容", ["必应搜索", "网页内容"]),
        ("the weather in Rome", []),
        ("bread and butter", []),
        ("Read config/app.yaml at v2.3.0", []),
        ("", []),
    ],
)
def test_the_parts_of_a_query_are_its_intents(query: str, parts: list[str]) -> None:
    assert list(parts_of(query)) == parts


def test_at_most_four_parts_of_a_query_are_looked_at() -> None:
    assert len(parts_of(", ".join(f"mail report {n}" for n in range(9)))) == 4


@given(st.text())
def test_any_query_has_no_part_or_several(query: str) -> None:
    assert len(parts_of(query)) != 1


@pytest.mark.parametrize(
    ("query", "typed"),
    [("create_pul_request", True), ("find pull requests now", True), ("find my pull requests now", False)],
)
def test_a_short_query_is_typed(query: str, typed: bool) -> None:
    assert view(query).typed is typed


@pytest.mark.parametrize(("term", "edits"), [("git", 0), ("wether", 1), ("forecasst", 2), ("gpt4", 0), ("必应", 0)])
def test_longer_words_may_be_mistyped_more(term: str, edits: int) -> None:
    assert slip_edits(term) == edits


def test_a_slip_stands_for_the_nearest_words_with_its_first_letter() -> None:
    assert meant("invocie", [("avocie", 1), ("invoic", 2), ("invoke", 2), ("invocies", 3)]) == ["invoic", "invoke"]


def test_a_slip_near_to_many_words_stands_for_none() -> None:
    assert meant("cart", [(word, 1) for word in ("card", "care", "chart", "carv")]) == []
    assert meant("cart", []) == []


def test_the_heads_are_the_best_hundred_and_all_that_are_as_good() -> None:
    scores = np.concatenate((np.zeros(50), np.ones(99), np.full(3, 0.5)))
    assert heads(scores).tolist() == list(range(50, 152))
    assert heads(np.zeros(3)).tolist() == [0, 1, 2]


def test_a_document_that_is_right_for_one_part_gains() -> None:
    whole, parts = np.array([0.4, 0.4]), [np.array([0.9, 0.4]), np.array([0.1, 0.4])]
    assert with_parts(whole, parts) == pytest.approx([0.7 * 0.4 + 0.3 * 0.9, 0.4])
    assert with_parts(whole, []) is whole
