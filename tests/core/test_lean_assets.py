"""Assets in little memory are the assets that were put there."""

from datetime import UTC, datetime
from threading import Thread

import pytest

from airegistry.core import lean_assets
from airegistry.core.assets import Deprecation
from airegistry.core.lean_assets import LeanAssets
from airegistry.core.ports import AnyAsset
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sketches import Sketch, part_field
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio

TOOL = {"name": "forecast", "description": "Rain, 雨", "inputSchema": {"type": "object"}, "x-more": [1, 2.5, None]}
MADE: list[AnyAsset] = [
    asset("server", "weather", tools=[TOOL], groups=["staff"], visibility="group", created_by="user:ann", env=["KEY"]),
    asset("agent", "planner", card={"skills": []}, skills=[{"id": "s", "name": "plan", "more": True}]),
    asset("skill", "writing", content="# Écrire", enabled=False),
    asset("virtual_server", "both", tools=[{"server": "weather", "tool": "forecast", "alias": "rain"}]),
    asset("entity", "thing", type="device", data={"at": [1, {"deep": None}]}),
    asset("agent", "old", stage="deprecated", deprecation=Deprecation(since=datetime(2026, 1, 2, 3, 4, 5, 678, UTC))),
]


@pytest.mark.parametrize("each", MADE, ids=ref)
async def test_an_asset_of_the_store_is_got_back_as_it_was(each: AnyAsset) -> None:
    store = MemoryStore()
    await Shelf(store).create(each)
    found = await Shelf(store).get(each.kind, each.path)
    assert found is not None
    held = LeanAssets()
    held.put(ref(each), found[0])
    assert held[ref(each)] == found[0]
    assert held[ref(each)] is held[ref(each)]
    assert (len(held), list(held), ref(each) in held, "server/other" in held) == (1, [ref(each)], True, False)


@pytest.mark.parametrize("each", MADE, ids=ref)
def test_a_sketch_says_what_the_asset_says(each: AnyAsset) -> None:
    sketch = Sketch.of(each)
    for name in ("kind", "path", "created_by", "visibility", "enabled", "stage", "health"):
        assert getattr(sketch, name) == getattr(each, name)
    assert [*sketch.groups] == each.groups
    assert sketch.review.deprecated_from == each.review.deprecated_from
    assert sketch.parted == (part_field(each) is not None)
    assert sketch.listed != Sketch.of(each.model_copy(update={"description": "other"})).listed


def test_what_is_put_again_is_another_asset_and_what_is_removed_is_none() -> None:
    held, (first, *_) = LeanAssets(), MADE
    held.put("server/weather", first)
    assert held["server/weather"].description == ""
    held.put("server/weather", first.model_copy(update={"description": "new"}))
    assert held["server/weather"].description == "new"
    copied = held.copy()
    held.remove("server/weather")
    held.remove("server/weather")
    assert (held.get("server/weather"), held.sketches) == (None, {})
    assert copied["server/weather"].description == "new"


def test_few_are_kept_parsed_and_all_can_be_read_from_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_assets, "RECENT", 3)
    held, read = LeanAssets(), list[str]()
    for each in MADE:
        held.put(ref(each), each)

    def reads() -> None:
        read.extend(held[name].path for _ in range(20) for name in held)

    threads = [Thread(target=reads) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 4 * 20 * len(MADE)
    assert len(held._recent) <= 3
