"""The tools for identity providers, in memory, and beside them one that answers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from cryptography.fernet import Fernet
from fastmcp import FastMCP

from airegistry.core.directory import Directory
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.oauth.providers.id_tokens import IdTokens
from airegistry.oauth.providers.login_states import LoginStates
from airegistry.oauth.providers.provider_client import ProviderClient
from airegistry.oauth.providers.providers import COLLECTION, Providers
from airegistry.oauth.providers.relying_party import RelyingParty
from airegistry.oauth.providers.remote_keys import RemoteKeys
from airegistry.oauth.replay import Replay
from airegistry.stores.cipher import FernetCipher
from airegistry.tools.declare import add_tools, needs_of
from airegistry.tools.errors import BadArguments
from airegistry.tools.providers import ProviderTools
from tests.core.people import CountingHasher
from tests.oauth.providers.hostile import LEFT_OUT, Hostile, hostile
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World, furnished_core, served

pytestmark = pytest.mark.anyio

URL = "https://registry.test"
FIXED: list[dict[str, object]] = [
    {"name": "corp", "issuer": "https://corp.test", "client_id": "a", "client_secret": "of the settings"}
]


@dataclass
class Desk:
    """The tools behind a server, and the providers behind them."""

    world: World
    providers: Providers
    tools: ProviderTools

    async def ask(self, tool: str, /, *, subject: str = "operator", **arguments: object) -> Json:
        async with self.world.client(subject) as client:
            return await call(client, tool, **arguments)

    async def events(self, action: str) -> list[tuple[str, str | None, str]]:
        found = await self.world.core.events(action=action)
        return [(event.subject, event.asset, event.decision) for event in found]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    core = await furnished_core()
    store, access, audit, clock = core.store, core.services.access, core.services.audit, core.clock
    cipher = FernetCipher([Fernet.generate_key().decode()])
    providers = Providers(store, access, audit, cipher, FIXED)
    directory = Directory(store, access, audit, clock, CountingHasher(), cipher, SecondFactor())
    async with JsonHttp(Guard(loopback=True)) as http:
        remote = RemoteKeys(http, clock)
        tokens = IdTokens(remote, clock)
        client = ProviderClient(providers, remote, http, tokens)
        states, replay = LoginStates(store, cipher, clock), Replay(store, clock)
        party = RelyingParty(providers, client, tokens, states, directory, audit, cipher, replay, URL)
        tools = ProviderTools(providers, party)
        mcp = FastMCP("registry", mask_error_details=True, middleware=[BadArguments()])
        add_tools(mcp, tools)
        async with served(mcp, core) as world:
            yield Desk(world, providers, tools)


async def test_a_provider_is_set_up_and_no_answer_holds_its_secret(desk: Desk) -> None:
    made = await desk.ask(
        "put_identity_provider", name="okta", client_id="registry", profile="okta", issuer="https://corp.okta.com",
        client_secret="s3cret",
    )  # fmt: skip
    assert (made["title"], made["enabled"], made["fixed"]) == ("Okta", True, False)
    listed = await desk.ask("list_identity_providers")
    assert [(each["name"], each["fixed"]) for each in listed["providers"]] == [("corp", True), ("okta", False)]
    kept = await desk.world.core.store.get(COLLECTION, "okta")
    assert kept is not None
    assert "s3cret" not in str(made) + str(listed) + str(kept.body)
    assert desk.providers.secret("okta") == "s3cret"
    assert await desk.events("provider:put") == [("operator", "okta", "allow")]


async def test_what_does_not_fit_is_refused_by_name(desk: Desk) -> None:
    with refused("invalid") as failure:
        await desk.ask("put_identity_provider", name="x", client_id="a", issuer="javascript:alert(1)")
    assert "http" in failure.value.content["message"]
    with refused("invalid"):
        await desk.ask("put_identity_provider", name="x", client_id="a", profile="ldap")


async def test_a_provider_is_removed_and_one_of_the_settings_stays(desk: Desk) -> None:
    await desk.ask("put_identity_provider", name="x", client_id="a", issuer="https://x.test")
    assert await desk.ask("delete_identity_provider", name="x") == {"ok": True}
    assert await desk.ask("delete_identity_provider", name="x") == {"ok": False}
    with refused("conflict"):
        await desk.ask("delete_identity_provider", name="corp")
    with refused("conflict"):
        await desk.ask("put_identity_provider", name="corp", client_id="b", issuer="https://corp.test")
    assert [decision for _, _, decision in await desk.events("provider:delete")] == ["allow"] * 3


async def test_they_are_the_business_of_administrators(desk: Desk) -> None:
    arguments: dict[str, Json] = {
        "put_identity_provider": {"name": "x", "client_id": "a", "issuer": "https://x.test"},
        "list_identity_providers": {}, "delete_identity_provider": {"name": "corp"},
        "test_identity_provider": {"name": "corp"},
    }  # fmt: skip
    for tool, given in arguments.items():
        with refused("access_denied"):
            await desk.ask(tool, subject="ann", **given)
    assert needs_of([desk.tools]) == dict.fromkeys(arguments, "policy")
    assert await desk.events("provider:put") == [("ann", "x", "deny")]


class TestTest:
    async def test_a_provider_that_answers_is_described(self, desk: Desk) -> None:
        async with hostile() as provider:
            await desk.ask("put_identity_provider", name="op", client_id="a", issuer=provider.issuer)
            found = await desk.ask("test_identity_provider", name="op")
        assert found["problems"] == []
        assert (found["keys"], found["algorithms"]) == (1, ["RS256"])
        assert found["endpoints"]["token_endpoint"] == f"{provider.issuer}/token"
        assert found["redirect_uri"] == f"{URL}/callback/op"
        assert found["backchannel_logout_uri"] == f"{URL}/logout/op"

    async def test_whatever_is_wrong_with_it_is_said(self, desk: Desk) -> None:
        async with hostile() as provider:
            provider.metadata = {
                "id_token_signing_alg_values_supported": ["HS256"], "code_challenge_methods_supported": ["plain"],
            }  # fmt: skip
            provider.published = {"keys": []}
            await desk.ask("put_identity_provider", name="op", client_id="a", issuer=provider.issuer, enabled=False)
            assert await problems(desk) == [
                "it signs id tokens with nothing that is accepted here", "it publishes no key that signs id tokens",
                "it does not know PKCE with S256", "it is switched off",
            ]  # fmt: skip

    @pytest.mark.parametrize("member", ["token_endpoint", "jwks_uri", "issuer"])
    async def test_metadata_without_something_is_a_problem(self, desk: Desk, member: str) -> None:
        async with hostile() as provider:
            provider.metadata = {member: LEFT_OUT}
            assert len(await told(desk, provider)) == 1

    async def test_one_that_is_down_is_a_problem(self, desk: Desk) -> None:
        async with hostile() as provider:
            pass
        assert "127.0.0.1" in (await told(desk, provider))[0]

    async def test_github_has_nothing_to_ask_for(self, desk: Desk) -> None:
        await desk.ask(
            "put_identity_provider", name="op", client_id="a", profile="github", client_secret="s3cret"
        )  # fmt: skip
        assert await problems(desk) == []

    async def test_one_that_is_not_there_cannot_be_tested(self, desk: Desk) -> None:
        with refused("not_found"):
            await desk.ask("test_identity_provider", name="nowhere")


async def problems(desk: Desk) -> list[str]:
    found: list[str] = (await desk.ask("test_identity_provider", name="op"))["problems"]
    return found


async def told(desk: Desk, provider: Hostile) -> list[str]:
    await desk.ask("put_identity_provider", name="op", client_id="a", issuer=provider.issuer)
    return await problems(desk)
