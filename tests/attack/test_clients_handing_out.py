"""A machine that somebody registers holds no more than its maker's token carries, and is denied what its maker is."""

import pytest

from airegistry.core.errors import AccessDenied
from airegistry.core.principals import Principal
from airegistry.oauth.callers import Callers
from airegistry.oauth.clients.clients import ClientChange, Clients
from tests.attack.test_policy_handing_out import narrow, staffed
from tests.core.wiring import World

pytestmark = pytest.mark.anyio


class Nobody:
    """A directory without users."""

    revision = 0

    def known(self, user_id: str) -> None:
        return None


@pytest.fixture
async def world() -> World:
    """Chiefs, makers and staff."""
    return await staffed()


@pytest.fixture
async def clients(world: World) -> Clients:
    services = world.services
    return Clients(world.store, services.access, services.audit, world.clock, None)


def held_by(world: World, clients: Clients, client_id: str) -> Principal:
    """Who a client is on its own account."""
    who = Callers(world.services.access, Nobody(), clients).machine(client_id, scopes=["mcp", "mcp:admin"])
    assert who is not None
    return who


async def test_a_narrow_token_makes_no_machine_in_a_group_that_holds_more(
    world: World,
    clients: Clients,
) -> None:
    maker = narrow(world, "mints", groups=["makers", "administrators"])
    with pytest.raises(AccessDenied) as refusal:
        await clients.put(maker, "robot", ClientChange(groups=["administrators"]))
    assert refusal.value.missing == ["every-right"]
    assert clients.known("robot") is None


async def test_what_the_maker_is_denied_by_a_scope_it_does_not_carry_its_machine_is_denied_too(
    world: World,
    clients: Clients,
) -> None:
    await world.put_server("diary")
    maker = narrow(world, "mints", groups=["makers", "staff"])
    await clients.put(maker, "robot", ClientChange(scopes=["mints"]))
    robot = held_by(world, clients, "robot")
    assert robot.restraints == {"staffs"}
    diary = await world.shelf.get("server", "diary")
    assert diary is not None
    assert not world.services.access.sees(robot, diary[0])


async def test_a_denial_that_the_maker_carries_is_handed_on_by_name(world: World, clients: Clients) -> None:
    maker = narrow(world, "mints", "staffs", groups=["makers", "staff"])
    with pytest.raises(AccessDenied, match="shed"):
        await clients.put(maker, "robot", ClientChange(scopes=["mints"]))
    await clients.put(maker, "robot", ClientChange(scopes=["mints", "staffs"]))
    assert held_by(world, clients, "robot").scopes == {"mints", "staffs"}


async def test_a_client_that_persons_log_in_with_needs_nothing_of_its_makers(
    world: World,
    clients: Clients,
) -> None:
    maker = narrow(world, "mints", "staffs", groups=["makers", "staff"])
    client, _ = await clients.put(maker, "app", ClientChange(redirect_uris=["http://127.0.0.1/cb"]))
    assert (client.restraints, client.scopes) == ([], [])
