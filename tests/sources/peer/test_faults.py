"""A peer that refuses, breaks off or takes for ever: each is told apart, and no token goes astray."""

import anyio
import anyio.abc
import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from airegistry.core.errors import AirError, CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.sources import peer, peer_api
from tests.sources.peer.lying import LyingPeer, Reader, a_server, reading
from tests.support.bad_backends import Misbehaviour, answering, dripping, flooding, gibberish, hanging_up, misbehaving
from tests.support.bad_backends import silent as silent_

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialRefused), (403, CredentialRefused), (404, Invalid), (429, RateLimited), (500, UpstreamFailed),
        (502, UpstreamFailed), (503, UpstreamFailed), (204, UpstreamFailed), (201, UpstreamFailed),
    ],
)  # fmt: skip
async def test_each_refusal_is_told_apart(status: int, error: type[AirError]) -> None:
    odd = LyingPeer()
    odd.refusal = (
        JSONResponse({}, status_code=status, headers={"retry-after": "7"})
        if status != 204
        else Response(status_code=204)
    )
    async with reading(odd) as reader:
        with pytest.raises(error) as refusal:
            await reader.read()
    if isinstance(refusal.value, RateLimited):
        assert refusal.value.retry_after == 7.0


@pytest.mark.parametrize(("said", "seconds"), [("999999999", 86_400.0), ("soon", 60.0), ("-1", 60.0), ("9" * 30, 60.0)])
async def test_nobody_makes_it_wait_for_longer_than_a_day(said: str, seconds: float) -> None:
    odd = LyingPeer()
    odd.refusal = JSONResponse({}, status_code=429, headers={"retry-after": said})
    async with reading(odd) as reader:
        with pytest.raises(RateLimited) as refusal:
            await reader.read()
    assert refusal.value.retry_after == seconds


async def test_a_redirect_is_not_followed_and_takes_no_token_along() -> None:
    victim = LyingPeer({"server/a": a_server("a")})
    async with reading(victim) as target:
        odd = LyingPeer()
        for to in (f"{target.config.url}/api/v1/federation/changes", "http://169.254.169.254/latest/meta-data"):
            odd.refusal = RedirectResponse(to, status_code=307)
            async with reading(odd) as reader:
                with pytest.raises(UpstreamFailed, match="redirects to"):
                    await reader.read()
    assert victim.seen == []


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1"])
async def test_a_name_that_leads_to_a_private_address_is_not_connected_to(address: str) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return [address]

    with pytest.raises(AirError, match=r"not public|metadata"):
        await Reader("http://peer.test", Guard(resolve=resolve)).read()


@pytest.mark.parametrize("behave", [gibberish, hanging_up, answering(b"{"), answering(b"[" * 100_000)])
async def test_what_is_no_answer_is_a_failure_of_the_peer(behave: Misbehaviour) -> None:
    async with misbehaving(behave) as url:
        with pytest.raises(UpstreamFailed):
            await Reader(url.removesuffix("/mcp")).read()


@pytest.mark.parametrize("behave", [silent_, dripping])
async def test_a_peer_that_takes_for_ever_is_given_up(behave: Misbehaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "TIMEOUT", 0.5)
    async with misbehaving(behave) as url:
        with anyio.fail_after(10), pytest.raises(UpstreamFailed, match="within"):
            await Reader(url.removesuffix("/mcp")).read()


async def test_a_body_of_a_gigabyte_is_cut_off_at_the_limit() -> None:
    sent = 0

    async def gigabyte(stream: anyio.abc.SocketStream) -> None:
        nonlocal sent
        await stream.receive()
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(16_384):
            await stream.send(b" " * 65_536)
            sent += 65_536

    async with misbehaving(gigabyte) as url:
        with pytest.raises(UpstreamFailed, match=f"more than {peer_api.PAGE_BYTES} bytes"):
            await Reader(url.removesuffix("/mcp")).read()
    assert sent < 8 * peer_api.PAGE_BYTES


async def test_a_listing_of_fifty_megabytes_is_cut_off_too() -> None:
    async with misbehaving(flooding) as url:
        with pytest.raises(UpstreamFailed, match="bytes"):
            await Reader(url.removesuffix("/mcp")).read()


async def test_an_asset_that_is_too_long_is_refused_and_keeps_no_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_api, "BODY_BYTES", 4_000)
    large = a_server("large", description="x" * 5_000)
    bodies = {f"server/{name}": a_server(name) for name in "abcde"} | {"server/large": large}
    async with reading(LyingPeer(bodies)) as reader:
        offers = {offer.id: offer for offer in await reader.read()}
    assert offers.keys() == bodies.keys()
    assert "longer" in offers.pop("server/large").refused
    assert all(offer.versions for offer in offers.values())
