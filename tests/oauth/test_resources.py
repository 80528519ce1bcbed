"""Which URL is a resource, and which one a path belongs to."""

import pytest

from airegistry.oauth.resources import Resources

HERE = Resources("https://r.test")
LOOPBACK = Resources("http://127.0.0.1:8080", frozenset({"http://localhost:8080", "http://[::1]:8080"}))


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/mcp", "/mcp"),
        ("/mcp/", "/mcp"),
        ("/airegistry-tools/mcp", "/mcp"),
        ("/weather/mcp", "/weather/mcp"),
        ("/weather@1.0/mcp", "/weather@1.0/mcp"),
        ("/weather/sse", "/weather/mcp"),
        ("/api", "/api"),
        ("/api/v1/servers", "/api"),
        ("/v0.1/servers", "/api"),
        ("/v0/servers", "/api"),
        ("/scim/v2/Users", "/api"),
        ("/agents/planner", "/agents/planner"),
        ("/agents/planner/v1/message:send", "/agents/planner"),
        ("/apiary", "/apiary"),
    ],
)
def test_each_path_belongs_to_one_resource(path: str, resource: str) -> None:
    assert HERE.of_path(path) == f"https://r.test{resource}"


@pytest.mark.parametrize(
    "asked",
    ["https://r.test/mcp", "https://r.test/mcp/", "https://r.test", "https://r.test/", None, "",
     "https://r.test/airegistry-tools/mcp"],
)  # fmt: skip
def test_the_registrys_own_tools_have_several_names_and_are_the_default(asked: str | None) -> None:
    assert HERE.canonical(asked) == "https://r.test/mcp" == HERE.default


SERVED = ["/weather/mcp", "/weather@1.0/mcp", "/agents/planner", "/api", "/api/v1/x", "/v0.1/servers", "/agents/a/b"]


@pytest.mark.parametrize("path", [*SERVED, "/w/sse"])
def test_a_resource_is_canonical_as_a_path_needs_it(path: str) -> None:
    assert HERE.canonical(f"https://r.test{path}") == HERE.of_path(path)


@pytest.mark.parametrize(
    "asked",
    [
        "https://other.test/mcp", "http://r.test/mcp", "https://r.test:444/mcp", "https://r.test.evil/mcp",
        "https://r.test@evil/mcp", "https://evil/https://r.test/mcp", "https://r.test/a/b/mcp", "https://r.test/mcp?x=1",
        "https://r.test/mcp#x", "https://r.test/../mcp", "https://r.test//mcp", "https://r.test/WEATHER/mcp",
        "https://r.test/agents/", "https://r.test/apiary",
        "https://r.test/weather%2fmcp", "mcp", "/mcp", "https://R.TEST/mcp", "https://r.test/token", " https://r.test",
        "https://r.test/weather/mcp/x",
    ],
)  # fmt: skip
def test_what_is_not_ours_is_no_resource(asked: str) -> None:
    assert HERE.canonical(asked) is None


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_on_loopback_one_machine_has_several_names_and_tokens_one(host: str) -> None:
    base = LOOPBACK.base_for(host)
    assert base == f"http://{host}"
    assert LOOPBACK.canonical(f"{base}/weather/mcp") == "http://127.0.0.1:8080/weather/mcp"


@pytest.mark.parametrize("host", ["evil.test", "localhost:9", "", "localhost:8080.evil", "LOCALHOST"])
def test_a_host_that_is_none_of_ours_is_not_repeated(host: str) -> None:
    assert LOOPBACK.base_for(host) == "http://127.0.0.1:8080"


def test_a_public_url_with_a_path_keeps_it() -> None:
    below = Resources("https://r.test/tools")
    assert below.canonical("https://r.test/tools/mcp") == "https://r.test/tools/mcp" == below.of_path("/mcp")
    assert below.canonical("https://r.test/mcp") is None
