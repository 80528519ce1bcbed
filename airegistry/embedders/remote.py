"""Any model behind a server with OpenAI's `POST /embeddings`, asked through the guarded client."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from threading import Lock

import anyio
import numpy as np
from anyio import from_thread
from pydantic import BaseModel, ConfigDict, FiniteFloat, SecretStr, ValidationError

from airegistry.core.credential_kinds import hide
from airegistry.core.documents import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.ports import Vectors
from airegistry.egress.guard import Guard, parse_url
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.model_servers import check_base_url

BATCH = 64
"""Texts of one request."""
LONGEST = 8_000
"""Characters of a text that are sent: models of this kind read about 8,192 tokens, and some servers refuse more."""
TIMEOUT = 60.0
"""Seconds for one request with documents; a model on a server without a GPU takes its time."""
QUERY_TIMEOUT = 5.0
"""Seconds for a query: somebody waits, and search goes on by words."""
ANSWER = 32 * 1024 * 1024
"""Bytes of one answer: 64 vectors of 4,096 dimensions take some 6 MB."""
PAUSES = (1.0, 5.0)
"""Seconds before documents are sent again to a server that is busy."""

_BUSY = frozenset({429, 502, 503, 504})
_HINTS = {
    401: "is AIREGISTRY_EMBEDDER_KEY right?",
    403: "is AIREGISTRY_EMBEDDER_KEY right?",
    404: "are AIREGISTRY_EMBEDDER_URL and the model's name right?",
}


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")
    index: int
    embedding: list[FiniteFloat]


class _Rows(BaseModel):
    model_config = ConfigDict(extra="ignore")
    data: list[_Row]


class EmbeddingServer:
    """Where embeddings are asked for, as settings name it; without a URL it refuses to be asked. To be closed."""

    def __init__(self, guard: Guard, url: str | None = None, key: SecretStr | None = None) -> None:
        """`/embeddings` is appended to `url`; `key` goes there as a bearer token.

        Raises:
            Invalid: the URL is forbidden, or the key cannot go there.
        """
        self._url = None if url is None else url.rstrip("/") + "/embeddings"
        self._key = key.get_secret_value() if key else None
        if self._url is not None:
            check_base_url(guard, self._url, self._key, setting="embedder")
        self._http = JsonHttp(guard, timeout=TIMEOUT)

    async def __aenter__(self) -> "EmbeddingServer":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.__aexit__(*exc_info)

    @property
    def url(self) -> str:
        """The address of embeddings.

        Raises:
            Invalid: the settings name none.
        """
        if self._url is None:
            raise Invalid("an embedder openai:MODEL needs AIREGISTRY_EMBEDDER_URL", field="embedder_url")
        return self._url

    async def documents(self, model: str, texts: Sequence[str], pauses: Sequence[float] = PAUSES) -> bytes:
        """The server's answer to at most `BATCH` texts; a busy one is asked again after each of `pauses` seconds.

        Raises:
            Invalid: there is no URL, or it leads to an address that is forbidden.
            UpstreamFailed: there is no answer, or a refusal.
        """
        for pause in pauses:
            answer = await self._ask(model, texts)
            if answer.status not in _BUSY:
                return self._body(answer)
            await anyio.sleep(pause)
        return self._body(await self._ask(model, texts))

    async def query(self, model: str, text: str) -> bytes:
        """The server's answer to one text, within `QUERY_TIMEOUT` seconds.

        Raises: as `documents`.
        """
        try:
            with anyio.fail_after(QUERY_TIMEOUT):
                return self._body(await self._ask(model, [text]))
        except TimeoutError:
            raise UpstreamFailed(f"{parse_url(self.url)} did not answer within {QUERY_TIMEOUT:g} s") from None

    async def _ask(self, model: str, texts: Sequence[str]) -> Answer:
        headers = {} if self._key is None else {"authorization": f"Bearer {self._key}"}
        asked: Json = {"model": model, "input": [_sent(text) for text in texts], "encoding_format": "float"}
        return await self._http.post_json(self.url, asked, headers=headers, limit=ANSWER)

    def _body(self, answer: Answer) -> bytes:
        if answer.status == 200:
            return answer.body
        said = answer.body.decode("utf-8", "replace").strip()
        hint = _HINTS.get(answer.status)
        words = [f"{parse_url(self.url)} answered HTTP {answer.status}", hint, said and printable(said)]
        error = UpstreamFailed(": ".join(filter(None, words)))
        hide(error, [self._key] if self._key else [])
        raise error


class OpenAIEmbedder:
    """An `Embedder` that asks an `EmbeddingServer`.

    The server lives in the event loop: call from threads of `anyio.to_thread` only, which lead back to it.
    """

    def __init__(
        self, model: str, server: EmbeddingServer, *, remembered: int = 1024, pauses: Sequence[float] = PAUSES
    ) -> None:
        """The vectors of the last `remembered` queries are kept.

        Raises:
            Invalid: the server has no URL.
        """
        self._model = model
        self._server = server
        self._pauses = tuple(pauses)
        self._lock = Lock()
        self._known: int | None = None
        self._remembered = lru_cache(remembered)(self._query)
        self.fingerprint = f"openai:{model}@{server.url}"

    @property
    def dimensions(self) -> int:
        """Length of a vector; asks the server when nothing was embedded yet."""
        return self._known or int(self.embed_query(" ").shape[0])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text, in requests of at most `BATCH`.

        Raises:
            UpstreamFailed: the server does not answer, refuses, or sends no vectors of the known length.
        """
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return np.concatenate([self._documents(batch) for batch in _batches(texts)])

    def embed_query(self, text: str) -> Vectors:
        """The unit vector of a query, read-only.

        Raises: as `embed`.
        """
        return self._remembered(text)

    def _documents(self, texts: Sequence[str]) -> Vectors:
        return self._read(from_thread.run(self._server.documents, self._model, texts, self._pauses), len(texts))

    def _query(self, text: str) -> Vectors:
        vector: Vectors = self._read(from_thread.run(self._server.query, self._model, text), 1)[0]
        vector.flags.writeable = False
        return vector

    def _read(self, body: bytes, count: int) -> Vectors:
        """The unit vectors of an answer, which has to hold `count` of the length that all others had."""
        target = parse_url(self._server.url)
        try:
            rows = sorted(_Rows.model_validate_json(body).data, key=lambda row: row.index)
        except ValidationError:
            raise UpstreamFailed(f"{target} answered without embeddings") from None
        if [row.index for row in rows] != list(range(count)):
            raise UpstreamFailed(f"{target} answered {count} texts with {len(rows)} embeddings, or misnumbered ones")
        with self._lock:
            known = self._known = self._known or len(rows[0].embedding)
        found = next((len(row.embedding) for row in rows if len(row.embedding) != known), known)
        if found != known:
            raise UpstreamFailed(f"{target} sent a vector of {found} dimensions after one of {known}")
        vectors: Vectors = np.array([row.embedding for row in rows], np.float32)
        lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(lengths > 0):
            raise UpstreamFailed(f"{target} sent a vector without a direction")
        return vectors / lengths


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))


def _sent(text: str) -> str:
    """What is sent of a text; servers refuse an empty one."""
    return text[:LONGEST] or " "
