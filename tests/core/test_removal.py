"""Deletions that are only looked at: all that would go is named, and nothing goes."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.composing import read_wishes
from airegistry.core.errors import AccessDenied, Conflict, NotFound
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from airegistry.core.removal import Removal
from tests.core.wiring import ANN, World

pytestmark = pytest.mark.anyio
TOKEN: Json = {"kind": "bearer", "token": "t0ken-of-the-backend"}


async def furnished(world: World) -> World:
    """A server in two versions with a credential, one virtual server that everybody sees and one that nobody does."""
    services = world.services
    await world.put_server("weather", version="1.0.0")
    await services.catalog.register(SYSTEM, world.server("weather", version="2.0.0"))
    await world.credentials.put(SYSTEM, "weather", TOKEN)
    wishes = read_wishes([{"server": "weather", "tool": "forecast"}])
    await services.compositions.create(SYSTEM, "desk", "Desk", wishes, {})
    await services.compositions.create(SYSTEM, "attic", "Attic", wishes, {"visibility": "private"})
    world.told.clear()
    return world


async def test_a_dry_run_names_versions_credentials_and_visible_users_and_takes_nothing(world: World) -> None:
    services = (await furnished(world)).services
    ann = await world.holding(Grant(actions=["delete", "read"], assets=["*"]))
    looked = await services.catalog.delete(SYSTEM, "server", "weather", dry_run=True)
    assert looked == Removal(["1.0.0", "2.0.0"], credentials=1, used_by=["attic", "desk"])
    assert (await services.catalog.delete(ann, "server", "/weather", dry_run=True)).used_by == ["desk"]
    assert world.told == []
    assert len(await services.versions.list(SYSTEM, "server", "weather")) == 2
    assert len(await world.credentials.describe(SYSTEM, "weather")) == 1
    events = await world.events(asset="server/weather", action="server:delete:preview")
    assert [event.outcome for event in events] == ["ok", "ok"]
    gone = await services.catalog.delete(SYSTEM, "server", "weather")
    assert gone == Removal(["1.0.0", "2.0.0"], credentials=1)
    with pytest.raises(NotFound):
        await services.catalog.get(SYSTEM, "server", "weather")


async def test_a_dry_run_of_a_version_is_refused_as_the_deletion_would_be(world: World) -> None:
    services = (await furnished(world)).services
    with pytest.raises(Conflict, match="is the default"):
        await services.versions.delete(SYSTEM, "server", "weather", "1.0.0", dry_run=True)
    assert await services.versions.delete(SYSTEM, "server", "weather", "2.0.0", dry_run=True) == Removal(
        ["2.0.0"], used_by=[]
    )
    assert len(await services.versions.list(SYSTEM, "server", "weather")) == 2
    pinned = read_wishes([{"server": "weather", "tool": "forecast", "version": "2.0.0"}])
    await services.compositions.create(SYSTEM, "pinning", "Pinning", pinned, {})
    with pytest.raises(Conflict, match="pinned by virtual servers: pinning"):
        await services.versions.delete(SYSTEM, "server", "weather", "2.0.0", dry_run=True)


async def test_who_may_not_delete_may_not_look_either(world: World) -> None:
    await furnished(world)
    with pytest.raises(AccessDenied):
        await world.services.catalog.delete(ANN, "server", "weather", dry_run=True)
    with pytest.raises(AccessDenied):
        await world.services.versions.delete(ANN, "server", "weather", "2.0.0", dry_run=True)
    assert len(await world.events(decision="deny")) == 2
