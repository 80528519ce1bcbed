"""Records of the audit trail as OpenTelemetry logs, by OTLP over HTTP with JSON (OTLP 1.x)."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import orjson
from pydantic import JsonValue, SecretStr

from airegistry import __version__
from airegistry.core.audit_reading import Entry
from airegistry.core.documents import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.model_servers import check_base_url

PATH = "/v1/logs"
_SEVERITY: Mapping[str, tuple[int, str]] = {"deny": (13, "WARN"), "unknown": (17, "ERROR")}
_INFO = (9, "INFO")
_SHOWN = ("id", "subject", "client", "action", "kind", "asset", "tool", "decision", "outcome", "reason", "via")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OtlpLogs:
    """The `Sink` port. Records are sent to `{url}/v1/logs`; the body of each is the record itself, to be verified."""

    def __init__(self, guard: Guard, url: str, key: SecretStr | None = None, *, timeout: float = 15.0) -> None:
        """Raises:
        Invalid: the URL may not be called, or the key would go there in the clear.
        """
        self._key = None if key is None else key.get_secret_value()
        check_base_url(guard, url, self._key, setting="audit_otlp")
        self._url = url.rstrip("/") + PATH
        self._http = JsonHttp(guard, timeout=timeout)

    async def __aenter__(self) -> "OtlpLogs":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.__aexit__(*exc_info)

    @property
    def name(self) -> str:
        """See `Sink`: of its address."""
        return hashlib.sha256(self._url.encode()).hexdigest()[:16]

    async def send(self, entries: Sequence[Entry]) -> None:
        """See `Sink`."""
        headers = {} if self._key is None else {"authorization": f"Bearer {self._key}"}
        answer = await self._http.post_json(self._url, _request(entries), headers=headers)
        if not 200 <= answer.status < 300:
            raise UpstreamFailed(f"the collector of audit logs answered HTTP {answer.status}")
        partial = answer.object().get("partialSuccess") if answer.body.strip() else None
        if isinstance(partial, dict) and partial.get("rejectedLogRecords") not in {None, 0, "0"}:
            why = printable(str(partial.get("errorMessage", "")))
            raise UpstreamFailed(f"the collector of audit logs rejected {partial['rejectedLogRecords']} of them: {why}")


def _request(entries: Sequence[Entry]) -> Json:
    records: list[JsonValue] = [_record(entry) for entry in entries]
    scope: Json = {"name": "airegistry.audit", "version": __version__}
    resource: Json = {"attributes": [_attribute("service.name", "airegistry")]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}]}]}


def _record(entry: Entry) -> Json:
    body = entry.body
    number, text = _SEVERITY.get(str(body.get("decision")), _INFO)
    attributes: list[JsonValue] = [
        _attribute("airegistry.audit.stream", entry.stream), _attribute("airegistry.audit.seq", str(entry.seq)),
        *(_attribute(f"airegistry.audit.{name}", str(body[name])) for name in _SHOWN if body.get(name)),
    ]  # fmt: skip
    nanoseconds = (entry.time - _EPOCH) // timedelta(microseconds=1) * 1000
    return {
        "timeUnixNano": str(nanoseconds), "severityNumber": number, "severityText": text,
        "eventName": "airegistry.audit", "body": {"stringValue": orjson.dumps(body).decode()}, "attributes": attributes,
    }  # fmt: skip


def _attribute(name: str, value: str) -> Json:
    return {"key": name, "value": {"stringValue": value}}
