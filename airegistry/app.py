"""The composition root: settings -> stores -> services -> surfaces -> one ASGI application. Nothing else builds."""

import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import uvicorn
from fastmcp import FastMCP
from starlette.types import ASGIApp

from airegistry import __version__
from airegistry.core.access import Access
from airegistry.core.admission import Admission
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import Invalid
from airegistry.core.events import Events
from airegistry.core.explain import Explainer
from airegistry.core.first_start import ADMIN, FirstStart, first_start
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.policy import Policy
from airegistry.core.ports import Upstream
from airegistry.core.ratings import Ratings
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.services import Services
from airegistry.core.shelf import Shelf
from airegistry.core.tokens import Tokens, digest
from airegistry.core.visibility import Visibility
from airegistry.egress.backends import McpBackends
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.embedders.open import open_embedder
from airegistry.front import Front
from airegistry.gateway.app import Gateway
from airegistry.gateway.upstream import PooledUpstream
from airegistry.http_protocol import BoundedHttp
from airegistry.index.memory import MemoryIndex
from airegistry.memory import give_back, stay_lean
from airegistry.oauth.authenticate import Authenticate
from airegistry.oauth.bearer import Bearer
from airegistry.oauth.origin import OriginGuard
from airegistry.oauth.server import Choices, Foundation, Identity, open_identity
from airegistry.oauth.step_up import StepUpChallenges
from airegistry.rest.app import routes
from airegistry.scanners.open import open_scanners
from airegistry.settings import Settings
from airegistry.stores.open import Stores, open_stores
from airegistry.telemetry import Meter, SystemClock
from airegistry.tools.clients import ClientTools
from airegistry.tools.declare import needs_of
from airegistry.tools.event_store import MemoryEventStore
from airegistry.tools.issuers import IssuerTools
from airegistry.tools.people import PeopleTools
from airegistry.tools.providers import ProviderTools
from airegistry.tools.server import build, catalog_tools
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


@asynccontextmanager
async def running(settings: Settings, *, extend: Extend | None = None) -> AsyncIterator[App]:
    """A registry over the settings' data folder, from open stores to closed ones.

    `extend` is given the registry's MCP server before it is served: tests mount what a conformance suite needs.

    Raises:
        FolderInUse: another process works on the data folder.
        Invalid: the data folder, or a provider or issuer of the settings, does not fit.
    """
    client = StreamClient(_guard(settings), first_byte_timeout=settings.first_byte_timeout)
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings.data))
        for damage in stores.damage:
            log.error("%s", damage)
        await stack.enter_async_context(client)
        upstream = await stack.enter_async_context(PooledUpstream(client))
        rules = await _rules(settings, stores)
        identity = await stack.enter_async_context(open_identity(rules, _choices(settings)))
        services, search = await _services(settings, stores, rules, identity, upstream)
        first = await _first_start(settings, stores, services, identity)
        owners = (*catalog_tools(services), *_identity_tools(identity))
        mcp = build(services, owners)
        if extend is not None:
            extend(mcp)
        tools = mcp.http_app(path="/mcp", event_store=MemoryEventStore(), host_origin_protection=False)
        await stack.enter_async_context(tools.lifespan(tools))
        challenge = StepUpChallenges(identity.resources).challenge
        guarded = StepUp(tools, services.access, services.invocation, services.audit, needs_of(owners), challenge)
        gateway = Gateway(
            services.invocation, client, max_body=settings.max_body, first_byte_timeout=settings.first_byte_timeout,
            challenge=challenge,
        )  # fmt: skip
        front = Front(guarded, gateway, [*identity.routes, *routes(lambda: True)])
        bearer = Bearer(services.tokens.resolve, identity.tokens, identity.callers, identity.issuers)
        door = Authenticate(front, bearer, identity.resources)
        async with anyio.create_task_group() as tasks:
            for task in (services.audit.run, services.tokens.uses.run, identity.run, door.open_requests.run):
                tasks.start_soon(task)
            tasks.start_soon(_warm, search)
            yield App(_guarded(door, settings), front.paths, mcp, services, identity, first)
            tasks.cancel_scope.cancel()
        await services.audit.settle()


async def _warm(search: Search) -> None:
    """Load the embedder and give vectors to the catalog, then give the memory that took back to the system."""
    await search.embed_all()
    give_back()


async def _rules(settings: Settings, stores: Stores) -> Foundation:
    """Who may do what, and the trail of it: what everything else stands on."""
    clock, access = SystemClock(), Access()
    audit = Audit(stores.log, access, clock)
    await audit.open()
    policy = Policy(stores.documents, access, audit)
    await policy.reload()
    return Foundation(
        url=settings.url, aliases=_aliases(settings), store=stores.documents, cipher=stores.cipher, access=access,
        policy=policy, audit=audit, clock=clock, guard=_guard(settings),
    )  # fmt: skip


def _choices(settings: Settings) -> Choices:
    choices = Choices(**{field.name: getattr(settings, field.name) for field in fields(Choices)})
    return choices if settings.takes_client_documents else replace(choices, client_document_hosts=())


async def _services(
    settings: Settings, stores: Stores, rules: Foundation, identity: Identity, upstream: Upstream
) -> tuple[Services, Search]:
    store, access, audit, policy, clock = stores.documents, rules.access, rules.audit, rules.policy, rules.clock
    operator = digest(settings.admin_token.get_secret_value()) if settings.admin_token else None
    callers, ended = identity.callers, identity.tokens.ended
    tokens = Tokens(store, access, policy, audit, clock, operator_hash=operator, subjects=callers, ended=ended)
    await tokens.reload()
    shelf, visibility, events = Shelf(store), Visibility(access, settings.environment), Events()
    search = Search(MemoryIndex(), open_embedder(settings.embedder), access, visibility, shelf, audit)
    scans = Scans(store, open_scanners(), access, clock)
    admission = Admission(scans, search, access)
    await admission.rebuild(shelf)
    await search.rebuild()
    events.subscribe(search.on_event)
    events.subscribe(admission.on_event)
    backends = McpBackends(_guard(settings), deadline=settings.fetch_timeout)
    catalog = Catalog(shelf, access, visibility, admission, scans, audit, events, backends, clock)
    types = EntityTypes(store, access, audit)
    services = Services(
        url=settings.url, access=access, policy=policy, tokens=tokens, catalog=catalog, entity_types=types,
        intake=Intake(catalog, types, backends, access, audit), ratings=Ratings(store, catalog, shelf, audit),
        search=search, scans=scans, audit=audit,
        explainer=Explainer(access, visibility, shelf, tokens, find=callers.by_subject),
        invocation=Invocation(shelf, access, visibility, audit, Meter(), clock, upstream),
    )  # fmt: skip
    return services, search


async def _first_start(settings: Settings, stores: Stores, services: Services, identity: Identity) -> FirstStart:
    password = settings.admin_password.get_secret_value() if settings.admin_password else None
    mint = settings.admin_token is None
    people = identity.directory
    return await first_start(stores.documents, services, people, own_skills(), mint=mint, password=password)


def _identity_tools(identity: Identity) -> tuple[object, ...]:
    """The objects whose marked methods are the tools of users, clients, providers and issuers."""
    return (
        PeopleTools(identity.directory, identity.sessions), ClientTools(identity.clients),
        ProviderTools(identity.providers, identity.party), IssuerTools(identity.issuers),
    )  # fmt: skip


def _guard(settings: Settings) -> Guard:
    return Guard(settings.egress_allow, loopback=settings.loopback)


def _guarded(door: Authenticate, settings: Settings) -> ASGIApp:
    """Host and Origin are checked first (DNS rebinding), then who is calling."""
    public = urlsplit(settings.url)
    hosts = {public.hostname or settings.host, "localhost", "127.0.0.1", "::1"}
    origins = {f"{public.scheme}://{public.netloc}", *_aliases(settings)}
    return OriginGuard(door, hosts=hosts, origins=origins)


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
    _log_plainly(settings.log_level)
    stay_lean()
    bound = _bind(settings)
    settings = settings.model_copy(update={"port": bound.getsockname()[1]})
    try:
        anyio.run(_serve, settings, bound, backend_options={"use_uvloop": True})
    finally:
        bound.close()


def _log_plainly(level: str) -> None:
    """One line a record, on standard error, whoever logs; libraries from warnings up."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    fastmcp_log = logging.getLogger("fastmcp")
    for handler in list(fastmcp_log.handlers):
        fastmcp_log.removeHandler(handler)
    fastmcp_log.propagate = True
    for library in ("fastmcp", "httpx2", "mcp", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # It logs what hostile backends say, with a traceback each; the registry reports them in a sentence of its own.
    logging.getLogger("mcp.client").setLevel(logging.CRITICAL)


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise Invalid(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}", field="PORT") from None
    return listening


async def _serve(settings: Settings, bound: socket.socket) -> None:
    if settings.tls_terminated and not settings.trusted_proxies:
        log.warning(
            "AIREGISTRY_TRUSTED_PROXIES is not set: behind the proxy that ends TLS everybody shares its address, "
            "and the limits on logins and registrations with it"
        )
    async with running(settings) as app:
        print(_welcome(settings, app.first), flush=True)  # noqa: T201  # what a person starting it waits for
        # What lives from here on is garbage soon or never: the collector need not walk the rest (p99 71 -> 10 ms).
        gc.collect()
        gc.freeze()
        config = uvicorn.Config(
            app.asgi, lifespan="off", loop="none", http=BoundedHttp, log_config=None, access_log=False,
            server_header=False, timeout_graceful_shutdown=5,
            proxy_headers=bool(settings.trusted_proxies), forwarded_allow_ips=settings.trusted_proxies or None,
        )  # fmt: skip
        await uvicorn.Server(config).serve(sockets=[bound])


def _welcome(settings: Settings, first: FirstStart) -> str:
    connect = f"claude mcp add --transport http airegistry {settings.url}/mcp"
    lines = [f"airegistry {__version__} serves {settings.url} (data in {settings.data})"]
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
