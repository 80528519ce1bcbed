"""Telemetry to a collector: OTLP messages (protobuf) over HTTP, through the guarded client."""

from collections.abc import Mapping

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.model_servers import check_base_url
from airegistry.telemetry.sending import Signal

TIMEOUT = 10.0


def check_collector(guard: Guard, url: str, headers: Mapping[str, str]) -> None:
    """Refuse a collector before anything is sent.

    Raises:
        Invalid: the URL may not be called, or the headers, which may be secrets, would go there in the clear.
    """
    check_base_url(guard, url, "".join(headers.values()).replace(" ", "") or None, setting="telemetry")


class OtlpHttp:
    """The `Collector` port, over HTTP: `{url}/v1/traces` and `{url}/v1/metrics`."""

    def __init__(self, guard: Guard, url: str, headers: Mapping[str, str]) -> None:
        """Raises:
        Invalid: see `check_collector`.
        """
        check_collector(guard, url, headers)
        self._url = url.rstrip("/")
        self._headers = {**headers, "content-type": "application/x-protobuf", "accept": "application/x-protobuf"}
        self._http = JsonHttp(guard, timeout=TIMEOUT)

    async def __aenter__(self) -> "OtlpHttp":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.__aexit__(*exc_info)

    async def send(self, signal: Signal, message: bytes) -> None:
        """See `Collector`."""
        answer = await self._http.post_bytes(f"{self._url}/v1/{signal}", message, headers=self._headers)
        if not 200 <= answer.status < 300:
            raise UpstreamFailed(f"the collector answered HTTP {answer.status}")
