"""The tables of figures were made from the data as it is committed; making them anew takes minutes."""

from pathlib import Path

import pytest

from airegistry.evaluation.measures import Mean
from airegistry.evaluation.report import Row
from benchmarks.search.figures import PAGES, checksum, filled, parts, stamps

ROW = Row("airegistry", "all", 7, Mean(0.5, 0.25, 0.75), Mean(1, 1, 1), Mean(0, 0, 0))
MADE = """| System | NDCG@10 | recall@10 | MRR |
| --- | --- | --- | --- |
| airegistry | 0.500 [0.250, 0.750] | 1.000 [1.000, 1.000] | 0.000 [0.000, 0.000] |
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_figures_are_of_the_committed_data(page: Path) -> None:
    made_from = stamps(page.read_text(encoding="utf-8"))
    assert made_from
    assert set(made_from.values()) == {checksum()}, "run `python -m benchmarks.search`"


def test_a_part_is_written_anew_with_what_it_was_made_from() -> None:
    page = "by hand\n<!-- measured: overall, none -->\n\nold\n<!-- end -->\nby hand\n"
    new = filled(page, parts([ROW]), "abc")
    assert new == f"by hand\n<!-- measured: overall, abc -->\n\n{MADE}\n<!-- end -->\nby hand\n"
    assert stamps(new) == {"overall": "abc"}
