"""What every `SearchIndex` has to do: subclass `IndexContract` and give it a `make`."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airegistry.core.ports import IndexDocument, Mask, SearchIndex, Vectors

SEVERAL = [HealthCheck.differing_executors]
"""Each index runs the same tests."""
WORDS = "weather forecast city mail send report chart video audio s3 get_user rain".split()
DIMENSIONS = 24


_rows = np.random.default_rng(0).normal(size=(256, DIMENSIONS))
NONE = np.zeros((0, DIMENSIONS), np.float32)
ONE, TWO, THREE = b"1" * 16, b"2" * 16, b"3" * 16
UNITS = np.asarray(_rows / np.linalg.norm(_rows, axis=1, keepdims=True), np.float32)


def unit(*numbers: int) -> Vectors:
    """Unit vectors of random directions, by number."""
    return UNITS[list(numbers)]


def document(
    name: str,
    text: str = "",
    *,
    kind: str = "server",
    vectors: Vectors | None = None,
    facets: Mapping[str, str | Sequence[str]] | None = None,
) -> IndexDocument:
    """A document whose name and description are `text`."""
    found = NONE if vectors is None else vectors
    return IndexDocument(name, kind, {"name": text, "description": text}, found, facets or {})


def only(*ids: str) -> Callable[[Sequence[str]], Mask]:
    """An access rule that lets these through."""
    return lambda asked: np.array([one in ids for one in asked], np.bool_)


def invented(number: int) -> IndexDocument:
    """One of many documents, of eight ids, by number."""
    rng = Random(number)

    def text() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randrange(6)))

    return IndexDocument(
        f"server/d{rng.randrange(8)}",
        rng.choice(("server", "agent")),
        {"name": text(), "body": text(), "tags": text()},
        unit(*rng.choices(range(len(UNITS)), k=rng.randrange(5))),
        {"stage": rng.choice(("dev", "live"))},
    )


documents = st.integers(0, 10_000).map(invented)
names = st.sampled_from([f"server/d{n}" for n in range(8)])
queries = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
vectors = st.none() | st.sampled_from(list(UNITS))


class IndexContract:
    """Tests of the port alone."""

    def make(self) -> SearchIndex:
        """An empty index."""
        raise AssertionError("a subclass says which index")

    def filled(self, *entries: IndexDocument) -> SearchIndex:
        """An index of these documents."""
        index = self.make()
        for entry in entries:
            index.put(entry)
        return index

    def ids(self, index: SearchIndex, query: str, vector: Vectors | None = None) -> list[str]:
        """The ids found, best first."""
        return [match.id for match in index.search(query, vector)[0]]

    def test_an_empty_index_finds_nothing(self) -> None:
        index = self.make()
        assert index.search("weather", unit(1)[0]) == ([], 0)
        assert index.search("", None) == ([], 0)
        assert len(index) == 0

    def test_a_document_is_found_by_the_search_after_its_put(self) -> None:
        index = self.filled(document("server/a", "weather"))
        assert self.ids(index, "weather") == ["server/a"]
        assert len(index) == 1

    def test_a_replaced_document_is_found_by_its_new_words_only(self) -> None:
        index = self.filled(document("server/a", "weather"), document("server/a", "mail"))
        assert self.ids(index, "weather") == []
        assert self.ids(index, "mail") == ["server/a"]
        assert len(index) == 1

    def test_what_is_put_again_with_a_content_that_is_known_needs_no_vectors(self) -> None:
        whole = replace(document("server/a", "weather", vectors=unit(1)), content=ONE)
        index = self.filled(whole, document("server/b", "rain", vectors=unit(2)))
        before = index.search("weather", unit(1)[0])
        assert index.knows("server/a", ONE)
        index.put(replace(whole, vectors=NONE, facets={"stage": "live"}))
        assert index.search("weather", unit(1)[0]) == before
        assert self.ids(index, "weather")[:1] == ["server/a"]
        assert index.search("weather", unit(1)[0], facets={"stage": ["live"]})[1] == 1

    def test_what_is_put_with_another_content_is_another_document(self) -> None:
        whole = replace(document("server/a", "weather", vectors=unit(1)), content=ONE)
        index = self.filled(whole, replace(whole, content=TWO, vectors=unit(2)))
        assert (index.knows("server/a", ONE), index.knows("server/a", TWO)) == (False, True)
        assert index.search("mail", unit(2)[0])[0][0].dense > 0.9
        index.put(replace(whole, content=THREE, vectors=NONE))
        assert not index.knows("server/a", THREE)
        assert index.search("mail", unit(2)[0])[1] == 0
        index.remove("server/a")
        assert not index.knows("server/a", TWO)

    def test_a_removed_document_is_found_no_more(self) -> None:
        index = self.filled(document("server/a", "weather", vectors=unit(1)), document("server/b", "weather rain"))
        index.remove("server/a")
        assert self.ids(index, "weather", unit(1)[0]) == ["server/b"]
        assert len(index) == 1

    def test_removing_what_is_not_there_does_nothing(self) -> None:
        index = self.filled(document("server/a", "weather"))
        index.remove("server/b")
        assert len(index) == 1

    def test_words_count_more_in_a_name_than_in_a_body(self) -> None:
        empty = np.zeros((0, DIMENSIONS), np.float32)
        index = self.filled(
            IndexDocument("server/a", "server", {"name": "mail", "body": "weather"}, empty),
            IndexDocument("server/b", "server", {"name": "weather", "body": "mail"}, empty),
        )
        assert self.ids(index, "weather") == ["server/b", "server/a"]

    def test_the_lexical_score_is_that_of_bm25(self) -> None:
        index = self.filled(document("server/a", "weather"), document("server/b", "rain rain"))
        (match,) = index.search("weather", None)[0]
        rarity = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
        expected = rarity * 4 * 1.9 / (4 + 0.9 * (0.4 + 0.6 * 4 / 6))
        assert match.lexical == pytest.approx(expected)
        assert match.score == 1.0

    def test_the_dense_score_is_half_the_head_and_half_the_best_part(self) -> None:
        head, near, far = np.eye(3, dtype=np.float32)
        index = self.filled(document("server/a", vectors=np.stack([head, far, near])))
        (match,) = index.search("", np.array([0.6, 0.8, 0.0], np.float32))[0]
        assert match.dense == pytest.approx(0.7, abs=1e-3)
        assert match.head == pytest.approx(0.6, abs=1e-3)
        assert match.part == 1

    def test_a_document_without_parts_is_scored_by_its_head_alone(self) -> None:
        index = self.filled(document("server/a", vectors=np.eye(3, dtype=np.float32)[:1]))
        (match,) = index.search("", np.array([0.6, 0.8, 0.0], np.float32))[0]
        assert match.dense == pytest.approx(0.6, abs=1e-3)
        assert match.head == pytest.approx(0.6, abs=1e-3)
        assert match.part is None

    def test_a_replaced_document_loses_its_old_parts(self) -> None:
        head, part = np.eye(2, dtype=np.float32)
        index = self.filled(
            document("server/b", vectors=head[None]),
            document("server/a", vectors=np.stack([head, part, part])),
            document("server/a", vectors=head[None]),
        )
        assert [match.dense for match in index.search("", part)[0]] == [0, 0]

    def test_a_document_without_vectors_inherits_none_from_one_removed(self) -> None:
        index = self.filled(document("server/a", vectors=unit(1, 2)), document("server/b", vectors=unit(3)))
        index.remove("server/a")
        index.put(document("server/c", "rain"))
        assert self.ids(index, "", unit(1)[0]) == ["server/b"]

    def test_meaning_finds_what_words_do_not(self) -> None:
        rain, mail = np.eye(2, dtype=np.float32)
        index = self.filled(
            document("server/a", "rain", vectors=rain[None]), document("server/b", "mail", vectors=mail[None])
        )
        matches, total = index.search("letter", mail, limit=1)
        assert [match.id for match in matches] == ["server/b"]
        assert total == 2

    def test_weak_matches_are_returned_up_to_the_limit_and_counted(self) -> None:
        rain, mail = np.eye(2, dtype=np.float32)
        index = self.filled(
            document("server/a", "rain", vectors=rain[None]), document("server/b", "mail", vectors=mail[None])
        )
        matches, total = index.search("letter", mail, limit=5)
        assert [match.id for match in matches] == ["server/b", "server/a"]
        assert total == 2

    def test_a_document_without_vectors_is_found_by_its_words_beside_those_with_vectors(self) -> None:
        index = self.filled(document("server/a", "rain", vectors=unit(1)), document("server/b", "mail"))
        assert self.ids(index, "mail", -unit(1)[0]) == ["server/b", "server/a"]
        assert self.ids(index, "chart", unit(1)[0]) == ["server/a"]

    def test_without_a_vector_only_documents_with_a_word_of_the_query_are_found(self) -> None:
        index = self.filled(document("server/a", "rain", vectors=unit(1)), document("server/b", "mail"))
        assert index.search("mail", None)[1] == 1
        assert self.ids(index, "mail") == ["server/b"]
        assert self.ids(index, "") == []

    def test_total_counts_matches_beyond_the_limit(self) -> None:
        index = self.filled(*(document(f"server/{n}", "weather") for n in range(7)), document("server/x", "mail"))
        matches, total = index.search("weather", None, limit=3)
        assert ([match.id for match in matches], total) == (["server/0", "server/1", "server/2"], 7)

    def test_a_limit_of_zero_counts_only(self) -> None:
        index = self.filled(document("server/a", "weather"))
        assert index.search("weather", None, limit=0) == ([], 1)

    def test_equal_scores_are_ordered_by_id(self) -> None:
        index = self.filled(*(document(f"server/{n}", "rain", vectors=unit(3)) for n in "dbca"))
        assert self.ids(index, "rain", unit(3)[0]) == [f"server/{n}" for n in "abcd"]

    def test_kinds_choose_among_documents(self) -> None:
        index = self.filled(document("server/a", "rain"), document("agent/a", "rain", kind="agent"))
        assert [m.id for m in index.search("rain", None, kinds=frozenset(("agent",)))[0]] == ["agent/a"]
        assert index.search("rain", None, kinds=frozenset())[0] == []

    def test_facets_pass_documents_that_have_one_of_the_values_for_every_name(self) -> None:
        index = self.filled(
            document("server/a", "rain", facets={"tags": ["x", "y"], "stage": "dev"}),
            document("server/b", "rain", facets={"tags": ["z"], "stage": "dev"}),
            document("server/c", "rain", facets={"tags": ["x"], "stage": "live"}),
            document("server/d", "rain"),
        )

        def found(**facets: Sequence[str]) -> list[str]:
            return [match.id for match in index.search("rain", None, facets=facets)[0]]

        assert found(tags=["y", "z"]) == ["server/a", "server/b"]
        assert found(tags=["x"], stage=["dev"]) == ["server/a"]
        assert found(tags=["no"]) == []
        assert len(found()) == 4

    def test_a_replaced_document_loses_its_old_facets(self) -> None:
        index = self.filled(
            document("server/a", "rain", facets={"stage": "dev"}),
            document("server/a", "rain", facets={"stage": "live"}),
        )
        assert index.search("rain", None, facets={"stage": ["dev"]}) == ([], 0)
        assert index.search("rain", None, facets={"stage": ["live"]})[1] == 1

    def test_what_the_caller_may_not_see_is_neither_found_nor_counted(self) -> None:
        index = self.filled(document("server/a", "rain"), document("server/b", "rain"))
        matches, total = index.search("rain", None, allowed=only("server/b"), limit=1)
        assert ([match.id for match in matches], total) == (["server/b"], 1)
        assert index.search("rain", unit(1)[0], allowed=only()) == ([], 0)

    def test_access_is_asked_only_about_documents_that_pass_the_filters(self) -> None:
        index = self.filled(
            document("server/a", "rain"),
            document("agent/a", "rain", kind="agent", facets={"stage": "dev"}),
            document("agent/b", "rain", kind="agent"),
        )
        asked: list[str] = []

        def allowed(ids: Sequence[str]) -> Mask:
            asked.extend(ids)
            return np.ones(len(ids), np.bool_)

        index.search("rain", None, allowed=allowed, kinds=frozenset(("agent",)), facets={"stage": ["dev"]})
        assert asked == ["agent/a"]

    def test_a_document_removed_while_access_is_asked_is_not_found_nor_one_that_came_instead(self) -> None:
        index = self.filled(document("server/a", "rain"), document("server/b", "rain"))

        def allowed(ids: Sequence[str]) -> Mask:
            index.remove("server/a")
            index.put(document("server/secret", "rain"))
            return np.ones(len(ids), np.bool_)

        assert [match.id for match in index.search("rain", None, allowed=allowed)[0]] == ["server/b"]

    def test_vectors_of_another_length_are_refused_and_change_nothing(self) -> None:
        index = self.filled(document("server/a", "rain", vectors=unit(1)))
        with pytest.raises(ValueError, match="dimensions"):
            index.put(document("server/a", "mail", vectors=np.ones((1, 5), np.float32)))
        assert self.ids(index, "rain", unit(1)[0]) == ["server/a"]
        assert self.ids(index, "mail") == []

    def test_an_emptied_index_takes_vectors_of_another_length(self) -> None:
        index = self.filled(document("server/a", "rain", vectors=unit(1)))
        index.remove("server/a")
        index.put(document("server/a", "rain", vectors=np.ones((1, 1), np.float32)))
        assert self.ids(index, "", np.ones(1, np.float32)) == ["server/a"]

    @settings(max_examples=60, deadline=None, suppress_health_check=SEVERAL)
    @given(st.lists(documents | names, min_size=5, max_size=40), queries, vectors)
    def test_after_any_history_an_index_answers_like_a_fresh_one(
        self, history: list[IndexDocument | str], query: str, vector: Vectors | None
    ) -> None:
        index = self.make()
        current: dict[str, IndexDocument] = {}
        for entry in history:
            if isinstance(entry, str):
                index.remove(entry)
                current.pop(entry, None)
            else:
                index.put(entry)
                current[entry.id] = entry
        fresh = self.filled(*current.values())
        assert len(index) == len(current)
        assert index.search(query, vector, limit=5) == fresh.search(query, vector, limit=5)

    @settings(max_examples=100, deadline=None, suppress_health_check=SEVERAL)
    @given(
        st.lists(documents, min_size=3, max_size=25),
        st.frozensets(names),
        queries,
        vectors,
        st.sampled_from((None, "server")),
        st.sampled_from((None, "dev")),
    )
    def test_a_restricted_search_equals_that_of_an_index_of_the_visible_documents_only(
        self,
        entries: list[IndexDocument],
        granted: frozenset[str],
        query: str,
        vector: Vectors | None,
        kind: str | None,
        stage: str | None,
    ) -> None:
        current = {entry.id: entry for entry in entries}
        visible = [
            replace(entry, facets={})
            for entry in current.values()
            if entry.id in granted and kind in {None, entry.kind} and stage in {None, entry.facets["stage"]}
        ]
        found = self.filled(*entries).search(
            query,
            vector,
            allowed=only(*granted),
            kinds=None if kind is None else frozenset((kind,)),
            facets=None if stage is None else {"stage": [stage]},
            limit=7,
        )
        assert found == self.filled(*visible).search(query, vector, limit=7)
