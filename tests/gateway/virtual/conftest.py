"""A core with a virtual office in it, and somebody who may use it."""

import pytest

from airegistry.core.principals import Principal
from airegistry.gateway.virtual import VirtualServers
from tests.core.virtual import furnish
from tests.core.wiring import World, build
from tests.gateway.virtual.office import OF_DESK


@pytest.fixture
async def world() -> World:
    world = await build()
    await furnish(world)
    return world


@pytest.fixture
def servers(world: World) -> VirtualServers:
    services = world.services
    made = VirtualServers(
        world.shelf, services.access, world.visibility, services.invocation, services.compositions.parts, world.clock
    )
    world.listen(made.on_event)
    return made


@pytest.fixture
async def ann(world: World) -> Principal:
    """Somebody who may use everything of the virtual server, and nothing of what is behind it."""
    return await world.holding(OF_DESK)
