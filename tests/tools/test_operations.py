"""The tools as operations for surfaces that are no MCP."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import Internal, Invalid, NotFound, Unauthenticated
from airegistry.core.principals import Principal
from airegistry.oauth.identity import PRINCIPAL
from airegistry.tools.caller import acting_as, current_principal
from airegistry.tools.declare import tool
from airegistry.tools.operations import Operation, operations
from airegistry.tools.server import build, catalog_tools
from tests.tools.wiring import PEOPLE, furnished_core

pytestmark = pytest.mark.anyio


class More:
    """Tools beside those of the registry."""

    @tool("Break")
    async def broken(self) -> Json:
        """It breaks."""
        raise ZeroDivisionError("a secret")

    @tool("Ask", destructive=True, confirm="Really?")
    async def asked(self, word: str) -> Json:
        """It asks where somebody can be asked."""
        return {"word": word, "who": current_principal().subject}


async def known() -> dict[str, Operation]:
    """Every operation over a furnished core, and the more."""
    core = await furnished_core()
    owners = (*catalog_tools(core.services), More())
    return {each.name: each for each in await operations(build(core.services, owners), owners)}


def scope_of(subject: str) -> dict[str, object]:
    return {"type": "http", PRINCIPAL: PEOPLE[subject]}


async def test_an_operation_answers_the_caller_of_the_request_and_nobody_else() -> None:
    found = (await known())["get_server_details"]
    assert (await found.run(scope_of("bob"), {"path": "vault"}))["path"] == "vault"
    with pytest.raises(NotFound):
        await found.run(scope_of("ann"), {"path": "vault"})


@pytest.mark.parametrize("scope", [{}, {"type": "http"}, {PRINCIPAL: "operator"}])
async def test_a_request_without_a_principal_is_nobodys(scope: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        await (await known())["healthcheck"].run(scope, {})


def test_who_acts_is_forgotten_afterwards() -> None:
    with acting_as({PRINCIPAL: Principal(subject="ann")}):
        assert current_principal().subject == "ann"
    with pytest.raises(Unauthenticated):
        current_principal()


@pytest.mark.parametrize("arguments", [{}, {"path": 1}, {"path": "weather", "more": 1}])
async def test_arguments_that_do_not_fit_are_invalid(arguments: Json) -> None:
    with pytest.raises(Invalid):
        await (await known())["get_server_details"].run(scope_of("ann"), arguments)


async def test_a_fault_of_ours_tells_nothing() -> None:
    with pytest.raises(Internal, match="the registry failed"):
        await (await known())["broken"].run(scope_of("ann"), {})


async def test_nobody_is_asked() -> None:
    assert await (await known())["asked"].run(scope_of("ann"), {"word": "x"}) == {"word": "x", "who": "ann"}


async def test_an_operation_says_of_itself_what_the_tool_says() -> None:
    found = (await known())["list_services"]
    assert (found.title, found.declared.read_only) == ("List MCP servers", True)
    assert {"limit", "cursor"} <= set(found.input_schema["properties"])  # type: ignore[arg-type]
    assert "services" in str(found.output_schema["properties"])
    assert found.description.startswith("List the registered MCP servers")
