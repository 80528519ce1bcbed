"""What an asset says, in two parts."""

import orjson
import pytest
from pydantic import JsonValue

from airegistry.core.assets import ASSET
from airegistry.core.ports import AnyAsset
from airegistry.core.said import Said
from airegistry.core.shelf import ref
from tests.core.test_lean_assets import MADE
from tests.core.wiring import asset


@pytest.mark.parametrize("each", MADE, ids=ref)
def test_both_parts_together_are_the_asset(each: AnyAsset) -> None:
    said = Said.of(each)
    assert ASSET.validate_json(said.whole, by_alias=True, by_name=False) == each


@pytest.mark.parametrize("each", MADE, ids=ref)
def test_what_is_stored_of_an_asset_says_the_same(each: AnyAsset) -> None:
    stored = each.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"callable"})
    assert Said.stored(orjson.loads(orjson.dumps(stored))) == Said.of(each)


@pytest.mark.parametrize("value", [2**70, "half a letter \ud800"], ids=["large", "half"])
def test_what_no_store_takes_can_be_said_too(value: JsonValue) -> None:
    odd, other = asset("server", "a", metadata={"x": value}), asset("server", "a", metadata={"x": "other"})
    assert Said.of(odd).content("minilm") != Said.of(other).content("minilm")


def test_what_changes_often_is_not_of_the_content_and_all_else_is() -> None:
    weather = asset("server", "weather", description="rain")
    content = Said.of(weather).content("minilm")
    rated = weather.model_copy(update={"rating": weather.rating.model_copy(update={"count": 3}), "updated_by": "ann"})
    assert Said.of(rated).content("minilm") == content
    assert Said.of(weather.model_copy(update={"description": "snow"})).content("minilm") != content
    assert Said.of(weather).content("other") != content
    assert Said.of(weather).content(None) != content
