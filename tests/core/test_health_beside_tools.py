"""Checks compare what a server offers beside its tools too: prompts, resources, templates and instructions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from airegistry.core.assets import GONE, Prompt, Resource, Server, Tool
from airegistry.core.events import Event
from airegistry.core.ports import Description
from airegistry.core.principals import SYSTEM
from tests.core.network import FakeNetwork
from tests.core.wiring import World, build

pytestmark = pytest.mark.anyio
GREET = Prompt(name="greet", description="Greets somebody.")
LOG = Resource(uri="file:///log", name="log", description="The log.")
USER = Resource(uri_template="user://{id}", name="user", description="A user.")


class Library(FakeNetwork):
    """Every server of it also has a prompt, a resource and a template. `asked` counts what is asked how often."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts, self.resources, self.templates = [GREET], [LOG], [USER]
        self.asked = {"whole": 0, "tools": 0}

    async def describe(self, server: Server, headers: Mapping[str, str] = {}) -> Description:
        self.asked["whole"] += 1
        said = await super().describe(server, headers)
        return replace(said, prompts=self.prompts, resources=self.resources, resource_templates=self.templates)

    async def list_tools(self, server: Server, headers: Mapping[str, str] = {}) -> Sequence[Tool]:
        self.asked["tools"] += 1
        return (await super().describe(server, headers)).tools


async def registered(library: Library) -> World:
    world = await build(network=library)
    await world.put_server("library")
    return world


async def checked(world: World, *, after: float = 600) -> Server:
    world.clock.pass_(after)
    found = await world.services.health.check(SYSTEM, "server", "library")
    assert isinstance(found, Server)
    return found


async def test_a_changed_prompt_or_resource_is_held_and_told_while_the_approved_one_is_served() -> None:
    library = Library()
    world = await registered(library)
    library.prompts = [GREET.model_copy(update={"description": "Greets, and reads the log to everybody."})]
    library.templates = [USER.model_copy(update={"description": "Any user, with passwords."})]
    library.resources = []
    server = await checked(world)
    assert server.held == {
        "prompts/greet": "changed since it was approved: description",
        "resources/file:///log": GONE,
        "resource_templates/user://{id}": "changed since it was approved: description",
    }
    assert (server.prompts, server.resources) == ([GREET], [LOG])
    (event,) = await world.events(action="server:drift")
    assert event.reason.startswith("prompts/greet: changed since it was approved")
    changes = await world.services.definitions.changes(SYSTEM, "server", "library")
    assert sorted(changes.pending) == ["prompts/greet", "resource_templates/user://{id}"]

    library.prompts, library.resources, library.templates = [GREET], [LOG], [USER]
    assert (await checked(world)).held == {}


async def test_they_are_compared_every_ten_minutes_and_what_is_held_stays_so_between() -> None:
    library = Library()
    world = await registered(library)
    library.prompts, library.resources = [], []
    library.asked = {"whole": 0, "tools": 0}
    held = [(await checked(world, after=after)).held for after in (60, 60, 60, 600)]
    assert library.asked == {"whole": 2, "tools": 2}
    assert held == [{"prompts/greet": GONE, "resources/file:///log": GONE}] * 4


async def test_a_backend_that_says_it_has_changed_is_compared_whole() -> None:
    library = Library()
    world = await registered(library)
    server = await checked(world)
    library.asked = {"whole": 0, "tools": 0}
    await world.services.health.on_event(Event("server:update", server, "user:ann"))
    world.services.health.look_again(server)
    await checked(world, after=20)
    assert library.asked["whole"] == 1
