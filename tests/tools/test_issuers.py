"""The tools for trusted issuers and for vended tokens, in memory."""

from collections.abc import AsyncIterator

import pytest
from fastmcp import FastMCP
from joserfc.jwk import KeySet

from airegistry.core.documents import Json as JsonObject
from airegistry.core.principals import SYSTEM
from airegistry.oauth.issuers.issuers import Issuers
from airegistry.tools.declare import add_tools, needs_of
from airegistry.tools.errors import BadArguments
from airegistry.tools.issuers import IssuerTools
from airegistry.tools.tokens import TokenTools
from airegistry.tools.vending import VendingTools
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import PEOPLE, World, furnished_core, served

pytestmark = pytest.mark.anyio
URL = "https://acme.test"


class NoKeys:
    """Nobody is asked for keys when an issuer is put."""

    async def metadata(self, issuer: str) -> JsonObject:
        raise AssertionError(issuer)

    async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
        raise AssertionError(jwks_uri)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    core = await furnished_core()
    parts = core.services
    issuers = Issuers(core.store, parts.access, parts.audit, core.clock, NoKeys(), url="https://registry.test")
    mcp = FastMCP("registry", mask_error_details=True, middleware=[BadArguments()])
    for owner in (IssuerTools(issuers), VendingTools(parts.tokens), TokenTools(parts)):
        add_tools(mcp, owner)
    async with served(mcp, core) as world:
        yield world


async def ask(world: World, tool: str, /, *, subject: str = "operator", **arguments: object) -> Json:
    async with world.client(subject) as client:
        return await call(client, tool, **arguments)


async def test_an_issuer_is_trusted_with_safe_defaults(world: World) -> None:
    made = await ask(world, "put_trusted_issuer", name="acme", issuer=URL)
    assert made == {
        "name": "acme", "issuer": URL, "jwks_uri": None, "accepts": ["access_token"], "audiences": [],
        "algorithms": ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"], "subject_claim": "sub", "groups_claim": None,
        "groups": [], "group_map": {}, "group_filter": [], "scopes_claim": None, "scopes": ["mcp"],
        "required_claims": {}, "leeway": 60, "active": True, "fixed": False,
    }  # fmt: skip
    assert await ask(world, "list_trusted_issuers") == {"issuers": [made]}


async def test_an_issuer_is_replaced_and_removed(world: World) -> None:
    await ask(world, "put_trusted_issuer", name="acme", issuer=URL, leeway=5, group_map={"a": ["b"]})
    again = await ask(
        world, "put_trusted_issuer", name="acme", issuer=URL, accepts=["id_jag"], required_claims={"env": ["a", "b"]}
    )
    assert (again["leeway"], again["group_map"], again["required_claims"]) == (60, {}, {"env": ["a", "b"]})
    await ask(world, "delete_trusted_issuer", name="acme")
    assert await ask(world, "list_trusted_issuers") == {"issuers": []}
    with refused("not_found"):
        await ask(world, "delete_trusted_issuer", name="acme")


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"leeway": 121},
        {"accepts": ["anything"]},
        {"accepts": []},
        {"issuer": "http://acme.test"},
        {"issuer": "https://registry.test"},
        {"jwks_uri": "http://acme.test/keys"},
        {"name": "A"},
        {"name": "a:b"},
        {"groups": ["g"] * 65},
    ],
    ids=str,
)
async def test_an_issuer_that_cannot_be_meant_is_not_stored(world: World, wrong: Json) -> None:
    with refused("invalid"):
        await ask(world, "put_trusted_issuer", **{"name": "acme", "issuer": URL, **wrong})
    assert await ask(world, "list_trusted_issuers") == {"issuers": []}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("put_trusted_issuer", {"name": "acme", "issuer": URL}),
        ("list_trusted_issuers", {}),
        ("delete_trusted_issuer", {"name": "acme"}),
    ],
)
async def test_only_administrators_have_a_say(world: World, tool: str, arguments: Json) -> None:
    with refused("access_denied"):
        await ask(world, tool, subject="bob", **arguments)


async def test_every_tool_of_issuers_is_one_of_administration() -> None:
    assert {*needs_of([IssuerTools.__new__(IssuerTools)]).values()} == {"policy"}
    assert needs_of([VendingTools.__new__(VendingTools)]) == {}


async def test_a_caller_vends_a_narrower_token_for_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = world.services.tokens
    _, token = await tokens.create(SYSTEM, "ci", groups=["staff"], scopes=["forecasts"], expires_in=1800)
    maker = tokens.resolve(token)
    assert maker is not None
    monkeypatch.setitem(PEOPLE, "ci", maker)
    made = await ask(world, "vend_token", subject="ci", name="job", scopes=["forecasts"])
    who = tokens.resolve(made["token"])
    assert who is not None
    assert (who.subject, who.client, made["scopes"]) == ("token:ci", made["id"], ["forecasts"])
    listed = {one["id"]: one for one in (await ask(world, "list_tokens"))["tokens"]}
    assert (listed[made["id"]]["subject"], listed[made["id"]]["name"]) == ("token:ci", "job")
    assert listed[made["id"]]["expires_at"] == made["expires_at"] == listed[maker.client]["expires_at"]
    assert listed[made["id"]]["last_used_at"] is not None
    assert not {"hash", "vended", "token"} & {*listed[made["id"]]}
    for wrong in ({"scopes": ["no-reading"]}, {"scopes": ["mcp:admin"]}):
        with refused("access_denied"):
            await ask(world, "vend_token", subject="ci", name="job", **wrong)
    with refused("invalid"):
        await ask(world, "vend_token", subject="ci", name="job", expires_in=86_401)
    with refused("access_denied"):
        await ask(world, "vend_token", subject="ann", name="job")
