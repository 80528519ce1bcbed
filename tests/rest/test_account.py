"""One's own account at the API: there for the session of the page alone, and of nobody else's things."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rest.api_world import World, serving
from tests.rest.test_session import signed_in

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A registry of its own."""
    folder: Path = tmp_path_factory.mktemp("account")
    async with serving(folder) as world:
        yield world


async def test_one_sees_ones_own_sessions_and_ends_another_one_but_nobody_elses(world: World) -> None:
    ann, again, eve = [await signed_in(world, name) for name in ("ann", "ann", "eve")]
    held = (await ann.read("/api/v1/account")).json()
    assert [each["here"] for each in held["sessions"]].count(True) == 1
    assert (len(held["sessions"]), held["applications"], held["connections"], held["unconnected"]) == (2, [], [], [])
    other = next(each["id"] for each in held["sessions"] if not each["here"])
    path = f"/api/v1/account/sessions/{other}"
    assert (await eve.ask("DELETE", path, eve.proven)).status_code == 404
    assert (await ann.ask("DELETE", path)).status_code == 403  # without the token against forgery
    assert (await ann.ask("DELETE", path, ann.proven)).json() == {"ended": True}
    assert (await again.read()).status_code == 401
    assert (await ann.read()).status_code == 200


async def test_a_token_has_no_account_and_what_one_does_not_hold_is_not_found(world: World) -> None:
    assert (await world.ask("GET", "/account")).status_code == 404
    assert (await world.ask("DELETE", "/account/applications/any")).status_code == 404
    ann = await signed_in(world, "ann")
    assert (await ann.ask("DELETE", "/api/v1/account/connections/none", ann.proven)).status_code == 404
    forgotten = "https://client.example/metadata"
    assert (await ann.ask("DELETE", f"/api/v1/account/applications/{forgotten}", ann.proven)).status_code == 200
