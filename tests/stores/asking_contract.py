"""What every document store finds by keys, by forms of keys, and by one of several conditions."""

from airegistry.core.documents import KEY, DocumentStore, Glob, Where


class AskingContract:
    """A part of the contract of document stores; subclasses give a fixture `store`."""

    async def test_find_asks_for_keys_and_forms_and_for_one_of_several_conditions(self, store: DocumentStore) -> None:
        await store.put("c", "s/a", {"to": "all", "stage": "on"})
        await store.put("c", "s/b", {"to": "some", "groups": ["red", "blue"], "stage": "off"})
        await store.put("c", "s/b-prod", {"to": "none", "by": "ann", "stage": "off"})
        await store.put("c", "t/B", {"to": "none", "groups": ["red"], "stage": "on"})
        await store.put("c", f"x/{'y' * 2000}/z", {"to": "none", "stage": "on"})
        long = f"x/{'y' * 2000}/z"
        seen: Where = {"to": "all", "groups": ["red", "green"], "by": "ann"}
        cases: list[tuple[Where, list[Where], list[str]]] = [
            ({KEY: "s/b"}, [], ["s/b"]),
            ({KEY: ["t/B", "s/a", "none", ""]}, [], ["s/a", "t/B"]),
            ({KEY: Glob("s/*")}, [], ["s/a", "s/b", "s/b-prod"]),
            ({KEY: [Glob("s/b*"), Glob("*/B")]}, [], ["s/b", "s/b-prod", "t/B"]),
            ({KEY: Glob("[st]/?")}, [], ["s/a", "s/b", "t/B"]),
            ({KEY: [Glob("*/z"), long]}, [], [long]),
            ({KEY: Glob("x/yyy*z")}, [], [long]),
            ({"groups": Glob("bl*")}, [], ["s/b"]),
            ({}, [seen], ["s/a", "s/b", "s/b-prod", "t/B"]),
            ({}, [seen, {"stage": "on", "by": "ann"}], ["s/a", "s/b-prod", "t/B"]),
            ({KEY: Glob("s/*")}, [seen, {"stage": "on", KEY: [Glob("s/b"), "t/B"]}], ["s/a", "s/b"]),
            ({"stage": "on"}, [{KEY: [long, "s/b"], "by": ["ann", "bob"]}], [long]),
            ({"stage": "on"}, [{KEY: Glob("*y/z"), "in.deep": 1}], [long]),
            ({}, [{}], []),
        ]
        for where, any_of, expected in cases:
            found = [each.key async for each in store.find("c", where=where, any_of=any_of)]
            assert found == expected, (where, any_of)
            rest = store.find("c", where=where, any_of=any_of, after="s/a", limit=2)
            assert [each.key async for each in rest] == [key for key in expected if key > "s/a"][:2], (where, any_of)
