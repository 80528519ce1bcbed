"""Channels that are opened for one user, or shared, and when they end."""

from dataclasses import replace

import anyio
import pytest

from airegistry.core.assets import Server
from airegistry.core.errors import Unsupported, UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.exchange import Channel, Client
from airegistry.gateway.channels.legacy import LegacyChannel
from airegistry.gateway.channels.legacy_sse import LegacySseChannel
from airegistry.gateway.channels.modern import ModernChannel
from airegistry.gateway.channels.pool import Channels
from tests.gateway.channels.conftest import Backends, busy
from tests.gateway.channels.play import ANN, Old, ask, told, tool
from tests.gateway.stub import Stub
from tests.gateway.world import LEGACY, server_at, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def older(stubbed: Server) -> Server:
    return stubbed.model_copy(update={"protocol_version": LEGACY})


async def used(channels: Channels, server: Server, *, owner: str = "ann", **different: object) -> Channel:
    headers = {"authorization": str(different.get("credential", "one"))}
    who = Client({}, {"roots": {}} if "capabilities" in different else {})
    async with channels.shared(server, headers, who, owner=owner) as channel:
        await ask(channel, "tools/list")
        return channel


async def test_the_channel_fits_era_and_transport(client: StreamClient, backends: Backends) -> None:
    servers = (backends.full, backends.older, backends.sse)
    async with Channels(client, Eras(client)) as channels:
        opened = [await channels.open(server, {}, ANN) for server in servers]
        assert [type(channel) for channel in opened] == [ModernChannel, LegacyChannel, LegacySseChannel]
        for channel in opened:
            assert (await channel.open()).server_info["name"] == "desk"
            _, answer = await told(channel, "tools/call", tool("echo", text="x"))
            assert answer.result is not None
            await channel.close()
        with pytest.raises(Unsupported):
            await channels.open(server_at("x", "http://127.0.0.1:1/", transport="stdio"), {}, ANN)


async def test_a_channel_is_shared_by_one_owner_with_one_credential_and_the_same_capabilities(
    client: StreamClient, stub: Stub, older: Server
) -> None:
    old = Old(stub)
    async with Channels(client, Eras(client)) as channels:
        first = await used(channels, older)
        assert await used(channels, older) is first
        others = [
            await used(channels, older, owner="bob"), await used(channels, older, credential="other"),
            await used(channels, older, capabilities=True),
            await used(channels, older.model_copy(update={"path": "other"})),
            await used(channels, older.model_copy(update={"version": "2"})),
        ]  # fmt: skip
        assert len({id(channel) for channel in (first, *others)}) == 6
    assert old.seen().count("DELETE") == 6


async def test_a_modern_channel_knows_the_latest_definitions(client: StreamClient, stub: Stub, stubbed: Server) -> None:
    stub.body = b'{"jsonrpc":"2.0","id":null,"error":{"code":1}}'
    async with Channels(client, Eras(client)) as channels:
        first = await used(channels, stubbed)
        assert await used(channels, stubbed) is first
        assert await used(channels, stubbed.model_copy()) is not first


async def test_what_nobody_uses_for_long_is_ended(client: StreamClient, stub: Stub, older: Server) -> None:
    old = Old(stub)
    async with Channels(client, Eras(client), idle=0.2) as channels:
        async with channels.shared(older, {}, ANN, owner="busy") as channel:
            await ask(channel, "tools/list")
            await used(channels, older, owner="idle")
            await until(lambda: old.seen().count("DELETE") == 1)
        await until(lambda: old.seen().count("DELETE") == 2)


async def test_at_most_so_many_are_kept_unused(client: StreamClient, stub: Stub, older: Server) -> None:
    Old(stub).session = 10
    async with Channels(client, Eras(client), limit=1) as channels:
        for owner in "abc":
            await used(channels, older, owner=owner)
        assert [verb for verb, *_ in stub.requests].count("DELETE") == 2


async def test_a_failure_of_the_backend_raises_the_question_of_its_era(
    client: StreamClient, stub: Stub, older: Server
) -> None:
    eras = Eras(client)
    stub.status, stub.headers = 404, []
    async with Channels(client, eras) as channels:
        with pytest.raises(UpstreamFailed):
            await used(channels, older)
        assert eras.known(older, "legacy") is eras.known(older, "modern") is None


async def test_a_refused_credential_does_not(client: StreamClient, stub: Stub, older: Server) -> None:
    eras = Eras(client)
    stub.status = 401
    async with Channels(client, eras) as channels:
        with pytest.raises(UpstreamFailed, match="answered 401"):
            await used(channels, older)
        assert eras.known(older, "legacy") is True


async def test_leaving_ends_streams_and_tasks(client: StreamClient, backends: Backends) -> None:
    async with Channels(client, Eras(client)) as channels:
        async with channels.shared(backends.sse, {}, ANN, owner="ann") as channel:
            await channel.open()
        own = await channels.open(backends.sse, {}, ANN)
        await own.open()
        await until(lambda: busy(client) == 2)
    with anyio.fail_after(5):
        await until(lambda: busy(client) == 0)


async def test_an_error_passes_as_it_is(client: StreamClient, backends: Backends) -> None:
    async def fail() -> None:
        async with Channels(client, Eras(client)) as channels:
            await (await channels.open(backends.sse, {}, ANN)).open()
            raise KeyError

    with pytest.raises(KeyError):
        await fail()


async def test_outside_its_context_there_are_no_channels(client: StreamClient, stubbed: Server) -> None:
    with pytest.raises(RuntimeError):
        await Channels(client, Eras(client)).open(stubbed, {}, ANN)


async def test_a_client_of_the_older_era_is_passed_on_as_one(client: StreamClient, backends: Backends) -> None:
    older = replace(ANN, era="legacy")
    async with Channels(client, Eras(client)) as channels:
        own = await channels.open(backends.full, {}, older)
        async with channels.shared(backends.full, {}, older, owner="ann") as shared:
            assert (type(own), type(shared)) == (LegacyChannel, LegacyChannel)
            before, _ = await told(own, "tools/call", tool("ask"))
            assert len(before) == 1
        await own.close()
