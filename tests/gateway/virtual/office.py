"""What tests of virtual servers share: a virtual office, and what a client reads of it."""

from typing import Any

import orjson
import pytest

from airegistry.core.assets import Json, Tool
from airegistry.core.errors import AirError
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from airegistry.gateway.channels.exchange import Client
from airegistry.gateway.errors import error_body
from airegistry.gateway.fronts.destination import Answered, Route
from airegistry.gateway.virtual import VirtualDestination
from tests.core.virtual import compose
from tests.core.wiring import World

CLIENT = Client({"name": "test", "version": "0"})
OF_DESK = Grant(kinds=["virtual_server"], assets=["desk"])
LISTS = {
    "tools/list": "tools", "prompts/list": "prompts", "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}  # fmt: skip


async def furnished(world: World) -> None:
    """A virtual server of everything that `math` has and of two tools of `words`, all lent."""
    everything: list[Json] = [{"server": "math", "uri": "*"}]
    await compose(
        world, "desk",
        [{"server": "math", "tool": "*"}, {"server": "words", "tool": "plus"},
         {"server": "words", "tool": "count", "alias": "letters", "description": "Counts letters."}],
        prompts=[{"server": "math", "prompt": "*"}], resources=everything, description="For the office.",
    )  # fmt: skip


async def listed(destination: VirtualDestination, method: str = "tools/list") -> list[dict[str, Any]]:
    answer = await destination.route(method, {}, CLIENT)
    assert isinstance(answer, Answered)
    found = orjson.loads(answer.result)[LISTS[method]]
    assert isinstance(found, list)
    return found


async def shown(destination: VirtualDestination, method: str = "tools/list", member: str = "name") -> list[str]:
    return [each[member] for each in await listed(destination, method)]


async def routed(destination: VirtualDestination, method: str, params: Json) -> Route:
    route = await destination.route(method, params, CLIENT)
    assert isinstance(route, Route)
    destination.leave(route.call, "ok")
    return route


async def refused(destination: VirtualDestination, method: str, params: Json) -> bytes:
    """What a client reads of a refusal."""
    with pytest.raises(AirError) as caught:
        await destination.route(method, params, CLIENT)
    return error_body(caught.value, 1)


def call(name: str) -> Json:
    return {"name": name, "arguments": {"a": 1}}


async def rename_tools(world: World) -> None:
    """Have `math` offer one tool of another name instead of its two."""
    world.network.tools["https://math.test/mcp"] = [Tool(name="sum")]
    await world.services.catalog.refresh(SYSTEM, "math")
