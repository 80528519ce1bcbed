"""The plain HTTP surfaces beside the tools and the gateway, put together."""

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Scope

from airegistry.core.documents import Repository
from airegistry.core.peer_feed import PeerFeed
from airegistry.core.principals import Principal
from airegistry.core.published import ANONYMOUS, Published, Showing, namespace_of_url
from airegistry.core.publishing import Publishing
from airegistry.core.services import Services
from airegistry.oauth.authenticate import Authenticate, bearer_challenge
from airegistry.oauth.bearer import Bearer
from airegistry.oauth.login.cookies import Cookies
from airegistry.oauth.model import MCP_SCOPE, Session
from airegistry.oauth.server import Foundation, Identity
from airegistry.oauth.step_up import StepUpChallenges
from airegistry.rest import peer_feed
from airegistry.rest.account import AccountRoutes
from airegistry.rest.ai_catalog import AiCatalog
from airegistry.rest.api.app import Api, Needs, Operations
from airegistry.rest.api.docs import DOCS, NOBODY, Docs
from airegistry.rest.api.idempotency import COLLECTION, Kept
from airegistry.rest.api.routes import PREFIX
from airegistry.rest.app import Tree, routes
from airegistry.rest.registry_v0 import PREFIXES, RegistryApi
from airegistry.rest.scim.door import PATHS, Door
from airegistry.rest.session import SessionRoute
from airegistry.settings import Settings
from airegistry.web.app import NOBODY as AT_THE_PAGE
from airegistry.web.app import SignedIn, WebPage, wants_page

_REGISTRY_API = tuple(f"{each}/" for each in PREFIXES)


def web_routes(
    settings: Settings, rules: Foundation, services: Services, identity: Identity, operations: Operations,
    *ready: Callable[[], bool],
) -> list[BaseRoute]:  # fmt: skip
    """Every plain route of a registry, which can answer when all of `ready` say so. `operations` are what its tools do,
    asked for when the first request of the API comes."""
    feed = PeerFeed(
        rules.store, services.catalog, rules.shelf.near, rules.access, rules.visibility, services.compositions,
        services.entity_types, services.audit, services.gateway_url,
    )  # fmt: skip
    api = _api(rules, services, identity, operations)
    more = [*peer_feed.routes(feed), *_registry_api(settings, rules, services), *_docs(api, identity, settings.url)]
    more += [*_session(identity, settings.url), Tree(f"{PREFIX}/{{path:path}}", api)]
    scim = Door(rules.store, identity.provisioning, services.audit, rules.clock, services.url)
    more += [Tree(path, scim) for path in PATHS]
    more += WebPage(_signed_in(identity, settings.url), _base(settings.url)).routes()
    return [*identity.routes, *routes(lambda: all(each() for each in ready), more)]


def front_door(
    settings: Settings, app: ASGIApp, on_data_path: Callable[[str], bool], services: Services, identity: Identity
) -> Authenticate:
    """What lets callers in to the surfaces, `app`, once it is known who they are."""
    bearer = Bearer(services.tokens.resolve, identity.tokens, identity.callers, identity.issuers)
    return Authenticate(
        app, bearer, identity.resources, on_data_path=on_data_path, cut_off=services.guards.cuts_off,
        turned_away=services.guards.turned_away.note, anonymous=_open_reading(settings), visits=identity.web,
    )  # fmt: skip


def _open_reading(settings: Settings) -> Callable[[Scope], Principal | None]:
    """Says whom a request without a token counts as: somebody where the catalog is public and is read, or where the
    description of the API or a view of the web page is asked for, which look at the cookie themselves; else nobody."""

    def reader(scope: Scope) -> Principal | None:
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            return None
        if path == DOCS or path.startswith(f"{DOCS}/"):
            return NOBODY
        if wants_page(scope):
            return AT_THE_PAGE
        return ANONYMOUS if settings.public_catalog and path.startswith(_REGISTRY_API) else None

    return reader


def _api(rules: Foundation, services: Services, identity: Identity, operations: Operations) -> Api:
    keys = Repository(rules.store, COLLECTION, Kept)
    challenge = StepUpChallenges(identity.resources).challenge
    needs = Needs(
        operations, services.changes, rules.shelf, keys, rules.cipher, rules.clock, challenge, services.url
    )  # fmt: skip
    return Api(needs)


def _docs(api: Api, identity: Identity, url: str) -> Sequence[BaseRoute]:
    def challenge(scope: Scope) -> bytes:
        return bearer_challenge(identity.resources, scope, scopes=MCP_SCOPE)

    return Docs(api.description, _signed_in(identity, url), challenge, _base(url)).routes()


def _session(identity: Identity, url: str) -> Sequence[BaseRoute]:
    async def elsewhere(session: Session) -> str | None:
        return await identity.party.logout_url(session, f"{url}/logout")

    known = identity.directory.known
    session = SessionRoute(identity.web, identity.sessions, Cookies(url), known, elsewhere)
    account = AccountRoutes(
        identity.sessions, identity.consents, identity.authorizations, identity.accounts, identity.credentials,
        identity.callers.by_subject,
    )  # fmt: skip
    return [*session.routes(), *account.routes()]


def _signed_in(identity: Identity, url: str) -> SignedIn:
    """Says whether a request comes from a browser of somebody who is signed in."""
    cookies = Cookies(url)

    async def signed_in(request: Request) -> bool:
        cookie = cookies.get(request, "session")
        session = await identity.sessions.find(cookie) if cookie else None
        return session is not None and identity.directory.known(session.user) is not None

    return signed_in


def _base(url: str) -> str:
    return urlsplit(url).path.rstrip("/")


def _registry_api(settings: Settings, rules: Foundation, services: Services) -> list[BaseRoute]:
    showing = Showing(
        settings.registry_namespace or namespace_of_url(services.url),
        services.gateway_url if settings.registry_remotes == "gateway" else "",
        frozenset(settings.public_tags),
    )
    catalog, near = services.catalog, rules.shelf.near
    published = Published(catalog, near, rules.access, rules.visibility, rules.clock, showing)
    publishing = Publishing(catalog, services.versions, services.stages, rules.shelf, rules.access, published)
    found = RegistryApi(published, publishing).routes()
    return [*found, *AiCatalog(published, rules.clock, services.url).routes()] if settings.ai_catalog else found
