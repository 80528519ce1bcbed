"""Puts telemetry together. Where it is off nothing of OpenTelemetry's SDK is imported, and nothing is wrapped."""

import platform
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio

from airegistry import __version__
from airegistry.core.audit import Audit
from airegistry.core.errors import Invalid
from airegistry.core.events import Event
from airegistry.core.lane import Post
from airegistry.core.ports import Clock
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.services import Services
from airegistry.core.telemetry import OFF, Telemetry
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.settings import Settings
from airegistry.stores.open import Stores

if TYPE_CHECKING:
    from fastmcp import FastMCP
    from starlette.types import Scope

    from airegistry.telemetry.live import Live
    from airegistry.telemetry.sending import Collector

MISSING = "AIREGISTRY_TELEMETRY_URL needs the extra: pip install 'airegistry[otel]'"


@asynccontextmanager
async def open_telemetry(settings: Settings, guard: Guard) -> AsyncIterator[Telemetry]:
    """Where figures and spans go, while they are sent on.

    Raises:
        Invalid: the extra is not installed, the collector may not be called, or a setting does not fit.
    """
    if settings.telemetry_url is None:
        yield OFF
        return
    live = _live(settings)
    from airegistry.telemetry.sending import Sending

    async with _collector(settings, guard, settings.telemetry_url) as collector:
        sending = Sending(live, collector, every=settings.telemetry_seconds)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sending.run)
            yield live
            tasks.cancel_scope.cancel()


def live_of(telemetry: Telemetry) -> "Live | None":
    """The telemetry that is on, for those that are built otherwise then."""
    if not telemetry.on:
        return None
    from airegistry.telemetry.live import Live

    assert isinstance(telemetry, Live)
    return telemetry


def audit_kind(telemetry: Telemetry) -> type[Audit]:
    """The class of the audit trail."""
    if not telemetry.on:
        return Audit
    from airegistry.telemetry.acts import WatchedAudit
    from airegistry.telemetry.kinds import telling

    return telling(WatchedAudit, telemetry)


def search_kind(telemetry: Telemetry) -> type[Search]:
    """The class of search."""
    if not telemetry.on:
        return Search
    from airegistry.telemetry.kinds import telling
    from airegistry.telemetry.search import WatchedSearch

    return telling(WatchedSearch, telemetry)


def scans_kind(telemetry: Telemetry) -> type[Scans]:
    """The class of scans."""
    if not telemetry.on:
        return Scans
    from airegistry.telemetry.kinds import telling
    from airegistry.telemetry.scans import WatchedScans

    return telling(WatchedScans, telemetry)


def watched_post(post: Post, telemetry: Telemetry) -> Post:
    """What posts webhooks."""
    if not telemetry.on:
        return post
    from airegistry.telemetry.posts import WatchedPost

    return WatchedPost(post, telemetry)


def watched_stores(stores: Stores, telemetry: Telemetry) -> Stores:
    """The stores."""
    if (live := live_of(telemetry)) is None:
        return stores
    from airegistry.telemetry.store import WatchedStore

    watched = partial(WatchedStore, live=live, local=not stores.shared)
    return replace(stores, documents=watched(stores.documents), near=stores.near and watched(stores.near))


def backend_client(settings: Settings, guard: Guard, telemetry: Telemetry) -> StreamClient:
    """The gateway's way out."""
    first, idle = settings.first_byte_timeout, settings.idle_timeout
    if (live := live_of(telemetry)) is None:
        return StreamClient(guard, first_byte_timeout=first, idle_timeout=idle)
    from airegistry.egress.watched_stream import Exchanges

    watch = Exchanges(live, settings.telemetry_propagation)
    return StreamClient(guard, first_byte_timeout=first, idle_timeout=idle, watch=watch)


def watch_surface(
    telemetry: Telemetry, mcp: "FastMCP", route_of: "Callable[[Scope], str]", services: Services,
    client: StreamClient, clock: Clock, lag: Callable[[], float],
) -> "Callable[[Scope], Callable[[int], None]] | None":  # fmt: skip
    """Have the MCP server and the registry behind it tell of themselves; what comes back watches requests. `lag` is how
    far the registry is behind others over its store, in seconds."""
    if (live := live_of(telemetry)) is None:
        return None
    from airegistry.telemetry import gauges
    from airegistry.telemetry.http import Requests
    from airegistry.tools.watched import WatchedTools

    mcp.middleware.insert(0, WatchedTools(live))
    services.events.subscribe(partial(_changed, live))
    gauges.watch(live.figures, services, clock, connections=lambda: client.connections, lag=lag)
    return Requests(live, route_of)


async def _changed(live: "Live", event: Event) -> None:
    live.count("airegistry.catalog.changes", kind=event.asset.kind, change=event.name.rpartition(":")[2])


def _live(settings: Settings) -> "Live":
    try:
        from airegistry.telemetry.live import Live
    except ImportError:
        raise Invalid(MISSING, field="TELEMETRY_URL") from None
    from airegistry.telemetry.sampling import Sampling

    about = {
        "service.name": settings.telemetry_service, "service.version": __version__,
        "service.instance.id": secrets.token_hex(8), "process.runtime.version": platform.python_version(),
        "deployment.environment.name": settings.environment,
        **_pairs(settings.telemetry_resource, "TELEMETRY_RESOURCE"),
    }  # fmt: skip
    sampling = Sampling(settings.telemetry_sampler, settings.telemetry_ratio, most=settings.telemetry_traces)
    return Live(sampling, about, most=settings.telemetry_values)


@asynccontextmanager
async def _collector(settings: Settings, guard: Guard, url: str) -> "AsyncIterator[Collector]":
    stated = settings.telemetry_headers.get_secret_value() if settings.telemetry_headers is not None else ""
    headers = _pairs(stated, "TELEMETRY_HEADERS")
    if settings.telemetry_protocol == "grpc":
        try:
            from airegistry.egress.otlp_grpc import OtlpGrpc
        except ImportError:
            raise Invalid(MISSING, field="TELEMETRY_PROTOCOL") from None
        async with OtlpGrpc(guard, url, headers) as by_grpc:
            yield by_grpc
        return
    from airegistry.egress.otlp import OtlpHttp

    async with OtlpHttp(guard, url, headers) as by_http:
        yield by_http


def _pairs(stated: str, field: str) -> Mapping[str, str]:
    """`name=value` with commas between, values percent-encoded (W3C Baggage), as OpenTelemetry's variables are.

    Raises:
        Invalid: it is something else.
    """
    found: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in stated.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise Invalid(f"AIREGISTRY_{field} reads name=value, with commas between", field=field)
        found[name.strip()] = unquote(value.strip())
    return found
