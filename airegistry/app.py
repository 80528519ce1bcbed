"""The composition root: settings -> stores -> services -> surfaces -> one ASGI application. Nothing else builds."""

import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import uvicorn
from fastmcp import FastMCP
from starlette.types import ASGIApp

from airegistry import __version__
from airegistry.application_logs import SAID, OpenLogs, keeping_logs, log_to_stderr
from airegistry.auditing import open_audit
from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.catalog import Catalog
from airegistry.core.changes import Changes
from airegistry.core.entity_types import EntityTypes
from airegistry.core.events import Events
from airegistry.core.explain import Explainer
from airegistry.core.first_start import ADMIN, FirstStart, first_start, is_made
from airegistry.core.health import HealthChecks
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.parts import Parts
from airegistry.core.policy import Policy
from airegistry.core.ports import Upstream
from airegistry.core.registry_only import NoUpstream
from airegistry.core.services import Services
from airegistry.core.shelf import Shelf
from airegistry.core.telemetry import Telemetry
from airegistry.core.tokens import Tokens, digest
from airegistry.core.versions import Versions
from airegistry.core.virtual import Compositions
from airegistry.core.visibility import Visibility
from airegistry.core.vitals import Vitals
from airegistry.discovery import Discovery, open_discovery
from airegistry.egress.backends import McpBackends
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.federation import open_federation
from airegistry.front import Front
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.open import Gateways, Limits, Rules, open_gateway
from airegistry.gateway.outermost import Challenge
from airegistry.gateway.upstream import PooledUpstream
from airegistry.governance import (
    open_approvals,
    open_definitions,
    open_governance,
    open_guards,
    open_lifecycle,
    open_ratings,
    open_rescans,
    open_skill_looks,
    open_usage,
)
from airegistry.http_protocol import BoundedHttp
from airegistry.http_server import GracefulServer, bind
from airegistry.memory import give_back, make_room_for, settle, stay_lean
from airegistry.oauth.authenticate import Authenticate
from airegistry.oauth.open_requests import OpenRequests
from airegistry.oauth.origin import OriginGuard
from airegistry.oauth.server import Choices, Foundation, Identity, open_identity
from airegistry.oauth.step_up import StepUpChallenges
from airegistry.observing import backend_client, open_telemetry, watch_surface, watched_stores
from airegistry.open_files import allow_many
from airegistry.outside import Outside, open_ans, open_outside, open_repositories
from airegistry.plain_http import front_door, web_routes
from airegistry.replicas import Replica, joined, lasting
from airegistry.replicas import tasks as tasks_of
from airegistry.request_ids import RequestIds
from airegistry.settings import Settings
from airegistry.stores.open import Stores, open_stores
from airegistry.tools.clients import ClientTools
from airegistry.tools.credentials import CredentialTools
from airegistry.tools.declare import needs_of
from airegistry.tools.issuers import IssuerTools
from airegistry.tools.listen import Listening, add_listening
from airegistry.tools.operations import operations
from airegistry.tools.people import PeopleTools
from airegistry.tools.providers import ProviderTools
from airegistry.tools.request_states import shared_states
from airegistry.tools.server import build, catalog_tools, served
from airegistry.tools.step_up import StepUp

log = logging.getLogger(__name__)
Extend = Callable[[FastMCP], None]


@dataclass(frozen=True, slots=True)
class App:
    """A registry that runs: its ASGI application, every path it serves, and its parts.

    `first` holds what is shown at the first start only.
    """

    asgi: ASGIApp
    paths: list[str]
    mcp: FastMCP
    services: Services
    identity: Identity
    first: FirstStart
    gateways: Gateways | None = None
    end_streams: Callable[[], None] = lambda: None
    """Ends what is open without an end of its own, when the registry is asked to stop."""
    cut: Callable[[], None] = lambda: None
    """Ends all that is still being answered."""


@asynccontextmanager
async def running(
    settings: Settings, *, extend: Extend = lambda mcp: None, given: Stores | None = None
) -> AsyncIterator[App]:
    """A registry over the settings' data folder, from open stores to closed ones.

    `extend` is given the registry's MCP server before it is served: tests mount what a conformance suite needs.
    `given` stores stand in for the settings' own.

    Raises:
        FolderInUse: another process works on the data folder.
        Invalid: the data folder, or a provider or issuer of the settings, does not fit.
    """
    async with AsyncExitStack() as stack:
        logs = stack.enter_context(keeping_logs(settings))
        telemetry = await stack.enter_async_context(open_telemetry(settings, _guard(settings)))
        stores, replica = await _stores(settings, given, telemetry, stack)
        client = await stack.enter_async_context(backend_client(settings, _guard(settings), telemetry))
        channels = await stack.enter_async_context(
            Channels(client, Eras(client), first_byte_timeout=settings.first_byte_timeout)
        )
        rules = await _rules(settings, stores, replica, telemetry)
        identity = await stack.enter_async_context(open_identity(rules, _choices(settings)))
        upstream = PooledUpstream(channels) if settings.gateway else NoUpstream()
        discovery = await stack.enter_async_context(open_discovery(settings, rules))
        outside = await stack.enter_async_context(open_outside(settings, rules))
        services = await _services(settings, stores, rules, identity, upstream, discovery, outside, logs)
        first = await _begun(settings, stores, replica, services, identity)
        owners = (*catalog_tools(services), *_identity_tools(identity))
        mcp = build(services, owners, await shared_states(rules.store, rules.cipher) if rules.shared else None)
        listening = add_listening(mcp, services.changes)
        extend(mcp)
        tools = served(mcp)
        await stack.enter_async_context(tools.lifespan(tools))
        challenge = StepUpChallenges(identity.resources).challenge
        guarded = StepUp(tools, services.access, services.invocation, services.audit, needs_of(owners), challenge)
        passing = _gateway(settings, services, rules, identity, client, channels, challenge)
        gateways = await stack.enter_async_context(passing) if settings.gateway else None
        done, ready = partial(operations, mcp, owners), (stores.answers, replica.ready)
        front = Front(guarded, gateways, web_routes(settings, rules, services, identity, done, *ready))
        door = front_door(settings, front, front.on_data_path, services, identity)
        async with anyio.create_task_group() as tasks:
            beside = lasting(discovery.run), lasting(partial(_warm, discovery)), door.open_requests.run, listening.run
            for task in (*tasks_of(replica, services, identity, rules.shelf), *beside):
                tasks.start_soon(task)
            end, cut = _ends(gateways, listening, door.open_requests), door.open_requests.close
            shown = _guarded(door, settings)
            shown.watch = watch_surface(telemetry, mcp, front.route_of, services, client, rules.clock, replica.lag)
            yield App(shown, front.paths, mcp, services, identity, first, gateways, end, cut)
            tasks.cancel_scope.cancel()
        await services.audit.close()


async def _stores(
    settings: Settings, given: Stores | None, telemetry: Telemetry, stack: AsyncExitStack
) -> tuple[Stores, Replica]:
    opened = given if given else await stack.enter_async_context(open_stores(settings.data, settings.shared_store))
    stores, replica = await stack.enter_async_context(joined(opened))
    for damage in stores.damage:
        log.error("%s", damage)
    return watched_stores(stores, telemetry), replica


def _ends(gateways: Gateways | None, listening: Listening, open_requests: OpenRequests) -> Callable[[], None]:
    def end_streams() -> None:
        if gateways is not None:
            gateways.end_streams()
        listening.close()
        open_requests.end_streams()

    return end_streams


async def _warm(discovery: Discovery) -> None:
    """Load the embedder, give vectors to the catalog, and give the memory that took back where there is not much."""
    await discovery.warm()
    give_back()
    await make_room_for(lambda: len(discovery.search.indexing.index))


async def _rules(settings: Settings, stores: Stores, replica: Replica, telemetry: Telemetry) -> Foundation:
    """Who may do what, and the trail of it: what everything else stands on."""
    clock, access = SystemClock(), Access()
    audit = await open_audit(settings, stores, access, clock, telemetry)
    policy = Policy(stores.documents, access, audit)
    await policy.reload()
    return Foundation(
        url=settings.url, aliases=_aliases(settings), store=stores.documents, cipher=stores.cipher, access=access,
        policy=policy, audit=audit, clock=clock, guard=_guard(settings), shared=stores.shared, leading=replica.leading,
        shelf=Shelf(stores.documents, shared=stores.shared, near=stores.near),
        visibility=Visibility(access, settings.environment), among=replica.count, telemetry=telemetry,
    )  # fmt: skip


def _choices(settings: Settings) -> Choices:
    choices = Choices(**{field.name: getattr(settings, field.name) for field in fields(Choices)})
    return choices if settings.takes_client_documents else replace(choices, client_document_hosts=())


async def _tokens(settings: Settings, rules: Foundation, identity: Identity) -> Tokens:
    operator = digest(settings.admin_token.get_secret_value()) if settings.admin_token else None
    tokens = Tokens(
        rules.store, rules.access, rules.policy, rules.audit, rules.clock, operator_hash=operator,
        subjects=identity.callers, ended=identity.tokens.ended,
    )  # fmt: skip
    await tokens.reload()
    return tokens


async def _services(
    settings: Settings, stores: Stores, rules: Foundation, identity: Identity, upstream: Upstream,
    discovery: Discovery, outside: Outside, logs: OpenLogs,
) -> Services:  # fmt: skip
    store, access, audit, policy, clock = stores.documents, rules.access, rules.audit, rules.policy, rules.clock
    tokens = await _tokens(settings, rules, identity)
    shelf, visibility, events, credentials = rules.shelf, rules.visibility, Events(), identity.credentials
    governance = await open_governance(
        rules, events, discovery.search, outside, discovery.compared, classifier=settings.scan_classifier
    )
    scans, admission, search = governance.scans, governance.admission, discovery.search
    events.subscribe(search.on_event)
    backends = McpBackends(_guard(settings), deadline=settings.fetch_timeout)
    catalog = Catalog(
        shelf, access, visibility, admission, scans, audit, events, backends, clock, credentials, governance.pins,
        first_stage=settings.first_stage,
    )  # fmt: skip
    types, meter = EntityTypes(store, access, audit, shelf, rules.leading, shared=rules.shared), rules.telemetry
    guards = await open_guards(rules, settings, events)
    vitals = Vitals(guards.circuit)
    health = HealthChecks(
        shelf, catalog, backends, credentials, audit, events, clock, meter, vitals, governance.pins,
        interval=settings.health_interval, among=rules.among,
    )  # fmt: skip
    events.subscribe(health.on_event)
    versions = Versions(shelf, access, visibility, scans, audit, events, clock)
    stages, retirements = await open_lifecycle(rules, catalog, events)
    rescans, findings = open_rescans(rules, governance, catalog, events, hours=settings.scan_hours)
    parts, near = Parts(shelf.near, visibility, versions.is_over), shelf.near
    changes = Changes(near, access, visibility, catalog.part, identity.revisions, search.indexing.assets)
    await changes.rebuild()
    events.subscribe(changes.on_event)
    approvals = open_approvals(rules, settings, changes.asked)
    intake = Intake(catalog, types, backends, access, audit, governance.pins, outside.git_hosts)
    invocation = Invocation(near, access, visibility, audit, meter, clock, upstream, guards, credentials, approvals)
    return Services(
        url=settings.url, gateway_url=settings.url if settings.gateway else "", access=access, policy=policy,
        tokens=tokens, catalog=catalog, entity_types=types, versions=versions, stages=stages, retirements=retirements,
        compositions=Compositions(catalog, shelf, access, visibility, audit, parts),
        skill_looks=open_skill_looks(rules, governance, intake, backends, events, stages, hours=settings.skill_hours),
        intake=intake, definitions=open_definitions(rules, governance, catalog), logs=logs(rules, stores.log),
        ratings=open_ratings(rules, identity.directory, catalog, events), search=search, index_care=discovery.care,
        scans=scans, rescans=rescans, findings=findings, audit=audit, audit_care=outside.audit_care, guards=guards,
        health=health, vitals=vitals, webhooks=outside.webhooks, changes=changes, parts=parts, events=events,
        explainer=Explainer(access, visibility, shelf, tokens, parts, find=identity.callers.by_subject),
        invocation=invocation, usage=open_usage(rules, settings, invocation, catalog, events, search),
        approvals=approvals, repositories=open_repositories(rules, outside, events, settings),
        federation=await open_federation(rules, settings, governance, catalog, types, backends, credentials, events),
        ans=await open_ans(rules, outside, catalog, events, meter, hours=settings.ans_hours),
    )  # fmt: skip


async def _begun(settings: Settings, stores: Stores, among: Replica, services: Services, own: Identity) -> FirstStart:
    store, people, mint = stores.documents, own.directory, settings.admin_token is None
    password = settings.admin_password.get_secret_value() if settings.admin_password else None
    first = partial(first_start, store, services, people, own_skills(), mint=mint, password=password)
    reloads = services.policy.reload, services.tokens.reload, people.reload
    return await among.begun(reloads, partial(is_made, store, mint=mint), first)


def _gateway(
    settings: Settings, services: Services, rules: Foundation, identity: Identity, client: StreamClient,
    channels: Channels, challenge: Challenge,
) -> AbstractAsyncContextManager[Gateways]:  # fmt: skip
    stands_on = Rules(
        services.invocation, rules.access, rules.visibility, rules.shelf.near, services.parts, services.events,
        rules.store, rules.clock, identity.revisions, rules.shared, rules.telemetry,
    )  # fmt: skip
    limits = Limits(settings.max_body, settings.first_byte_timeout)
    return open_gateway(
        stands_on, client, channels, rules.guard, url=settings.url, challenge=challenge, limits=limits,
        on_tools_changed=services.health.look_again,
    )  # fmt: skip


def _identity_tools(identity: Identity) -> tuple[object, ...]:
    """The objects whose marked methods are the tools of users, clients, providers, issuers and credentials."""
    return (
        PeopleTools(identity.directory, identity.sessions), ClientTools(identity.clients),
        ProviderTools(identity.providers, identity.party), IssuerTools(identity.issuers),
        CredentialTools(identity.credentials, identity.rotation),
    )  # fmt: skip


def _guard(settings: Settings) -> Guard:
    return Guard(settings.egress_allow, loopback=settings.loopback)


def _guarded(door: Authenticate, settings: Settings) -> RequestIds:
    """A request has an id first; then Host and Origin are checked (DNS rebinding), then who is calling."""
    public = urlsplit(settings.url)
    hosts = {public.hostname or settings.host, "localhost", "127.0.0.1", "::1"}
    origins = {f"{public.scheme}://{public.netloc}", *_aliases(settings)}
    return RequestIds(OriginGuard(door, hosts=hosts, origins=origins))


def _aliases(settings: Settings) -> frozenset[str]:
    """Further origins of a registry that listens on loopback: one machine has several names there."""
    if not settings.loopback:
        return frozenset()
    return frozenset(f"http://{name}:{settings.port}" for name in ("localhost", "127.0.0.1", "[::1]"))


def own_skills() -> Mapping[str, Mapping[str, str]]:
    """The skills that come with the registry, by path: beside the package when installed, or in the checkout."""
    package = Path(__file__).parent
    folder = next((at for at in (package / "skills", package.parent / "skills") if at.is_dir()), None)
    if folder is None:
        return {}
    return {
        skill.parent.name: {
            str(file.relative_to(skill.parent)): file.read_text("utf-8")
            for file in sorted(skill.parent.rglob("*"))
            if file.is_file()
        }
        for skill in sorted(folder.glob("*/SKILL.md"))
    }


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        FolderInUse: another process works on the data folder.
        Invalid: the port is taken.
    """
    log_to_stderr(settings)
    stay_lean()
    allow_many()
    bound = bind(settings.host, settings.port)
    settings = settings.model_copy(update={"port": bound.getsockname()[1]})
    try:
        anyio.run(_serve, settings, bound, backend_options={"use_uvloop": True})
    finally:
        bound.close()


async def _serve(settings: Settings, bound: socket.socket) -> None:
    if settings.tls_terminated and not settings.trusted_proxies:
        log.warning(
            "AIREGISTRY_TRUSTED_PROXIES is not set: behind the proxy that ends TLS everybody shares its address, "
            "and the limits on logins and registrations with it"
        )
    async with running(settings) as app:
        log.info("airegistry %s serves %s, as process %d", __version__, settings.url, os.getpid(), extra={SAID: True})
        print(_welcome(settings, app.first), flush=True)  # noqa: T201  # what a person starting it waits for
        settle()
        config = uvicorn.Config(
            app.asgi, lifespan="off", loop="none", ws="none", http=BoundedHttp, log_config=None, access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies), forwarded_allow_ips=settings.trusted_proxies or None,
        )  # fmt: skip
        server = GracefulServer(config, seconds=settings.shutdown_seconds, end_streams=app.end_streams, cut=app.cut)
        await server.serve(sockets=[bound])
        log.info("airegistry ends, as it was asked to", extra={SAID: True})


def _welcome(settings: Settings, first: FirstStart) -> str:
    connect = f"claude mcp add --transport http airegistry {settings.url}/mcp"
    lines = [f"airegistry {__version__} serves {settings.url} (data in {settings.kept_in})"]
    if first.password is not None:
        lines.append(f"first user, shown this once: {ADMIN}, with the password {first.password}")
    elif first.new and settings.admin_password is not None:
        lines.append(f"first user: {ADMIN}, with the password of AIREGISTRY_ADMIN_PASSWORD")
    if first.token is not None:
        lines.append(f"administrator's token, shown this once: {first.token}")
    lines.append(f"your account, applications and sessions: {settings.url}/account")
    lines.append(f"connect as a person, who signs in: {connect}")
    token = first.token or "$AIREGISTRY_TOKEN"
    lines.append(f'connect as a machine, by a token: {connect} --header "Authorization: Bearer {token}"')
    return "\n".join(lines)
