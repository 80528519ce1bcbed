"""Records on their way to a collector, over real sockets."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from airegistry.core.audit_reading import Entry
from airegistry.core.documents import Json
from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.otlp_logs import OtlpLogs
from tests.support.asgi import serve
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio

RECORD: Json = {"id": "1", "subject": "user:ann", "action": "tools/call", "decision": "deny", "hash": "ab"}
ENTRY = Entry(1, "audit", 7, datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC), RECORD)


class Collector:
    """An OpenTelemetry collector that answers as it is told."""

    def __init__(self, status: int = 200, answer: Json | None = None) -> None:
        self.taken: list[bytes] = []
        self.headers: Mapping[str, str] = {}
        self.paths: list[str] = []
        self._status, self._answer = status, answer or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.taken.append(await request.body())
        self.headers, path = dict(request.headers), request.url.path
        self.paths.append(path)
        await JSONResponse(self._answer, self._status)(scope, receive, send)


async def test_a_record_is_sent_as_a_log_record_with_itself_as_body() -> None:
    collector = Collector(answer={"partialSuccess": {}})
    async with serve(collector) as url, OtlpLogs(Guard(loopback=True), url, SecretStr("key")) as logs:
        await logs.send([ENTRY])
    assert (collector.paths, collector.headers["authorization"]) == (["/v1/logs"], "Bearer key")
    (sent,) = collector.taken
    record = orjson.loads(sent)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert (record["timeUnixNano"], record["severityText"]) == ("1795176000000005000", "WARN")
    assert orjson.loads(record["body"]["stringValue"]) == RECORD
    attributes = {each["key"]: each["value"]["stringValue"] for each in record["attributes"]}
    assert attributes["airegistry.audit.subject"] == "user:ann"
    assert (attributes["airegistry.audit.stream"], attributes["airegistry.audit.seq"]) == ("audit", "7")


@pytest.mark.parametrize(
    ("status", "answer"),
    [(500, {}), (429, {}), (400, {}), (302, {}), (200, {"partialSuccess": {"rejectedLogRecords": "1"}})],
)
async def test_whatever_is_not_taken_is_an_error(status: int, answer: Json) -> None:
    async with serve(Collector(status, answer)) as url, OtlpLogs(Guard(loopback=True), url) as logs:
        with pytest.raises(UpstreamFailed):
            await logs.send([ENTRY])


async def test_nobody_there_is_an_error() -> None:
    async with OtlpLogs(Guard(loopback=True), f"http://127.0.0.1:{free_port()}") as logs:
        with pytest.raises(AirError):
            await logs.send([ENTRY])


async def test_a_key_is_not_sent_in_the_clear_and_forbidden_addresses_are_refused_at_once() -> None:
    with pytest.raises(Invalid, match="https"):
        OtlpLogs(Guard(["collector.test"]), "http://collector.test", SecretStr("key"))
    with pytest.raises(Invalid):
        OtlpLogs(Guard(), "http://127.0.0.1:4318")
