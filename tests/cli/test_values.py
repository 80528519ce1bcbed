"""Names taken from a URL."""

import pytest

from airegistry.cli.errors import Usage
from airegistry.cli.values import path_from_url
from airegistry.core.assets import check_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://weather.example.org/mcp", "weather"),
        ("https://mcp.deepwiki.com/mcp", "deepwiki"),
        ("https://api.githubcopilot.com/mcp/", "githubcopilot"),
        ("https://example.org/teams/Freight%20Desk/mcp", "freight-20desk"),
        ("https://example.org/v1/parcels/sse", "parcels"),
        ("https://example.org/.hidden-/mcp?x=1", "hidden"),
        ("https://registry/mcp", "registry"),
        ("http://localhost:3001/mcp", "localhost-3001"),
        ("http://127.0.0.1:3001/mcp", "127.0.0.1-3001"),
        ("http://127.0.0.1/mcp", "127.0.0.1"),
        ("http://[::1]:3001/mcp", "1-3001"),
        ("https://" + "a" * 60 + ".example.org/" + "b" * 90, "b" * 64),
    ],
)
def test_a_path_is_what_tells_the_server_from_others(url: str, path: str) -> None:
    assert path_from_url(url) == check_path(path)


@pytest.mark.parametrize("url", ["https://mcp.com/mcp", "https://api.mcp.dev/sse", "https://a.org/--/", "weather"])
def test_a_url_that_tells_nothing_is_a_usage_error(url: str) -> None:
    with pytest.raises(Usage):
        path_from_url(url)
