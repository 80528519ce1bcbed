"""Telemetry to a collector by gRPC, which brings a client of its own.

It never resolves a name: every address is checked by the guard, and it is given one of those to connect to. Its proxy
settings are switched off, and so is what would follow a service configuration from DNS.
"""

import ssl
from collections.abc import Mapping
from functools import partial

import grpc
from anyio.to_thread import run_sync

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.otlp import TIMEOUT, check_collector
from airegistry.egress.tls import shared_context
from airegistry.telemetry.sending import Signal

_METHODS: Mapping[Signal, str] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}


class OtlpGrpc:
    """The `Collector` port, over gRPC: TLS to https URLs, trusting whom every other connection trusts; none to http."""

    def __init__(
        self, guard: Guard, url: str, headers: Mapping[str, str], *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Raises:
        Invalid: see `check_collector`.
        """
        check_collector(guard, url, headers)
        self._guard = guard
        self._tls = tls
        self._target = guard.target(url)
        self._headers = tuple((name.lower(), value) for name, value in headers.items())
        self._channel: grpc.Channel | None = None

    async def __aenter__(self) -> "OtlpGrpc":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._close()

    async def send(self, signal: Signal, message: bytes) -> None:
        """See `Collector`."""
        channel = self._channel or await self._open()
        call = channel.unary_unary(_METHODS[signal], request_serializer=None, response_deserializer=None)
        try:
            await run_sync(partial(call, message, timeout=TIMEOUT, metadata=self._headers))
        except grpc.RpcError as error:
            self._close()  # the name may stand for another address by now, which has to be checked
            status = error.code().name if isinstance(error, grpc.Call) else "no answer"
            raise UpstreamFailed(f"the collector at {self._target} answered {status}") from error

    async def _open(self) -> grpc.Channel:
        """A channel to one of the addresses that the collector's name stands for now.

        Raises:
            Invalid: one of them is forbidden.
            UpstreamFailed: there is none.
        """
        host, port = self._target.host, self._target.port
        address = (await self._guard.resolve(host, port))[0]
        where = f"ipv6:[{address}]:{port}" if ":" in address else f"ipv4:{address}:{port}"
        options = [
            ("grpc.enable_http_proxy", 0), ("grpc.service_config_disable_resolution", 1),
            ("grpc.default_authority", str(self._target)),
        ]  # fmt: skip
        if self._target.scheme == "https":
            options.append(("grpc.ssl_target_name_override", host))
            credentials = grpc.ssl_channel_credentials(_roots(self._tls or shared_context()))
            self._channel = grpc.secure_channel(where, credentials, options)
        else:
            self._channel = grpc.insecure_channel(where, options)
        return self._channel

    def _close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _roots(tls: ssl.SSLContext) -> bytes | None:
    """The authorities of a context as gRPC takes them; None is those that gRPC comes with, where the context names
    none: a folder of SSL_CERT_DIR is looked into only when something is verified."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, tls.get_ca_certs(binary_form=True))).encode("ascii") or None
