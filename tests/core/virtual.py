"""A core with servers that have tools, prompts and resources, to compose virtual servers of."""

from collections.abc import Sequence

from airegistry.core.assets import Json, Prompt, Resource, VirtualServer
from airegistry.core.composing import read_wishes
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import World


async def put(
    world: World, path: str, tools: Sequence[str] = ("plus",), *, prompts: Sequence[Prompt] = (),
    resources: Sequence[Resource] = (), templates: Sequence[Resource] = (), groups: Sequence[str] = (),
    requires_approval: Sequence[str] = (),
) -> None:  # fmt: skip
    """A registered server with a live backend, and what else it would tell of itself."""
    await world.put_server(path, tools, groups=[*groups], requires_approval=[*requires_approval])
    found = await world.shelf.get("server", path)
    assert found is not None
    told = {"prompts": [*prompts], "resources": [*resources], "resource_templates": [*templates]}
    await world.shelf.replace(found[0].model_copy(update=told), found[1])


async def furnish(world: World) -> None:
    """Two servers: `math` with tools, prompts and resources, `words` with a tool of the same name."""
    await put(
        world, "math", ("plus", "minus"), prompts=[Prompt(name="proof", description="Proves.")],
        resources=[Resource(name="pi", uri="const://pi", description="3.14")],
        templates=[Resource(name="n", uri_template="const://{name}", description="Any.")],
    )  # fmt: skip
    await put(world, "words", ("plus", "count"))


async def compose(
    world: World, path: str, tools: Sequence[Json], *, who: Principal = SYSTEM, prompts: Sequence[Json] | None = None,
    resources: Sequence[Json] | None = None, **fields: object,
) -> VirtualServer:  # fmt: skip
    """A virtual server."""
    wishes = read_wishes(tools, prompts, resources)
    done = await world.services.compositions.create(who, path, path, wishes, {**fields})  # type: ignore[dict-item]  # JSON
    assert isinstance(done.asset, VirtualServer)
    return done.asset


def names(virtual: VirtualServer) -> list[str]:
    """The names that clients see."""
    return [tool.shown_as for tool in virtual.tools]
