"""Further versions of a server: who may put them up, and whether what happens to the server happens to them."""

import pytest

from tests.contract.acts import Desk
from tests.support import http, mcp
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


async def test_a_version_of_anothers_server_needs_the_right_to_update_it(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    stranger = await desk.token({"actions": ["register"]})
    with mcp.refused("access_denied", "conflict"):
        await mcp.ask(
            registry.mcp, stranger, "register_service", name="x", path=parcel, url=backend.url, version="9.9.9"
        )


async def test_a_disabled_server_takes_no_calls_under_a_further_version(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    await desk.register(parcel, backend.url, version="2.0.0")
    await desk.ask("toggle_service", path=parcel, enabled=False)
    for name in (parcel, f"{parcel}@2.0.0"):
        answer = http.call_tool(registry.gateway(name), "echo", {"text": "x"}, token=registry.token)
        assert answer.status_code == 404, name


async def test_a_server_made_private_is_hidden_under_a_further_version(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    await desk.register(parcel, backend.url, version="2.0.0")
    await desk.ask("update_asset", kind="server", path=parcel, changes={"visibility": "private"})
    stranger = await desk.token()
    for name in (parcel, f"{parcel}@2.0.0"):
        assert http.call(registry.gateway(name), "tools/list", token=stranger).status_code == 404, name
