"""Registries that are down, busy, wrong or hostile, and configurations that name none."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from airegistry.core.errors import AirError, CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.core.sources import SourceConfig
from airegistry.egress.guard import Guard
from airegistry.sources.mcp_registry import McpRegistry
from tests.egress.servers import Answers, raw_server, read_request
from tests.sources.mcp_registry.reading import OPEN, config, told
from tests.support.asgi import serve
from tests.support.registry_replica import Replica, Trouble
from tests.support.registry_seed import invented

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
GOOD: Json = {"server": {"name": "com.example/a", "description": "A.", "version": "1.0.0"}}


def answering(make: Callable[[Request], Response]) -> Starlette:
    """A registry that gives one answer to everything."""

    async def answer(request: Request) -> Response:
        return make(request)

    return Starlette(routes=[Route("/{rest:path}", answer)])


async def failing(make: Callable[[Request], Response]) -> AirError:
    """What a pass over such a registry ends with."""
    async with serve(answering(make)) as url:
        with pytest.raises(AirError) as error:
            await told(config(url))
    return error.value


@pytest.mark.parametrize("status", [401, 403])
async def test_a_registry_that_wants_credentials_says_so(status: int) -> None:
    assert isinstance(await failing(lambda request: JSONResponse({}, status)), CredentialRefused)


@pytest.mark.parametrize("status", [500, 502, 503, 400, 422])
async def test_a_registry_that_fails_is_an_upstream_that_failed(status: int) -> None:
    error = await failing(lambda request: JSONResponse({}, status))
    assert isinstance(error, UpstreamFailed)
    assert f"HTTP {status}" in error.message


async def test_where_there_is_no_registry_the_url_is_wrong() -> None:
    error = await failing(lambda request: JSONResponse({}, 404))
    assert isinstance(error, Invalid)
    assert error.field == "url"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response('{"servers": [', media_type="application/json"), "no JSON"),
        (JSONResponse([]), "no JSON object"),
        (JSONResponse({"items": []}), "without a list of servers"),
        (JSONResponse({"servers": "all"}), "without a list of servers"),
        (JSONResponse({"servers": [], "metadata": {"nextCursor": 7}}), "no string"),
        (JSONResponse({"servers": [], "metadata": {"nextCursor": "x" * 2_000}}), "2000 characters"),
        (JSONResponse({"servers": [GOOD] * 5_001}), "5001 entries"),
        (PlainTextResponse('{"servers": []}'), "text/plain"),
    ],
)
async def test_nonsense_is_an_upstream_that_failed(answer: Response, said: str) -> None:
    error = await failing(lambda request: answer)
    assert isinstance(error, UpstreamFailed)
    assert said in error.message


@pytest.mark.parametrize("cursor", ["again", None])
async def test_a_list_that_does_not_end_fails(cursor: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.sources.registry_reading.MAX_PAGES", 20)

    def endless(request: Request) -> Response:
        following = cursor or str(int(request.query_params.get("cursor", "0")) + 1)
        return JSONResponse({"servers": [GOOD], "metadata": {"nextCursor": following}})

    for since in (None, "2026-01-01T00:00:00Z"):
        async with serve(answering(endless)) as url:
            with pytest.raises(UpstreamFailed, match="does not end"):
                await told(config(url), since)


async def test_entries_of_no_form_are_refused_each_for_itself() -> None:
    entries: list[object] = [None, 7, "x", [], {}, {"server": None}, {"server": {"name": 1}}, GOOD, {"server": {}}]
    async with serve(answering(lambda request: JSONResponse({"servers": entries}))) as url:
        pass_ = await told(config(url))
    assert list(pass_.by_id["com.example/a"].versions)
    assert sum(bool(offer.refused) for offer in pass_.offers) == len(entries) - 1


async def test_an_empty_list_may_be_null() -> None:
    async with serve(answering(lambda request: JSONResponse({"servers": None, "metadata": {"nextCursor": ""}}))) as url:
        assert (await told(config(url))).offers == []


async def test_versions_of_a_server_that_come_apart_are_refused_and_said_to_be() -> None:
    def entry(name: str, version: str) -> Json:
        return {"server": {"name": name, "description": "A.", "version": version}}

    apart = [entry("com.example/a", "1.0.0"), entry("com.example/b", "1.0.0"), entry("com.example/a", "2.0.0")]
    async with serve(answering(lambda request: JSONResponse({"servers": apart}))) as url:
        pass_ = await told(config(url))
    assert [asset.version for asset in pass_.by_id["com.example/a"].versions] == ["1.0.0"]
    assert "together" in pass_.by_id["com.example/a@2.0.0"].refused


async def test_versions_of_another_server_are_not_taken_for_its_own() -> None:
    def lying(request: Request) -> Response:
        other = {"server": {"name": "com.example/other", "description": "A.", "version": "1.0.0"}}
        return JSONResponse({"servers": [other]})

    async with serve(answering(lying)) as url:
        pass_ = await told(config(url, names=["com.example/a"]))
    assert [(offer.id, len(offer.versions)) for offer in pass_.offers] == [("com.example/a", 0)]


async def test_a_registry_that_is_busy_now_and_then_breaks_or_cuts_answers_is_read_whole() -> None:
    seed = invented(400, seed=5)
    sound, shaky = Replica(seed), Replica(seed)
    troubles: dict[int, Trouble] = {2: "busy", 4: "cut", 5: "broken", 7: "busy", 8: "busy", 9: "cut"}
    shaky.trouble = troubles.get
    async with sound.served() as good, shaky.served() as bad:
        expected, got = await told(config(good)), await told(config(bad))
    assert [(offer.id, offer.digest) for offer in got.offers] == [(offer.id, offer.digest) for offer in expected.offers]
    assert len(shaky.asked) == len(sound.asked) + len(troubles)


@pytest.mark.parametrize(("said", "seconds"), [("120", 120.0), ("nonsense", 60.0)])
async def test_a_registry_that_is_busy_for_long_ends_the_pass_and_says_how_long(said: str, seconds: float) -> None:
    error = await failing(lambda request: JSONResponse({}, 429, {"retry-after": said}))
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


async def test_one_that_stays_busy_ends_the_pass() -> None:
    replica = Replica(invented(10, seed=6))
    replica.trouble = lambda number: "busy"
    async with replica.served() as url:
        with pytest.raises(RateLimited):
            await told(config(url), patience=0.3)
    assert len(replica.asked) < 10


async def test_an_answer_of_a_gigabyte_is_not_read_to_its_end() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n")
        for _ in range(1024):
            writer.write(b" " * 1_048_576)
            await writer.drain()
            sent += 1

    async with raw_server(flood) as port:
        with pytest.raises(UpstreamFailed, match="more than"):
            await told(config(f"http://127.0.0.1:{port}"))
    assert sent < 200


async def test_a_redirect_is_not_followed_whereto_it_may_lead() -> None:
    for target in ("http://169.254.169.254/v0.1/servers", "http://10.0.0.1/", "/elsewhere"):
        error = await failing(lambda request, to=target: RedirectResponse(to))  # type: ignore[misc]  # a default binds it
        assert isinstance(error, UpstreamFailed)
        assert "redirects to" in error.message


async def test_a_registry_whose_name_leads_to_a_private_address_is_not_asked() -> None:
    guard = Guard(resolve=Answers(["10.0.0.1"]))
    with pytest.raises(Invalid, match="not public"):
        await told(config("https://registry.example"), guard=guard)


async def test_the_token_is_sent_to_the_registry() -> None:
    replica = Replica([GOOD["server"]])
    replica.token = "held-by-both"
    async with replica.served() as url:
        assert (await told(config(url, {"token": "held-by-both"}))).offers
        with pytest.raises(CredentialRefused):
            await told(config(url, {"token": "another"}))


@pytest.mark.parametrize(
    ("source", "field"),
    [
        (config("ftp://registry.example"), "url"),
        (config("https://registry.example/?a=b"), "url"),
        (config("http://169.254.169.254"), "url"),
        (config("https://registry.example", sarch="x"), "sarch"),
        (config("https://registry.example", search=""), "search"),
        (config("https://registry.example", filter="*"), "filter"),
        (config("https://registry.example", names=["a"] * 1_001), "names"),
        (config("https://registry.example", latest_only="perhaps"), "latest_only"),
        (config("https://registry.example", {"tokn": "x"}), "tokn"),
        (config("https://registry.example", {"token": 7}), "token"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_by_its_field(source: SourceConfig, field: str) -> None:
    with pytest.raises(Invalid) as error:
        McpRegistry(OPEN).check(source)
    assert error.value.field == field


def test_a_configuration_that_can_be_used_passes() -> None:
    McpRegistry(OPEN).check(
        config("https://registry.example/v0.1", {"token": "x"}, filter=["io.github.*"], names=["a/b"])
    )
