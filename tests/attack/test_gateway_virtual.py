"""Virtual servers as a way to more than was lent."""

# ruff: noqa: F811  # fixtures are imported, and asked for by their names

import pytest

from airegistry.core.assets import Json
from airegistry.core.grants import Grant
from airegistry.core.parts import expands
from airegistry.core.principals import SYSTEM, Principal
from airegistry.gateway.virtual import VirtualServers
from tests.core.virtual import compose, put
from tests.core.wiring import World
from tests.gateway.virtual.conftest import ann, servers, world  # noqa: F401  # fixtures
from tests.gateway.virtual.office import OF_DESK, call, furnished, refused, routed, shown

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("entry", "uri"),
    [
        ("file:///docs/{name}", "file:///docs/a/b"),
        ("file:///docs/{name}", "file:///docs/a?b"),
        ("file:///docs/{name}", "file:///docs/.."),
        ("file:///docs/{name}", "file:///docs/..%2fsecret"),
        ("file:///docs/{name}", "file:///docs/..\\secret"),
        ("file:///docs/*", "file:///docs/../secret"),
        ("file:///docs/*", "file:///docs/%2e%2e/secret"),
        ("file:///docs/*", "file:///docs/a/.%2E"),
        ("file:///docs/{+path}", "file:///docs/../secret"),
        ("db://table?id=1", "db://table/id=1"),
        ("db://[ab]", "db://a"),
        ("db://{table}.{column}", "db://x/y.z"),
    ],
)
def test_a_resource_that_was_not_lent_is_not_reached_by_a_uri_that_looks_like_one(entry: str, uri: str) -> None:
    assert not expands(entry, uri)


@pytest.mark.parametrize(
    ("entry", "uri"),
    [
        ("file:///docs/{name}", "file:///docs/a%20b"),
        ("file:///docs/{+path}", "file:///docs/a/b"),
        ("file:///docs/{path*}", "file:///docs/a/b"),
        ("file:///docs/*", "file:///docs/a/b?c=d"),
        ("db://{table}{?id}", "db://x?id=1"),
        ("db://table?id={id}", "db://table?id=1"),
        ("{scheme}://x", "y://x"),
        ("db://a..b/{c}", "db://a..b/.c"),
    ],
)
def test_what_was_lent_is_reached(entry: str, uri: str) -> None:
    assert expands(entry, uri)


async def test_a_template_that_was_lent_does_not_open_its_server(
    world: World,
    servers: VirtualServers,
    ann: Principal,
) -> None:
    await compose(
        world, "desk", [{"server": "math", "tool": "plus"}], resources=[{"server": "math", "uri": "const://{name}"}]
    )
    destination = servers.destination(ann, "desk")
    route = await routed(destination, "resources/read", {"uri": "air://math/const://e"})
    assert route.params["uri"] == "const://e"
    for uri in ("const://e/secret", "const://..", "../words/const://e", "/const://e", "air://math/const://e"):
        assert b"has no resource" in await refused(destination, "resources/read", {"uri": f"air://math/{uri}"})
    for uri in ("air://words/const://e", "air:///const://e", "air://math@2.0.0/const://e", "AIR://math/const://e"):
        assert b"has no resource" in await refused(destination, "resources/read", {"uri": uri})
    completion: Json = {
        "ref": {"type": "ref/resource", "uri": "air://math/file://{name}"},
        "argument": {"name": "name"},
    }
    assert b"has no resource" in await refused(destination, "completion/complete", completion)


async def test_what_somebody_else_registers_at_a_path_was_never_lent(
    world: World,
    servers: VirtualServers,
    ann: Principal,
) -> None:
    """The owner of the new server lent nothing, though it has a tool of the same name."""
    await furnished(world)
    destination = servers.destination(ann, "desk")
    assert "letters" in await shown(destination)
    await world.services.catalog.delete(SYSTEM, "server", "words")
    await put(world, "words", ("plus", "count"))
    found = await world.shelf.get("server", "words")
    assert found is not None
    await world.shelf.replace(found[0].model_copy(update={"created_by": "eve", "visibility": "private"}), found[1])
    assert "letters" not in await shown(destination)
    assert b"has no tool" in await refused(destination, "tools/call", call("letters"))
    granted = await world.holding(OF_DESK, Grant(kinds=["server"], assets=["words"]))
    assert "letters" in await shown(servers.destination(granted, "desk"))


async def test_names_of_servers_behind_are_no_names_here(
    world: World,
    servers: VirtualServers,
    ann: Principal,
) -> None:
    """What an alias replaced, other cases of it, and namespaced forms lead nowhere."""
    await furnished(world)
    destination = servers.destination(ann, "desk")
    for name in ("count", "words_count", "words/count", "LETTERS", "letters ", "letters\n", "math.plus", "*"):
        assert b"has no tool" in await refused(destination, "tools/call", call(name))
