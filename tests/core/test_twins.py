"""Which assets have the same address or the same tools."""

from random import Random

import pytest

from airegistry.core.ports import AnyAsset
from airegistry.core.twins import Twins
from tests.core.wiring import asset


def server(path: str, url: str | None = None, *tools: str, **fields: object) -> AnyAsset:
    return asset("server", path, url=url, tools=[{"name": tool} for tool in tools], **fields)


def found(twins: Twins, asked: AnyAsset) -> list[tuple[str, str]]:
    return [(sketch.path, reason) for sketch, reason in twins.of(asked)]


def test_a_url_is_the_same_however_it_is_written_and_tools_in_whatever_order() -> None:
    twins = Twins()
    twins.put(server("a", "https://Rain.example:443/mcp/", "get", "set"))
    twins.put(server("b", "https://rain.example:8443/mcp", "set", "get"))
    twins.put(server("c", None))
    assert found(twins, server("n", "https://rain.example/mcp", "set", "get")) == [
        ("a", "url"), ("a", "tools"), ("b", "tools"),
    ]  # fmt: skip
    assert found(twins, server("a", "https://rain.example/mcp", "get")) == []
    assert found(twins, server("n")) == []


def test_a_version_beside_the_default_one_does_not_count() -> None:
    twins = Twins()
    twins.put(server("a", "https://one.example/"))
    twins.put(server("a", "https://two.example/", version="2.0.0"))
    assert found(twins, server("n", "https://two.example/")) == []
    assert found(twins, server("n", "https://one.example/")) == [("a", "url")]


@pytest.mark.parametrize("seed", range(3))
def test_after_thousands_of_changes_twins_are_those_of_what_is_known(seed: int) -> None:
    chance, twins = Random(seed), Twins()
    held: dict[str, AnyAsset] = {}
    for _ in range(2000):
        path = f"s{chance.randrange(40)}"
        if path in held and chance.random() < 0.4:
            twins.remove(held.pop(path))
            continue
        url = chance.choice([None, "https://a.example/", "https://b.example/", "https://c.example/"])
        held[path] = server(path, url, *chance.choice([(), ("x",), ("x", "y")]))
        twins.put(held[path])
    for asked in (server("n", "https://b.example/", "x"), server("s3", "https://a.example/", "y", "x")):
        expected = [
            (path, reason)
            for reason in ("url", "tools")
            for path, each in held.items()
            if path != asked.path and (same(each, asked, reason))
        ]
        assert sorted(found(twins, asked)) == sorted(expected)


def same(one: AnyAsset, other: AnyAsset, reason: str) -> bool:
    if reason == "url":
        return getattr(one, "url", None) == getattr(other, "url", None) is not None
    names = [sorted(tool.name for tool in getattr(each, "tools", [])) for each in (one, other)]
    return names[0] == names[1] != []


def test_very_many_of_one_kind_come_and_go_in_a_moment() -> None:
    twins, many = Twins(), [server(f"s{number}", "https://one.example/", "x") for number in range(3000)]
    for each in many:
        twins.put(each)
    assert len(twins.of(many[7])) == 2 * 2999
    for each in many[::-1]:
        twins.remove(each)
    assert twins.of(many[7]) == []
