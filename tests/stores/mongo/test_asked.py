"""What the database is asked: one question for a page, with the filters in it."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.documents import KEY, Glob, Json, Where
from airegistry.stores.where import clauses, meets

pytest.importorskip("pymongo", reason="needs pymongo")

from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from airegistry.stores.mongo import log as log_module
from airegistry.stores.mongo import open as opening
from airegistry.stores.mongo.asking import question
from airegistry.stores.mongo.log import MongoLog, _Writer
from airegistry.stores.mongo.open import open_mongo
from airegistry.stores.mongo.tokens import LONGEST, MOST, MOST_OF_FIELD, tokens

pytestmark = pytest.mark.anyio

scalars = (
    st.sampled_from(["a", "b", "a" * (LONGEST + 1), "*", "nul\0", 'a"'])
    | st.integers(-2, 2)
    | st.sampled_from([1.0, 0.5])
    | st.booleans()
    | st.none()
)
values = (
    scalars | st.lists(scalars, max_size=3) | st.lists(scalars, min_size=MOST_OF_FIELD + 1, max_size=MOST_OF_FIELD + 2)
)
fields = st.sampled_from(["a", "b", "a=1", "x" * (LONGEST + 1)])


wheres = st.dictionaries(fields, scalars | st.lists(scalars), max_size=2)


@given(st.dictionaries(fields, values, max_size=3), wheres, st.lists(wheres, max_size=2))
def test_whatever_matches_is_among_what_the_database_answers(
    body: Json, where: dict[str, Any], any_of: list[dict[str, Any]]
) -> None:
    asked = clauses(where, any_of)
    if meets(asked, "k", body):
        filter_ = question("c", asked, None)
        found = set(tokens(body))
        assert all(found & set(each["f"]["$in"]) for each in [filter_, *filter_.get("$and", [])] if "f" in each)


def test_a_body_of_very_many_fields_has_one_token() -> None:
    body: Json = {f"f{n}": n for n in range(MOST + 1)}
    assert tokens(body) == ["*"]
    assert "*" in question("c", clauses({"f1": 1}), None)["f"]["$in"]


def test_the_assets_of_a_source_have_a_token_and_those_of_before_there_were_sources_need_none() -> None:
    ours: Json = {"provenance": {"source": "local"}}
    theirs: Json = {"provenance": {"source": "far", "id": "x"}}
    assert (tokens(ours), tokens(theirs)) == ([], ['provenance.source="far"'])
    asked = question("c", clauses({"provenance.source": "far"}), None)
    assert 'provenance.source="far"' in asked["f"]["$in"]
    for wanted in ("local", ["far", "local"], None):
        assert "f" not in question("c", clauses({"provenance.source": wanted}), None)
    assert "f" not in question("c", clauses({"provenance.id": "x"}), None)


def test_what_can_be_asked_of_an_index_is_asked_of_it() -> None:
    def asked(where: Where, *any_of: Where, after: str | None = None) -> dict[str, Any]:
        return question("c", clauses(where, any_of), after)

    there = {"c": "c", "b": {"$ne": None}}
    ours = {"$gt": "c/s/b", "$gte": "c/s/", "$lt": "c/s0"}
    assert asked({}) == {**there, "_id": {"$gt": "c/", "$lt": "c0"}}
    assert asked({KEY: Glob("s/*")}, after="s/b") == {**there, "_id": ours}
    seen: Where = {"to": "all", "groups": ["red"]}
    tokens_ = ["*", 'groups="red"', "groups=*", 'to="all"', "to=*"]
    assert asked({KEY: Glob("s/*")}, seen, after="s/b") == {**there, "_id": ours, "f": {"$in": tokens_}}
    either = asked({"on": True}, {**seen, KEY: ["s/a", Glob("s/p-*"), Glob("s/*-q")]})
    assert either["f"] == {"$in": ["*", "on=*", "on=true"]}
    assert either["$and"] == [
        {
            "$or": [
                {"f": {"$in": tokens_}},
                {"_id": {"$in": ["c/s/a"]}},
                {"_id": {"$gte": "c/s/p-", "$lt": "c/s/p."}},
                {"_id": {"$gte": "c/s/", "$lt": "c/s0", "$regex": "(?s)^c/(?:s/.*\\-q$|.{200})"}},
            ]
        }
    ]


class Commands(CommandListener):
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.seen.append((event.command_name, dict(event.command)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def test_each_operation_asks_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands()
    listened = partial(AsyncMongoClient, event_listeners=[commands])
    monkeypatch.setattr(opening, "AsyncMongoClient", listened)
    monkeypatch.setattr(opening, "LOOK_EVERY", 3600.0)
    async with open_mongo(url) as stores:
        for n in range(60):
            await stores.documents.put("c", f"k{n:02}", {"kind": "even" if n % 2 == 0 else "odd"})
        await stores.documents.get("c", "k01")

        async def asked(*names: str) -> list[dict[str, Any]]:
            seen = [command for name, command in commands.seen if name in names]
            commands.seen.clear()
            return seen

        await asked()
        await stores.documents.put("c", "k01", {"kind": "odd"}, expect=1)
        await stores.documents.get("c", "k01")
        await stores.documents.delete("c", "k59")
        assert [name for name, _ in commands.seen] == ["findAndModify", "find", "findAndModify"]
        write = commands.seen[0][1]
        assert write["writeConcern"] == {"w": "majority", "j": True}
        assert "txnNumber" not in write
        await asked()
        page = [d.key async for d in stores.documents.find("c", where={"kind": "even"}, after="k10", limit=10)]
        assert page == [f"k{n}" for n in range(12, 32, 2)]
        [command] = await asked("find", "getMore")
        assert command["limit"] == 10
        assert 'kind="even"' in str(command["filter"])
        assert "hint" not in command
        assert len([d async for d in stores.documents.find("c")]) == 59
        [command] = await asked("find", "getMore")
        assert command["hint"] == {"_id": 1}, "or an engine may sort all of a catalog for a page"
        assert [d.key async for d in stores.documents.find("c", where={KEY: ["k07", "k03"]})] == ["k03", "k07"]
        [command] = await asked("find", "getMore")
        assert "hint" not in command
        await stores.log.append("audit", [{"n": n} for n in range(100)])
        assert len(await asked("insert")) == 1


async def test_pruned_records_are_gone_and_their_numbers_are_never_given_again(url: str) -> None:
    async with open_mongo(url) as stores:
        log = stores.log
        for n in range(1, 10):
            await log.append("audit", [{"n": n}])
        await log.append("audit", [{"n": 10}, {"n": 11}, {"n": 12}])
        assert await log.prune("audit", 11) == 10
        assert await log.prune("audit", 11) == 0
        assert [record.seq async for record in log.read("audit")] == [11, 12]
        assert [record.seq async for record in log.read("audit", reverse=True)] == [12, 11]
        assert await log.prune("audit", 99) == 2
        assert await log.last("audit") is None
        assert await log.streams() == ["audit"]
    async with open_mongo(url) as stores:
        assert await stores.log.append("audit", [{"n": 13}]) == 13
        assert [record.seq async for record in stores.log.read("audit")] == [13]


async def test_a_writer_that_slept_while_others_wrote_and_pruned_takes_no_number_twice(url: str) -> None:
    async with open_mongo(url) as sleeper, open_mongo(url) as other:
        await sleeper.log.append("audit", [{"n": 1}])
        for n in range(2, 6):
            await other.log.append("audit", [{"n": n}])
        await other.log.prune("audit", 5)
        assert next_of(sleeper.log) == 2
        assert await sleeper.log.append("audit", [{"n": 6}]) == 6
        assert [record.body["n"] async for record in other.log.read("audit")] == [5, 6]


def next_of(log: MongoLog) -> int | None:
    writers: dict[str, _Writer] = log._writers
    return writers["audit"].next


async def test_a_log_is_searched_by_the_database_a_span_of_records_at_a_time(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands()
    monkeypatch.setattr(opening, "AsyncMongoClient", partial(AsyncMongoClient, event_listeners=[commands]))
    monkeypatch.setattr(log_module, "SPAN", 7)
    async with open_mongo(url) as stores:
        for n in range(20):
            await stores.log.append("audit", [{"who": "ann" if n % 5 else 'b"o.b', "n": n}] * 3)

        async def seqs(where: Where, **more: Any) -> list[int]:
            return [record.seq async for record in stores.log.read("audit", where=where, **more)]

        wanted = [3 * n + k for n in range(0, 20, 5) for k in (1, 2, 3)]
        commands.seen.clear()
        assert await seqs({"who": 'b"o.b'}) == wanted
        assert await seqs({"who": ["nobody", 'b"o.b']}, reverse=True) == wanted[::-1]
        assert await seqs({"who": 'b"o.b'}, after=2, before=18) == [3, 16, 17]
        assert await seqs({"who": "bob"}) == []
        asked = [command["filter"] for name, command in commands.seen if name == "find" and "n" in command["filter"]]
        assert all("$regex" in str(each["$and"]) for each in asked)
        assert len(asked) > 9
        commands.seen.clear()
        assert await seqs({"n": 5}) == [16, 17, 18]
        assert not any("$and" in command.get("filter", ()) for _, command in commands.seen)
