"""What is found through the indexes of stores in memory, and what it takes."""

import time
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.documents import KEY, Glob, Json, Where
from airegistry.stores import find
from airegistry.stores.find import candidates
from airegistry.stores.memory import MemoryStore
from airegistry.stores.rows import Rows
from airegistry.stores.where import clauses, meets
from tests.stores.contract import collect

pytestmark = pytest.mark.anyio

keys = st.sampled_from(["s/a", "s/b", "s/bc", "t/a", "t/ä"])
scalars = st.sampled_from(["x", "y", 1, 1.0, True, None])
bodies = st.dictionaries(
    st.sampled_from(["one", "two"]), scalars | st.lists(scalars, max_size=2) | st.just({"a": 1}), max_size=2
)
writes = st.lists(st.tuples(keys, bodies | st.none()), max_size=12)
globs = st.sampled_from(["s/*", "*a", "t/?", "[s]/b*", "s/b", ""]).map(Glob)
conditions = st.dictionaries(
    st.sampled_from(["one", "two", "one.a"]), scalars | st.lists(scalars, max_size=2), max_size=2
) | st.dictionaries(st.just(KEY), keys | globs | st.lists(keys | globs, max_size=3), min_size=1)


@settings(max_examples=200, deadline=None)
@given(writes, writes, conditions, st.lists(conditions, max_size=2), st.none() | keys, st.none() | st.integers(0, 3))
async def test_through_indexes_is_found_what_is_found_without(
    first: list[tuple[str, Json | None]], then: list[tuple[str, Json | None]], where: Any, any_of: list[Any],
    after: str | None, limit: int | None,
) -> None:  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "MANY", 0)
        patch.setattr(find, "PAUSE", 2)
        store, held = MemoryStore(), dict[str, Json]()
        for part in (first, then):
            for key, body in part:
                await (store.delete("c", key) if body is None else store.put("c", key, body))
                held.pop(key, None)
                held |= {} if body is None else {key: body}
            asked = clauses(where, any_of)
            expected = [key for key in sorted(held) if key > (after or "") and meets(asked, key, held[key])]
            found = await collect(store.find("c", where=where, any_of=any_of, after=after, limit=limit))
            assert [document.key for document in found] == expected[:limit]


def test_the_rarest_of_what_is_asked_for_is_looked_at() -> None:
    rows = Rows[Json](lambda row: row)
    rows.fill({f"s/{n:05}": {"to": "all" if n % 500 else "some", "on": n % 2 == 0} for n in range(5000)})

    def looked_at(where: Where, *any_of: Where, after: str | None = None) -> int:
        return len([*candidates(rows, clauses(where, any_of), after)])

    assert looked_at({}) == looked_at({"none.of.these": 1}) == looked_at({"to": Glob("*")}) == 5000
    assert looked_at({"on": True}) == 2500
    assert looked_at({"on": True}, {"to": "some"}) == 10
    assert looked_at({"on": True}, {"to": "some", KEY: ["s/00001", "s/00500"]}) == 11
    assert looked_at({KEY: Glob("s/000*")}) == 100
    assert looked_at({"to": ["all", "some"], KEY: "s/00001"}) == 1
    assert looked_at({"to": "nobody"}) == 0
    assert looked_at({"on": False}, {"to": "some"}, after="s/02500") == 4


async def test_the_assets_of_a_source_are_looked_up_and_not_looked_for() -> None:
    rows = Rows[Json](lambda row: row)
    where: Where = {"provenance.source": "far"}
    rows.fill({f"s/{n:05}": {"provenance": {"source": "local" if n % 100 else "far"}} for n in range(5000)})
    assert len([*candidates(rows, clauses(where), None)]) == 50
    rows.put("s/00001", {"provenance": {"source": "far"}})
    rows.remove("s/00000")
    rows.put("s/00100", {"provenance": {"source": "other"}})
    assert [*candidates(rows, clauses(where), None)][:2] == ["s/00001", "s/00200"]


async def test_a_page_for_whom_little_is_shown_takes_no_longer_than_one_for_whom_everything_is() -> None:
    store, few = MemoryStore(), {"to": "all", "groups": ["red"], "by": "ann"}
    for n in range(20_000):
        body: Json = {"to": "none", "groups": ["red" if n % 1000 == 0 else "blue"], "by": "bob", "kind": "server"}
        await store.put("c", f"server/{n:05}", body)

    async def seconds(*any_of: Where) -> float:
        start = time.process_time()
        found = await collect(store.find("c", where={"kind": "server"}, any_of=any_of, limit=20))
        assert len(found) == 20
        return time.process_time() - start

    await seconds(few)  # which makes the indexes
    ratios = [await seconds(few) / await seconds() for _ in range(20)]
    assert median(ratios) <= 3
