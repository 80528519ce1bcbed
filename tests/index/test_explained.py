import numpy as np

from airegistry.core.ports import IndexDocument, Match, Vectors
from airegistry.index.memory import MemoryIndex
from tests.index.base import DIMENSIONS, document, unit

NONE = np.zeros((0, DIMENSIONS), np.float32)


def explained(query: str, vector: Vectors | None = None, **fields: str) -> Match:
    index = MemoryIndex()
    index.put(IndexDocument("server/a", "server", fields, NONE if vector is None else unit(1)))
    return index.search(query, vector, explain=True)[0][0]


def test_a_match_tells_the_fields_and_the_words_as_they_were_typed() -> None:
    match = explained("overdue invoices", name="invoice-desk", description="Reminds of overdue invoices", body="mail")
    assert match.words == (("name", "invoices"), ("description", "overdue"), ("description", "invoices"))


def test_the_parts_of_a_typed_name_are_told_as_they_matched() -> None:
    match = explained("getUser!", name="user-admin", description="get a user")
    assert match.words == (("name", "user"), ("description", "get"), ("description", "user"))


def test_at_most_eight_words_are_told() -> None:
    words = "rain snow wind cloud storm fog hail sun frost dew"
    assert len(explained(words, name=words, description=words).words) == 8


def test_without_an_explanation_no_words_are_told() -> None:
    index = MemoryIndex()
    index.put(document("server/a", "rain"))
    assert index.search("rain", None)[0][0].words == ()


def test_a_match_by_meaning_alone_has_no_words() -> None:
    assert explained("weather", unit(1)[0], name="rain").words == ()


def test_words_that_a_replaced_document_had_are_told_no_more() -> None:
    index = MemoryIndex()
    index.put(document("server/a", "rain mail"))
    index.put(document("server/a", "rain"))
    (match,) = index.search("rain mail", None, explain=True)[0]
    assert match.words == (("name", "rain"), ("description", "rain"))


def test_a_match_tells_which_part_is_nearest_unless_the_head_is_nearer() -> None:
    index, axes = MemoryIndex(), np.eye(4, dtype=np.float32)
    index.put(document("server/a", vectors=axes[[0, 1, 2]]))
    index.put(document("server/b", vectors=axes[[3]]))

    def parts(query: Vectors) -> dict[str, int | None]:
        return {match.id: match.part for match in index.search("", query)[0]}

    assert parts(axes[2]) == {"server/a": 1, "server/b": None}
    assert parts(axes[1]) == {"server/a": 0, "server/b": None}
    assert parts(axes[0]) == {"server/a": None, "server/b": None}


def test_without_a_vector_no_part_is_told() -> None:
    index = MemoryIndex()
    index.put(document("server/a", "rain", vectors=unit(1, 2)))
    assert index.search("rain", None)[0][0].part is None


def test_a_mistyped_name_is_found_and_told_as_it_is_spelled() -> None:
    index = MemoryIndex()
    index.put(document("server/a", "github"))
    index.put(document("server/b", "mail"))
    matches, total = index.search("gihtub", None, explain=True)
    assert ([match.id for match in matches], total) == (["server/a"], 1)
    assert ("name", "github") in matches[0].words


def test_a_document_that_is_right_for_one_part_of_a_query_is_ranked_before_one_that_is_near_to_the_whole() -> None:
    index, axes = MemoryIndex(), np.eye(3, dtype=np.float32)
    index.put(document("server/whole", vectors=np.array([[0.62, 0, 0.78]], np.float32)))
    index.put(document("server/part", vectors=np.array([[0.6, 0.8, 0]], np.float32)))
    assert [match.id for match in index.search("", axes[0])[0]] == ["server/whole", "server/part"]
    assert [match.id for match in index.search("", axes[:2])[0]] == ["server/part", "server/whole"]
