"""Names, as CONTRACTS.md states them."""

import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio

GOOD = ["q", "7", "q.w_e-r", "q--", "q._-", "q" * 64]
BAD = [
    "", "/", "//weather", "weather/", "a/b", "a b", " weather", "weather ", "weather\n", "weather\x00", "Weather",
    "WEATHER", "-weather", ".weather", "_weather", "q" * 65, "..", ".", "../weather", "a/../b", "%2fweather",
    "weather%2f", "a%2eb", "w\u0435ather", "\uff57eather", "weathe\u0280", "wea\u200bther", "\u00e9t\u00e9",
    "wea\u0301",
    "weather?x", "weather#x", "weather@1", "weather\\x", "a:b", "a;b", "a*b",
]  # fmt: skip
RESERVED = [
    "mcp", "airegistry-tools", "api", "agents", "healthz", "readyz", "metrics", "oauth", "authorize", "token", "login",
    "scim", "v0", "v0.1", "sse", "/mcp",
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD)
async def test_a_path_of_the_grammar_is_taken(desk: Desk, path: str) -> None:
    stored = await desk.store(path)
    assert stored["path"] == path
    await desk.ask("delete_asset", kind="server", path=path)


@pytest.mark.parametrize("path", [*BAD, *RESERVED])
async def test_any_other_or_reserved_path_is_invalid_and_not_stored(desk: Desk, path: str) -> None:
    with mcp.refused("invalid"):
        await desk.store(path)
    listed = await desk.ask("list_services", limit=200)
    assert path.strip("/") not in {service["path"] for service in listed["services"]}


async def test_input_may_carry_one_leading_slash_and_output_never_does(desk: Desk) -> None:
    path = fresh("slashed")
    assert (await desk.store(f"/{path}"))["path"] == path
    assert (await desk.ask("get_server_details", path=f"/{path}"))["path"] == path
    with mcp.refused("conflict"):
        await desk.store(path)


async def test_names_are_kept_as_given(desk: Desk) -> None:
    name = "io.github.Example/Wetter für Zürich"
    assert (await desk.store(fresh("named"), name=name))["name"] == name


@pytest.mark.parametrize(
    "segment",
    ["%2e%2e", "..%2fmcp", "%2fetc", "a%2fb", "w%D0%B5ather", "Parcel-Desk", "parcel-desk%00", "parcel-desk%20", "%ZZ"],
)
async def test_a_twisted_path_reaches_no_backend(registry: Registry, parcel: str, segment: str) -> None:
    with http.client() as client:
        request = http.message("tools/call", {"name": "echo", "arguments": {"text": "x"}})
        url = f"{registry.url}/{segment}/mcp"
        answer = client.post(url, json=request, headers=http.modern_headers(request, registry.token))
    assert 400 <= answer.status_code < 500
    assert "parcel desk" not in answer.text.lower()


async def test_every_kind_of_asset_keeps_to_the_grammar(desk: Desk) -> None:
    wrong = "Not/A path"
    with mcp.refused("invalid"):
        await desk.ask("register_skill", path=wrong, content="---\nname: x\ndescription: y\n---\n# x\n")
    with mcp.refused("invalid"):
        await desk.ask("register_agent", path=wrong, card={"name": "x"})
    assert wrong not in str(await desk.ask("list_skills"))
