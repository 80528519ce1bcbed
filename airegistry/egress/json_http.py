"""Small JSON documents of others, over the guarded client: metadata, keys, tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

import anyio
import httpx2
import orjson
from pydantic import JsonValue

from airegistry.core.documents import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard, parse_url
from airegistry.egress.http import explain, guarded_http, read_limited
from airegistry.egress.messages import printable

LIMIT = 1_048_576
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, as it came: redirects are not followed. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> JsonValue:
        """The body as JSON.

        Raises:
            UpstreamFailed: it is none.
        """
        try:
            value: JsonValue = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise UpstreamFailed("the answer is no JSON") from None
        return value

    def object(self) -> Json:
        """The body as a JSON object.

        Raises:
            UpstreamFailed: it is none.
        """
        value = self.json()
        if not isinstance(value, dict):
            raise UpstreamFailed("the answer is no JSON object")
        return value


class JsonHttp:
    """GET, POST and PUT, each within `timeout` seconds, through the guard. One client, to be closed."""

    def __init__(self, guard: Guard, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._client = guarded_http(guard, timeout=timeout)

    async def __aenter__(self) -> "JsonHttp":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.aclose()

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int = LIMIT) -> Answer:
        """GET a document of at most `limit` bytes, whatever its status.

        Raises:
            Invalid: the URL is forbidden.
            UpstreamFailed: there is no answer, or one too long.
        """
        return await self._send("GET", url, headers, None, limit)

    async def post(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None, limit: int = LIMIT
    ) -> Answer:
        """POST a form; the answer of at most `limit` bytes, whatever its status.

        Raises:
            Invalid: the URL is forbidden.
            UpstreamFailed: there is no answer, or one too long.
        """
        return await self._send("POST", url, headers, form, limit)

    async def post_json(
        self, url: str, value: Json, *, headers: Mapping[str, str] | None = None, limit: int = LIMIT
    ) -> Answer:
        """POST a JSON object; the answer of at most `limit` bytes, whatever its status.

        Raises:
            Invalid: the URL is forbidden.
            UpstreamFailed: there is no answer, or one too long.
        """
        known = {"content-type": "application/json", **(headers or {})}
        return await self._send("POST", url, known, orjson.dumps(value), limit)

    async def put_json(
        self, url: str, value: Json, *, headers: Mapping[str, str] | None = None, limit: int = LIMIT
    ) -> Answer:
        """PUT a JSON object; the answer of at most `limit` bytes, whatever its status.

        Raises:
            Invalid: the URL is forbidden.
            UpstreamFailed: there is no answer, or one too long.
        """
        known = {"content-type": "application/json", **(headers or {})}
        return await self._send("PUT", url, known, orjson.dumps(value), limit)

    async def post_bytes(self, url: str, body: bytes, *, headers: Mapping[str, str], limit: int = LIMIT) -> Answer:
        """POST what is encoded already; `headers` say how. The answer of at most `limit` bytes, whatever its status.

        Raises:
            Invalid: the URL is forbidden.
            UpstreamFailed: there is no answer, or one too long.
        """
        return await self._send("POST", url, headers, body, limit)

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: Mapping[str, str] | bytes | None,
        limit: int,
    ) -> Answer:
        """`body` is a form, or what is sent as it is."""
        target = parse_url(url)
        form, content = (None, body) if isinstance(body, bytes) else (body, None)
        known = {"accept": "application/json", "accept-encoding": "gzip", **(headers or {})}
        try:
            with anyio.fail_after(self._timeout):
                async with self._client.stream(method, url, headers=known, data=form, content=content) as answer:
                    text = await read_limited(answer, limit, target)
                    return Answer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, text)
        except TimeoutError:
            raise UpstreamFailed(f"{target} did not answer within {self._timeout:g} s") from None
        except httpx2.HTTPError as error:
            raise explain(error, target) from error
        except httpx2.InvalidURL as error:
            raise Invalid(f"{target} is no valid host: {printable(str(error))}", field="url") from error
