"""The authorization server, put together over a store: who there is, how they log in, what they are given."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import anyio
from pydantic import JsonValue
from starlette.routing import BaseRoute

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.credential_tokens import TokenCache, TokenSource
from airegistry.core.credentials import CredentialStore
from airegistry.core.directory import Directory
from airegistry.core.documents import DocumentStore, Json
from airegistry.core.leases import Alone, Leading
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.policy import Policy
from airegistry.core.ports import Clock
from airegistry.core.provisioning import Match, Provisioning
from airegistry.core.rotation import KeyRing, Rotation
from airegistry.core.shelf import Shelf
from airegistry.core.telemetry import OFF, Telemetry
from airegistry.core.visibility import Visibility
from airegistry.egress.backend_tokens import BackendTokens
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import DOCUMENT_PATH, client_document
from airegistry.oauth.callers import Callers
from airegistry.oauth.clients.client_auth import ClientAuthenticator
from airegistry.oauth.clients.client_documents import ClientDocuments
from airegistry.oauth.clients.clients import Clients
from airegistry.oauth.clients.registration import Registration
from airegistry.oauth.connections.accounts import Accounts
from airegistry.oauth.connections.keeping import Connections, KnownClients
from airegistry.oauth.connections.pages import ConnectionPages
from airegistry.oauth.connections.states import ConnectionStates
from airegistry.oauth.connections.subject_tokens import SubjectTokens
from airegistry.oauth.forms import Form
from airegistry.oauth.issuers.issuers import Issuers
from airegistry.oauth.issuers.trust import trusted_issuer
from airegistry.oauth.login.account import Account
from airegistry.oauth.login.account_secrets import AccountSecrets
from airegistry.oauth.login.answers import Answers
from airegistry.oauth.login.authorize import Authorize
from airegistry.oauth.login.consent import ConsentPage
from airegistry.oauth.login.consents import Consents
from airegistry.oauth.login.cookies import Cookies, Csrf, open_csrf
from airegistry.oauth.login.device_page import DevicePage
from airegistry.oauth.login.device_requests import DeviceRequests
from airegistry.oauth.login.login import Login
from airegistry.oauth.login.passwords import Argon2Passwords
from airegistry.oauth.login.pending import PendingRequests
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Visitors
from airegistry.oauth.metadata import routes as metadata_routes
from airegistry.oauth.metadata import server_metadata
from airegistry.oauth.model import ASSERTION_GRANT, CLIENT_GRANT, DEVICE_GRANT, EXCHANGE_GRANT, Client, Session
from airegistry.oauth.providers.id_tokens import IdTokens
from airegistry.oauth.providers.login_states import LoginStates
from airegistry.oauth.providers.provider_client import ProviderClient
from airegistry.oauth.providers.provider_routes import ProviderRoutes
from airegistry.oauth.providers.providers import Providers
from airegistry.oauth.providers.relying_party import RelyingParty
from airegistry.oauth.providers.remote_keys import RemoteKeys
from airegistry.oauth.replay import Replay
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import AccessTokens
from airegistry.oauth.tokens.assertions import ID_JAG_PROFILE, IdentityAssertions
from airegistry.oauth.tokens.authorizations import Authorizations
from airegistry.oauth.tokens.device_grant import DeviceAuthorization, DeviceGrant
from airegistry.oauth.tokens.exchange import TokenExchange
from airegistry.oauth.tokens.keys import SigningKeys
from airegistry.oauth.tokens.machine_grants import ClientCredentials
from airegistry.oauth.tokens.person_grants import PersonGrants
from airegistry.oauth.tokens.token_endpoint import GrantHandler, TokenEndpoint
from airegistry.oauth.tokens.token_state import TokenState
from airegistry.oauth.web_sessions import WebSessions

log = logging.getLogger(__name__)

SWEEP_EVERY = 600.0
"""Seconds between two rounds of forgetting what is over."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What an operator decides about logins and clients; see the settings of these names."""

    access_token_seconds: int = 600
    refresh_token_days: int = 30
    device_seconds: int = 5
    session_idle_minutes: int = 480
    session_hours: int = 168
    client_registration: Literal["open", "off"] = "open"
    client_document_hosts: Sequence[str] = ("*",)
    client_document_loopback: bool = False
    identity_providers: Sequence[Mapping[str, JsonValue]] = ()
    trusted_issuers: Sequence[Mapping[str, JsonValue]] = ()
    scim_provider: str = ""
    scim_match: Match = "subject"
    scim_groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Foundation:
    """What the authorization server stands on."""

    url: str
    aliases: frozenset[str]
    store: DocumentStore
    cipher: KeyRing
    shelf: Shelf
    visibility: Visibility
    access: Access
    policy: Policy
    audit: Audit
    clock: Clock
    guard: Guard
    shared: bool = False
    """Whether other processes work on the store."""
    leading: Leading = field(default_factory=lambda: Alone(SystemClock()))
    """Whose turn it is, among them."""
    among: Among = alone
    """How many there are, which each lets in its part of what is limited."""
    telemetry: Telemetry = OFF


@dataclass(frozen=True, slots=True)
class Identity:
    """Who there is and how they come in; `routes` are its endpoints and pages, `sweeps` forget what is over."""

    resources: Resources
    directory: Directory
    sessions: Sessions
    clients: Clients
    providers: Providers
    party: RelyingParty
    issuers: Issuers
    remote: RemoteKeys
    strangers: RemoteKeys
    replay: Replay
    keys: SigningKeys
    tokens: AccessTokens
    authorizations: Authorizations
    consents: Consents
    callers: Callers
    pending: PendingRequests
    devices: DeviceRequests
    factor: SecondFactor
    provisioning: Provisioning
    credentials: CredentialStore
    accounts: Accounts
    rotation: Rotation
    web: WebSessions
    sweeps: Sequence[Callable[[], Awaitable[object]]]
    routes: list[BaseRoute] = field(default_factory=list)

    def revisions(self) -> tuple[int, ...]:
        """Other numbers whenever somebody's rights may have changed."""
        return self.callers.stamp()

    async def run(self) -> None:
        """Rotate keys and forget what is over, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.keys.run)
            tasks.start_soon(self.web.run)
            while True:
                await anyio.sleep(SWEEP_EVERY)
                for sweep in self.sweeps:
                    try:
                        await sweep()
                    except Exception:  # the next round tries again: nothing depends on what is over being gone
                        log.exception("a sweep failed")


@asynccontextmanager
async def open_identity(base: Foundation, choices: Choices) -> AsyncIterator[Identity]:
    """The authorization server, from its stored state to closed connections.

    Raises:
        Invalid: a provider or issuer in the settings does not fit.
    """
    # Strangers name the documents of clients: what is exempted for the registry's own targets is not for theirs.
    documents = Guard(loopback=choices.client_document_loopback)
    async with JsonHttp(base.guard) as http, JsonHttp(documents) as strict:
        csrf = await open_csrf(base.store, base.cipher)
        parts = await _parts(base, choices, http, strict, csrf)
        visitors = Visitors(Cookies(base.url), csrf, parts.sessions, base.url)
        parts.routes.extend((*_endpoints(base, choices, parts), *_pages(base, parts, visitors)))
        _follow(parts)
        yield parts


async def _parts(base: Foundation, choices: Choices, http: JsonHttp, strict: JsonHttp, csrf: Csrf) -> Identity:
    store, access, audit, clock, cipher = base.store, base.access, base.audit, base.clock, base.cipher
    among = base.among
    resources, replay = Resources(base.url, base.aliases), Replay(store, clock)
    remote, strangers = RemoteKeys(http, clock), RemoteKeys(strict, clock)
    factor = SecondFactor()
    directory = Directory(
        store, access, audit, clock, Argon2Passwords(), cipher, factor, among=among, counting=choices.scim_groups
    )
    hosts, loopback = choices.client_document_hosts, choices.client_document_loopback
    documents = ClientDocuments(strict, clock, hosts=hosts, loopback=loopback, among=among) if hosts else None
    clients = Clients(store, access, audit, clock, documents, among=among)
    trusted = [trusted_issuer(dict(fields)) for fields in choices.trusted_issuers]
    issuers = Issuers(store, access, audit, clock, remote, url=base.url, fixed=trusted)
    callers = Callers(access, directory, clients, issuers, provisioned=directory.provisioned_groups)
    keys = SigningKeys(store, cipher, clock)
    tokens = AccessTokens(keys, store, clock, base.url, ttl=choices.access_token_seconds)
    lifetime = timedelta(days=choices.refresh_token_days)
    authorizations = Authorizations(store, clock, tokens, audit, callers, resources, lifetime=lifetime)
    idle, absolute = choices.session_idle_minutes * 60, choices.session_hours * 3600
    sessions = Sessions(store, clock, directory, audit, idle=idle, absolute=absolute)
    providers = Providers(store, access, audit, cipher, choices.identity_providers)
    provisioning = _provisioning(base, choices, directory, providers)
    id_tokens, states = IdTokens(remote, clock), LoginStates(store, cipher, clock)
    towards = ProviderClient(providers, remote, http, id_tokens)
    party = RelyingParty(providers, towards, id_tokens, states, directory, audit, cipher, replay, base.url)
    pending, devices = PendingRequests(store, clock), DeviceRequests(store, clock, interval=choices.device_seconds)
    cache = TokenCache(clock)
    accounts = _accounts(base, directory, http, cache)
    machine = BackendTokens(http, SubjectTokens(keys, clock, base.url).mint)
    sources: dict[str, TokenSource] = {"oauth_client": machine, "token_exchange": machine, "per_user": accounts}
    credentials = CredentialStore(store, cipher, base.shelf, access, base.visibility, audit, clock, sources, cache)
    rotation = Rotation(store, cipher, access, audit, clock)
    for stored in (directory, clients, issuers, providers):
        await stored.reload()
    await credentials.reload(shared=base.shared)
    for opened in (keys, tokens):
        await opened.open()
    return Identity(
        resources, directory, sessions, clients, providers, party, issuers, remote, strangers, replay, keys, tokens,
        authorizations, Consents(store, clock, audit, authorizations), callers, pending, devices, factor, provisioning,
        credentials,
        accounts, rotation, WebSessions(Cookies(base.url), csrf, sessions, callers, resources),
        sweeps=[rotation.settle, *(each.sweep for each in (
            directory, sessions, clients, pending, devices, states, replay, tokens, authorizations,
            accounts,
        ))],
    )  # fmt: skip


def _provisioning(base: Foundation, choices: Choices, directory: Directory, providers: Providers) -> Provisioning:
    """Who provisions people: the provider that the settings name, or the only one there is."""

    def provider() -> str | None:
        names = [choices.scim_provider] if choices.scim_provider else [name for name, _ in providers.choices()]
        return names[0] if len(names) == 1 else None

    made = Provisioning(
        base.store, directory.kept, directory.memberships, base.access, base.audit, base.clock, directory.ended,
        provider, match=choices.scim_match, shared=base.shared,
    )  # fmt: skip
    directory.meeting = made
    return made


def _accounts(base: Foundation, directory: Directory, http: JsonHttp, cache: TokenCache) -> Accounts:
    store, cipher, clock = base.store, base.cipher, base.clock
    return Accounts(
        Connections(store, cipher, clock, base.leading), KnownClients(store, cipher),
        ConnectionStates(store, cipher, clock), directory, http, cipher, clock, base.audit, cache,
        base.guard.check_url, base.url,
    )  # fmt: skip


def _endpoints(base: Foundation, choices: Choices, parts: Identity) -> list[BaseRoute]:
    """What clients talk to."""
    url, clock, audit = base.url, base.clock, base.audit
    asked = ClientAuthenticator(
        parts.clients, url, f"{url}/token", parts.remote, parts.replay, clock, strangers=parts.strangers,
        among=base.among,
    )  # fmt: skip
    machine = (parts.tokens, parts.callers)
    persons = PersonGrants(parts.authorizations, parts.tokens, audit)
    handlers: dict[str, GrantHandler] = {
        **persons.handlers(),
        DEVICE_GRANT: DeviceGrant(parts.devices, parts.authorizations, persons, audit),
        CLIENT_GRANT: ClientCredentials(*machine, parts.resources, audit),
        EXCHANGE_GRANT: TokenExchange(*machine, parts.issuers, parts.resources, audit, clock),
        ASSERTION_GRANT: IdentityAssertions(
            *machine, parts.issuers, parts.resources, parts.replay, audit, person=parts.providers.person
        ),
    }
    used = {kind: _touching(parts.clients, handler) for kind, handler in handlers.items()}
    minting = Limiter(clock, burst=600, seconds=60, what="requests for tokens", among=base.among)
    beginning = Limiter(clock, burst=60, seconds=60, what="devices that ask for a code", among=base.among)
    looking = Limiter(clock, burst=6000, seconds=60, what="requests about tokens", among=base.among)
    registration = Registration(parts.clients, registration=choices.client_registration)
    metadata = server_metadata(
        url, grants=list(handlers), profiles=[ID_JAG_PROFILE], registration=registration.open,
        documents=bool(choices.client_document_hosts),
    )  # fmt: skip
    own = {DOCUMENT_PATH: client_document(url)}
    return [
        *metadata_routes(parts.resources, metadata, parts.keys.jwks, own),
        *registration.routes(),
        *TokenEndpoint(asked, used, minting, audit).routes(),
        *DeviceAuthorization(asked, parts.devices, parts.resources, beginning, audit, url).routes(),
        *TokenState(asked, parts.authorizations, *machine, base.access, looking, audit, url).routes(),
    ]


def _touching(clients: Clients, grant: GrantHandler) -> GrantHandler:
    """The grant, after which its client counts as used. An attempt does not."""

    async def granted(client: Client, form: Form) -> Json:
        answer = await grant(client, form)
        await clients.touch(client)
        return answer

    return granted


def _pages(base: Foundation, parts: Identity, visitors: Visitors) -> list[BaseRoute]:
    """What persons see."""
    answers, clock = Answers(base.url), base.clock
    limiter = Limiter(clock, burst=300, seconds=60, what="requests to sign in", among=base.among)
    typing = Limiter(clock, burst=10, seconds=60, what="codes of devices from one address", among=base.among)
    typing_overall = Limiter(clock, burst=300, seconds=60, what="codes of devices", among=base.among)
    return [
        *Authorize(parts.clients, parts.pending, parts.resources, visitors, answers, limiter).routes(),
        *Login(
            parts.directory, parts.sessions, parts.pending, visitors, clock, url=base.url,
            providers=parts.party.choices, logout_url=parts.party.logout_url,
        ).routes(),
        *ProviderRoutes(parts.party, parts.sessions, visitors, parts.resources, clock, among=base.among).routes(),
        *ConsentPage(
            parts.pending, parts.clients, parts.callers, parts.consents, parts.authorizations, visitors, answers,
            base.access.description, parts.devices,
        ).routes(),
        *DevicePage(parts.devices, parts.pending, visitors, typing, typing_overall).routes(),
        *Account(parts.directory, parts.sessions, parts.consents, parts.authorizations, visitors).routes(),
        *AccountSecrets(parts.directory, parts.sessions, visitors, parts.factor).routes(),
        *ConnectionPages(
            parts.accounts, parts.credentials, parts.callers, parts.directory, visitors, parts.resources, clock,
            among=base.among,
        ).routes(),
    ]  # fmt: skip


def _follow(parts: Identity) -> None:
    """Have what depends on a person, a client or a login at a provider end with it."""

    async def user_ended(user: str) -> None:
        await parts.sessions.end_user(user)
        known = parts.directory.known(user)
        if known is None:
            await parts.consents.forget(user=user)
        if known is None or not known.active:
            await parts.accounts.end_user(user)
        await parts.authorizations.revoke_where(user=user, reason="the user's logins were ended")

    async def client_ended(client_id: str) -> None:
        await parts.authorizations.revoke_where(client=client_id, reason="the client was removed")
        await parts.consents.forget(client_id=client_id)

    async def logged_out(session: Session) -> None:
        await parts.authorizations.revoke_where(session=session.id, reason="signed out at the provider")

    parts.directory.subscribe(user_ended)
    parts.clients.subscribe(client_ended)
    parts.sessions.subscribe(logged_out)
    parts.providers.subscribe(parts.sessions.end_all_of)
