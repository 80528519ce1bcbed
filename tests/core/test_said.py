"""What an asset says, in two parts."""

import pytest

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


def test_what_changes_often_is_not_of_the_content_and_all_else_is() -> None:
    weather = asset("server", "weather", description="rain")
    content = Said.of(weather).content("minilm")
    rated = weather.model_copy(update={"rating": weather.rating.model_copy(update={"count": 3}), "updated_by": "ann"})
    assert Said.of(rated).content("minilm") == content
    assert Said.of(weather.model_copy(update={"description": "snow"})).content("minilm") != content
    assert Said.of(weather).content("other") != content
    assert Said.of(weather).content(None) != content
