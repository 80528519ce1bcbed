"""The certificate that a host shows, over a connection that the guard has checked and pinned."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
from anyio.streams.tls import TLSAttribute

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.messages import reason
from airegistry.egress.tls import shared_context

TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that is trusted and fits its host. `ends` is aware UTC."""

    ends: datetime


async def certificate_of(guard: Guard, url: str, *, tls: ssl.SSLContext | None = None) -> Certificate:
    """What the host of an https URL shows within 10 seconds, verified by the authorities that are trusted here.

    Raises:
        Invalid: the guard forbids the connection.
        UpstreamFailed: nobody answers, or not with a certificate that is trusted for that host.
    """
    target = guard.target(url)
    addresses = await guard.resolve(target.host, target.port)
    try:
        with anyio.fail_after(TIMEOUT):
            stream = await anyio.connect_tcp(
                addresses[0], target.port, tls_hostname=target.host, tls=True,
                ssl_context=tls or shared_context(), tls_standard_compatible=False,
            )  # fmt: skip
            async with stream:
                shown = stream.extra(TLSAttribute.peer_certificate)  # noqa: S610  # no query of Django
    except TimeoutError:
        raise UpstreamFailed(f"{target} did not answer within {TIMEOUT:g} s") from None
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        raise UpstreamFailed(f"{target} shows no certificate that holds ({reason(error)})") from None
    if shown is None or not isinstance(ends := shown.get("notAfter"), str):
        raise UpstreamFailed(f"{target} shows a certificate without an end")
    return Certificate(datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC))
