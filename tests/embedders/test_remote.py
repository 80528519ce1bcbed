"""An embedder behind HTTP, against a server of the same interface on loopback that runs the model of the package."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import orjson
import pytest
from anyio import to_thread
from pydantic import JsonValue, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.app import running
from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.core.ports import Vectors
from airegistry.core.principals import SYSTEM
from airegistry.egress.guard import Guard
from airegistry.embedders import remote
from airegistry.embedders.minilm import MiniLM
from airegistry.embedders.open import open_embedder
from airegistry.embedders.remote import BATCH, LONGEST, EmbeddingServer, OpenAIEmbedder
from airegistry.settings import Settings
from tests.egress.servers import Answers, always, free_port, raw_server, silent
from tests.support.asgi import serve
from tests.support.ssrf import PUBLIC, REFUSED, WATCH, assert_refused

pytestmark = pytest.mark.anyio
KEY = SecretStr("sk-secret-of-the-tests")
OPEN = Guard(loopback=True)
LOCAL = MiniLM()


class OpenAI:
    """The part of OpenAI's interface that embeds. `answers` come first, then the vectors; `asked` holds the bodies."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, JsonValue]] = []
        self.keys: list[str] = []
        self.app = Starlette(routes=[Route("/v1/embeddings", self._embeddings, methods=["POST"])])

    async def _embeddings(self, request: Request) -> Response:
        body = orjson.loads(await request.body())
        self.asked.append(body)
        self.keys.append(request.headers.get("authorization", ""))
        if self.answers:
            return self.answers.pop(0)
        vectors = await to_thread.run_sync(LOCAL.embed, body["input"])
        return rows(*(vector * 3 for vector in vectors))


def rows(*vectors: Sequence[float] | Vectors) -> Response:
    """An answer with these vectors, the last first: the interface numbers them and promises no order."""
    listed = [
        {"object": "embedding", "index": index, "embedding": [float(number) for number in vector]}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return JSONResponse({"object": "list", "model": "m", "data": listed[::-1], "usage": usage})


@asynccontextmanager
async def embedder(
    *answers: Response, key: SecretStr | None = None, pauses: Sequence[float] = ()
) -> AsyncIterator[tuple[OpenAIEmbedder, OpenAI]]:
    """An embedder and the server that it asks, which gives some answers before it embeds."""
    openai = OpenAI(*answers)
    async with serve(openai.app) as url, EmbeddingServer(OPEN, f"{url}/v1/", key) as server:
        yield OpenAIEmbedder("m", server, pauses=pauses), openai


async def embed(one: OpenAIEmbedder, *texts: str) -> Vectors:
    return await to_thread.run_sync(one.embed, texts)


async def test_vectors_are_the_servers_in_the_order_of_the_texts_and_of_length_one() -> None:
    texts = ["weather", "mail", "a database"]
    async with embedder() as (one, openai):
        vectors = await embed(one, *texts)
        assert await to_thread.run_sync(lambda: one.dimensions) == 384
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, LOCAL.embed(texts), atol=1e-6)
    assert openai.asked == [{"model": "m", "input": texts, "encoding_format": "float"}]
    assert openai.keys == [""]


async def test_many_texts_go_in_batches_and_long_ones_are_cut() -> None:
    texts = ["", "x" * (LONGEST + 1), *(f"text {number}" for number in range(BATCH))]
    openai = OpenAI(rows(*([1.0, 0.0] for _ in range(BATCH))), rows([0.0, 2.0], [2.0, 0.0]))
    async with serve(openai.app) as url, EmbeddingServer(OPEN, f"{url}/v1") as server:
        vectors = await embed(OpenAIEmbedder("m", server), *texts)
    assert vectors[-2:].tolist() == [[0, 1], [1, 0]]
    sent = [asked["input"] for asked in openai.asked]
    assert sent == [[" ", "x" * LONGEST, *texts[2:BATCH]], texts[BATCH:]]


async def test_no_texts_have_no_vectors() -> None:
    async with embedder(rows([3.0, 4.0])) as (one, openai):
        assert (await embed(one)).shape == (0, 2)
    assert len(openai.asked) == 1


async def test_a_query_is_asked_once_and_its_vector_cannot_be_changed() -> None:
    async with embedder(rows([3.0, 4.0]), key=KEY) as (one, openai):
        vector = await to_thread.run_sync(one.embed_query, "weather")
        assert await to_thread.run_sync(one.embed_query, "weather") is vector
    assert vector.tolist() == pytest.approx([0.6, 0.8])
    assert openai.keys == [f"Bearer {KEY.get_secret_value()}"]
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1


async def test_a_busy_server_is_asked_for_documents_again_and_for_queries_not() -> None:
    busy = [Response("slow down", status) for status in (429, 503)]
    async with embedder(*busy, rows([1.0]), pauses=(0, 0)) as (one, openai):
        assert (await embed(one, "text")).tolist() == [[1]]
        openai.answers = [Response("slow down", 429)]
        with pytest.raises(UpstreamFailed, match="HTTP 429: slow down"):
            await to_thread.run_sync(one.embed_query, "text")
    async with embedder(*(Response("", 503) for _ in range(3)), pauses=(0, 0)) as (one, openai):
        with pytest.raises(UpstreamFailed, match=r"answered HTTP 503$"):
            await embed(one, "text")
    assert len(openai.asked) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response(f"bad {KEY.get_secret_value()}", 401), r"401: is AIREGISTRY_EMBEDDER_KEY right\?: bad \*\*\*$"),
        (JSONResponse({"error": {"message": "no model m"}}, 404), r"404: .*model's name right\?: .*no model m"),
        (Response("", 302, {"location": "http://169.254.169.254/"}), "HTTP 302$"),
        (Response("<html>"), "without embeddings"),
        (JSONResponse({"data": [{"index": 0, "embedding": "AAAA"}]}), "without embeddings"),
        (Response('{"data": [{"index": 0, "embedding": [1e999]}]}'), "without embeddings"),
        (JSONResponse({"data": []}), "answered 1 texts with 0 embeddings"),
        (JSONResponse({"data": [{"index": 1, "embedding": [1]}]}), "misnumbered"),
        (rows([1.0], [1.0]), "answered 1 texts with 2 embeddings"),
        (rows([0.0, 0.0]), "without a direction"),
        (rows([]), "without a direction"),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_an_upstream_failure_that_says_why(answer: Response, said: str) -> None:
    async with embedder(answer, key=KEY) as (one, _):
        with pytest.raises(UpstreamFailed, match=said) as failed:
            await embed(one, "text")
    assert KEY.get_secret_value() not in str(failed.value)


async def test_vectors_of_another_length_are_refused() -> None:
    async with embedder(rows([1.0, 0.0]), rows([1.0, 0.0, 0.0]), rows([1.0, 0.0], [1.0])) as (one, _):
        await embed(one, "text")
        with pytest.raises(UpstreamFailed, match="3 dimensions after one of 2"):
            await embed(one, "text")
        with pytest.raises(UpstreamFailed, match="1 dimensions after one of 2"):
            await embed(one, "text", "other")


async def test_nobody_there_or_silence_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async with EmbeddingServer(OPEN, f"http://127.0.0.1:{free_port()}/v1") as server:
        with pytest.raises(UpstreamFailed, match="no connection"):
            await embed(OpenAIEmbedder("m", server), "text")
    monkeypatch.setattr(remote, "QUERY_TIMEOUT", 0.05)
    async with raw_server(silent) as port, EmbeddingServer(OPEN, f"http://127.0.0.1:{port}/v1") as server:
        with anyio.fail_after(5), pytest.raises(UpstreamFailed, match=r"did not answer within 0\.05 s"):
            await to_thread.run_sync(OpenAIEmbedder("m", server).embed_query, "text")


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ANSWER", 100)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n"
    async with raw_server(always(head + b" " * 200)) as port:
        async with EmbeddingServer(OPEN, f"http://127.0.0.1:{port}/v1") as server:
            with pytest.raises(UpstreamFailed, match="more than 100 bytes"):
                await embed(OpenAIEmbedder("m", server), "text")


async def test_a_registry_searches_by_the_vectors_of_its_server(tmp_path: Path) -> None:
    openai = OpenAI()
    async with serve(openai.app) as url:
        settings = Settings(data=tmp_path, embedder="openai:m", embedder_url=f"{url}/v1", embedder_key=KEY)
        async with running(settings) as app:
            await app.services.search.find(SYSTEM, "weather")
    inputs = [asked["input"] for asked in openai.asked]
    assert ["weather"] in inputs
    assert any(isinstance(texts, list) and len(texts) > 1 for texts in inputs)
    assert set(openai.keys) == {f"Bearer {KEY.get_secret_value()}"}


async def test_a_registry_with_a_forbidden_server_does_not_start(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, embedder="openai:m", embedder_url="http://169.254.169.254/v1")
    with pytest.raises(Invalid, match=r"AIREGISTRY_EMBEDDER_URL: .*metadata"):
        async with running(settings):
            pass


async def test_the_fingerprint_names_model_and_server() -> None:
    async with EmbeddingServer(OPEN, "http://127.0.0.1:9/v1/") as server:
        one = open_embedder("openai:org/model:v2", server)
        assert one is not None
        assert one.fingerprint == "openai:org/model:v2@http://127.0.0.1:9/v1/embeddings"


@pytest.mark.parametrize("url", ["http://localhost:9/v1", "http://[::1]:9", "https://models.example/v1"])
def test_a_key_may_go_over_https_and_stay_on_this_machine(url: str) -> None:
    assert EmbeddingServer(OPEN, url, KEY).url.endswith("/embeddings")


async def test_without_a_url_there_is_no_such_embedder() -> None:
    async with EmbeddingServer(OPEN) as server:
        with pytest.raises(Invalid, match="AIREGISTRY_EMBEDDER_URL"):
            open_embedder("openai:m", server)
        assert open_embedder("none", server) is None
    with pytest.raises(Invalid, match="no server"):
        open_embedder("openai:m")


async def test_no_forbidden_address_is_asked() -> None:
    answers = Answers([PUBLIC])

    async def check(url: str) -> None:
        async with EmbeddingServer(Guard(resolve=answers), url) as server:
            await embed(OpenAIEmbedder("m", server), "text")

    await assert_refused(check, REFUSED, errors=(AirError,))
    assert answers.asked == 0


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["169.254.169.254"], [PUBLIC, "10.0.0.1"], ["fd00::1"]])
async def test_a_name_that_leads_inside_is_not_followed_unless_exempted(addresses: list[str]) -> None:
    WATCH.tried.clear()
    answers = Answers(addresses)
    async with EmbeddingServer(Guard(resolve=answers), "https://inside.example/v1") as server:
        with pytest.raises(Invalid, match=r"inside\.example"):
            await embed(OpenAIEmbedder("m", server), "text")
    assert WATCH.tried == []


async def test_a_private_server_that_is_exempted_is_asked() -> None:
    openai = OpenAI(rows([1.0]))
    async with serve(openai.app) as url:
        with pytest.raises(Invalid, match="AIREGISTRY_EGRESS_ALLOW"):
            EmbeddingServer(Guard(), f"{url}/v1")
        async with EmbeddingServer(Guard([url.removeprefix("http://")]), f"{url}/v1") as server:
            assert (await embed(OpenAIEmbedder("m", server), "text")).tolist() == [[1]]


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("http://models.example/v1", KEY, "over https"),
        ("http://8.8.8.8/v1", KEY, "over https"),
        ("https://models.example/v1?version=1", None, "no query"),
        ("https://models.example/v1", SecretStr("two words"), "visible ASCII"),
        ("https://models.example/v1", SecretStr("split\r\nx: y"), "visible ASCII"),
    ],
)
def test_a_key_that_would_be_seen_and_a_base_that_is_none_are_invalid(
    url: str, key: SecretStr | None, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        EmbeddingServer(OPEN, url, key)
    assert key is None or key.get_secret_value() not in refused.value.message
