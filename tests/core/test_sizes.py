import pytest

from airegistry.core import sizes
from airegistry.core.assets import Tool
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset
from airegistry.core.sizes import check_sizes
from tests.core.wiring import asset


def with_tools(*tools: Tool) -> AnyAsset:
    return asset("server", "weather").model_copy(update={"tools": list(tools)})


def parameters(count: int) -> Tool:
    return Tool(name="get", input_schema={"type": "object", "properties": {f"p{n}": {} for n in range(count)}})


def test_what_is_within_the_limits_passes() -> None:
    check_sizes(with_tools(parameters(sizes.MAX_PARAMETERS), Tool(name="small")))
    check_sizes(asset("skill", "guide"))


def test_a_tool_with_too_many_parameters_is_named() -> None:
    with pytest.raises(Invalid, match=r"'get' has 1001 parameters"):
        check_sizes(with_tools(parameters(sizes.MAX_PARAMETERS + 1)))


def test_a_tool_that_is_too_long_is_named() -> None:
    with pytest.raises(Invalid, match="'long' is longer than 262144"):
        check_sizes(with_tools(Tool(name="long", description="x" * sizes.MAX_TOOL)))


def test_too_many_tools_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MAX_TOOLS", 2)
    with pytest.raises(Invalid, match="3 tools; at most 2"):
        check_sizes(with_tools(*(Tool(name=str(number)) for number in range(3))))


def test_an_asset_that_is_too_long_as_a_whole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MAX_ASSET", 2_000)
    with pytest.raises(Invalid, match="'weather' is longer than 2000"):
        check_sizes(with_tools(*(Tool(name=str(number), description="x" * 500) for number in range(4))))
