"""What is lent to assets of a peer: the credential of their very source, for where its gateway serves them alone."""

import json

import pytest
from cryptography.fernet import Fernet

from airegistry.core.assets import Agent, Server
from airegistry.core.credential_kinds import ClientGrant
from airegistry.core.principals import SYSTEM
from airegistry.core.source_credentials import SourceCredentials
from airegistry.core.source_records import validated_source
from airegistry.core.source_store import SourceStore
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import NOON, World, asset

pytestmark = pytest.mark.anyio
PEER = "https://peer.test/registry"


class Sources:
    """Sources by hand."""

    def __init__(self) -> None:
        self.cipher = FernetCipher([Fernet.generate_key().decode()])
        self.store = SourceStore(MemoryStore(), self.cipher)
        self.lent = SourceCredentials(self.store, self.cipher)

    async def add(self, name: str, secrets: dict[str, str], kind: str = "peer", **fields: object) -> None:
        """Keep a source with its secrets."""
        moment = {"created_by": "ann", "created_at": NOON, "updated_by": "ann", "updated_at": NOON}
        sealed = self.cipher.encrypt(json.dumps(secrets)) if secrets else ""
        about = {"name": name, "kind": kind, "url": PEER, "sealed": sealed, **moment, **fields}
        await self.store.create(validated_source(about))


def server(url: str | None = f"{PEER}/weather/mcp", source: str = "peer") -> Server:
    """A server that came from a source."""
    made = asset("server", "weather", url=url, provenance={"source": source, "kind": "peer", "id": "server/weather"})
    assert isinstance(made, Server)
    return made


def agent(*urls: str) -> Agent:
    """An agent that came from the peer, which is reached at these."""
    ways = [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"} for url in urls]
    there = {"source": "peer", "kind": "peer", "id": "agent/planner"}
    made = asset("agent", "here-planner", url=urls[0], card={"supportedInterfaces": ways}, provenance=there)
    assert isinstance(made, Agent)
    return made


@pytest.fixture
async def sources() -> Sources:
    made = Sources()
    await made.add("peer", {"token": "t0ken-of-the-peer"})
    return made


async def test_a_server_of_the_peer_is_lent_its_token(sources: Sources) -> None:
    held = sources.lent.held_for(server())
    assert held is not None
    assert held.headers == {"authorization": "Bearer t0ken-of-the-peer"}
    assert held.kept.origin == "https://peer.test:443"
    assert "t0ken" not in repr(held)


@pytest.mark.parametrize(
    "url",
    [
        None, "https://peer.test/other/mcp", "https://peer.test/registry", "https://peer.test/registry-x/mcp",
        "https://peer.test.evil.test/registry/weather/mcp", "http://peer.test/registry/weather/mcp",
        "https://peer.test:444/registry/weather/mcp", "https://peer.test@evil.test/registry/weather/mcp",
        "https://evil.test/?https://peer.test/registry/weather/mcp", "https://evil.test/registry/weather/mcp",
        f"{PEER}/rain/mcp", f"{PEER}/weather/sse", f"{PEER}/weather@9.9.9/mcp", f"{PEER}/weather/mcp?to=evil",
        f"{PEER}/../evil/weather/mcp", f"{PEER}/%2e%2e/evil/weather/mcp", f"{PEER}/../evil/mcp",
        f"{PEER}/weather/mcp/../../../evil",
    ],
)  # fmt: skip
async def test_no_other_address_is_lent_anything(sources: Sources, url: str | None) -> None:
    assert sources.lent.held_for(server().model_copy(update={"url": url})) is None


async def test_a_version_beside_the_default_one_is_lent_it_at_its_own_address(sources: Sources) -> None:
    assert sources.lent.held_for(server(f"{PEER}/weather@1.0.0/mcp")) is not None


async def test_an_agent_is_lent_it_where_the_gateway_serves_it_and_in_no_other_way(sources: Sources) -> None:
    here = f"{PEER}/agents/planner"
    assert sources.lent.held_for(agent(here)) is not None
    assert sources.lent.held_for(agent(here, here)) is not None
    for other in ("https://peer.test/evil", "https://evil.test/agents/planner", f"{PEER}/agents/here-planner"):
        assert sources.lent.held_for(agent(here, other)) is None
        assert sources.lent.held_for(agent(other)) is None


async def test_nothing_is_lent_to_what_came_from_elsewhere(sources: Sources) -> None:
    await sources.add("other", {"token": "t0ken-of-another"}, kind="mcp-registry")
    await sources.add("open", {})
    for source in ("local", "other", "open", "unknown"):
        assert sources.lent.held_for(server(source=source)) is None


async def test_a_client_gets_tokens_from_the_issuer_that_was_named_or_from_the_peer(sources: Sources) -> None:
    secrets = {"client_id": "us", "client_secret": "s3cret"}
    await sources.add("client", secrets)
    await sources.add("named", secrets, options={"issuer": "https://login.test", "scope": "mcp"})
    held = [sources.lent.held_for(server(source=name)) for name in ("client", "named")]
    credentials = [each.credential for each in held if each is not None]
    assert [(each.issuer, each.scope) for each in credentials if isinstance(each, ClientGrant)] == [
        (PEER, None), ("https://login.test", "mcp"),
    ]  # fmt: skip


async def test_what_is_set_for_an_asset_counts_instead(world: World, sources: Sources) -> None:
    world.credentials.lend(sources.lent.held_for)
    stored = server()
    await world.shelf.create(stored)
    assert world.credentials.needed(stored)
    assert await world.credentials.headers(SYSTEM, stored) == {"authorization": "Bearer t0ken-of-the-peer"}
    await world.credentials.put(SYSTEM, "weather", {"kind": "bearer", "token": "0wn"})
    assert await world.credentials.headers(SYSTEM, stored) == {"authorization": "Bearer 0wn"}


async def test_new_secrets_are_lent_from_the_next_call_on(sources: Sources) -> None:
    assert sources.lent.held_for(server()) is not None
    sealed = sources.cipher.encrypt(json.dumps({"token": "another-0ne"}))
    later = NOON.replace(hour=13)
    await sources.store.change("peer", lambda _: {"sealed": sealed, "updated_at": later})
    held = sources.lent.held_for(server())
    assert held is not None
    assert held.headers == {"authorization": "Bearer another-0ne"}
