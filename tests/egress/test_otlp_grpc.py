"""Telemetry by gRPC with TLS, to a collector that has it."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.otlp_grpc import OtlpGrpc
from tests.support.certificates import Authority
from tests.support.otlp import Collector, collecting
from tests.support.registry import serving

pytestmark = pytest.mark.anyio
EMPTY = ExportTraceServiceRequest().SerializeToString()
KEY = {"Authorization": "Bearer collector-key"}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def collector(authority: Authority) -> Iterator[Collector]:
    with collecting(authority.pair("localhost")) as started:
        yield started


async def sent(url: str, tls: ssl.SSLContext | None) -> None:
    async with OtlpGrpc(Guard(loopback=True), url, KEY, tls=tls) as grpc:
        with anyio.fail_after(20):
            await grpc.send("traces", EMPTY)


async def test_a_collector_whose_authority_is_trusted_gets_what_is_sent_with_its_headers(
    collector: Collector, authority: Authority
) -> None:
    await sent(collector.grpc_url, authority.trusting)
    assert len(collector.traces) == 1
    assert collector.headers[-1]["authorization"] == "Bearer collector-key"


@pytest.mark.parametrize("trusting", [Authority().trusting, None], ids=["another authority", "the system's"])
async def test_a_collector_of_an_authority_that_is_not_trusted_gets_nothing(
    collector: Collector, trusting: ssl.SSLContext | None
) -> None:
    before = len(collector.headers)
    with pytest.raises(UpstreamFailed, match="UNAVAILABLE"):
        await sent(collector.grpc_url, trusting)
    assert len(collector.headers) == before


async def test_a_collector_that_is_somebody_else_gets_nothing(authority: Authority) -> None:
    with collecting(authority.pair("collector.test")) as other:
        with pytest.raises(UpstreamFailed, match="UNAVAILABLE"):
            await sent(other.grpc_url, authority.trusting)
        assert other.headers == []


async def test_a_registry_trusts_the_authorities_of_ssl_cert_file(
    collector: Collector, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    env = {
        "SSL_CERT_FILE": str(tmp_path / "authority.pem"), "AIREGISTRY_TELEMETRY_URL": collector.grpc_url,
        "AIREGISTRY_TELEMETRY_PROTOCOL": "grpc", "AIREGISTRY_TELEMETRY_SECONDS": "0.2", "AIREGISTRY_EMBEDDER": "none",
    }  # fmt: skip
    with serving(tmp_path, env):
        await collector.until(lambda: "process.uptime" in collector.figures)
