"""/authorize: checks what a client asks for, and sends the person to the pages that answer it (RFC 6749, RFC 7636)."""

import re
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.limits import Limiter
from airegistry.oauth.clients.clients import Clients
from airegistry.oauth.clients.redirects import allowed
from airegistry.oauth.forms import Form, OAuthError, parse_form, read_form
from airegistry.oauth.login.answers import Answers
from airegistry.oauth.login.pending import PendingRequests
from airegistry.oauth.login.visitors import Refused, Visitors, paged
from airegistry.oauth.model import CODE_GRANT, AuthorizationRequest, Client
from airegistry.oauth.resources import Resources
from airegistry.oauth.source import source_of

MAX_STATE = 4096
MAX_URI = 2048
MAX_SCOPE = 2048
PROMPTS = frozenset({"none", "login", "consent", "select_account"})

_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43,128}")
_NEVER = datetime.min.replace(tzinfo=UTC)


class Authorize:
    """The authorization endpoint. Each valid request is kept anew: clients ask once before the browser does."""

    def __init__(
        self,
        clients: Clients,
        pending: PendingRequests,
        resources: Resources,
        visitors: Visitors,
        answers: Answers,
        limiter: Limiter,
    ) -> None:
        self._clients = clients
        self._pending = pending
        self._resources = resources
        self._visitors = visitors
        self._answers = answers
        self._limiter = limiter

    def routes(self) -> list[Route]:
        """/authorize, for GET and POST."""
        return [Route("/authorize", paged(self._authorize), methods=["GET", "POST"])]

    async def _authorize(self, request: Request) -> Response:
        self._limiter.take(source_of(request))
        query = request.scope["query_string"].decode("latin-1")
        form = await read_form(request) if request.method == "POST" else parse_form(query)
        client = await self._client(form, source_of(request))
        redirect_uri = _redirect_uri(client, form)
        state = form.get("state")
        if len((state or "").encode()) > MAX_STATE:
            raise Refused("This request cannot be answered", f"Its state is longer than {MAX_STATE} bytes.")
        try:
            wanted = self._checked(form, client, redirect_uri, state)
            signed_in = await self._visitors.session(request) is not None
            if wanted.prompt == "none" and not signed_in:
                raise OAuthError("login_required", "nobody is signed in")
        except OAuthError as error:
            return self._answers.unasked(client, redirect_uri, state, error)
        browser = self._visitors.settle_browser(request)
        wanted = await self._pending.add(wanted, browser)
        page = "consent" if signed_in and not asks_for_login(wanted) else "login"
        return self._visitors.keep_browser(self._visitors.go(f"/{page}?request={wanted.id}"), browser)

    async def _client(self, form: Form, source: str) -> Client:
        """The client that asks. Whatever is wrong with it is told on a page: there is nowhere safe to send it."""
        client_id = form.get("client_id")
        if client_id is None:
            raise Refused("This request cannot be answered", "It does not say which application asks (client_id).")
        try:
            client = await self._clients.find(client_id, source=source) if len(client_id) <= MAX_URI else None
        except OAuthError as error:
            raise Refused("This application is refused", f"{error.message}.", status=error.status) from error
        if client is None:
            raise Refused(
                "This application is not known here",
                "It may have been removed, or have registered too long ago. Go back to it, remove what it has saved "
                "about this registry, and connect anew.",
            )
        return client

    def _checked(self, form: Form, client: Client, redirect_uri: str, state: str | None) -> AuthorizationRequest:
        """The request, ready to be kept.

        Raises:
            OAuthError: something about it is wrong; the client is told.
        """
        _check_kind(form, client)
        _check_challenge(form)
        check_scope(form)
        resource = self._resources.canonical(form.get("resource"))
        if resource is None:
            raise OAuthError("invalid_target", "resource is none of this registry's")
        return AuthorizationRequest(
            id="", browser="", client_id=client.client_id, redirect_uri=redirect_uri,
            redirect_given=form.get("redirect_uri") is not None, state=state, scopes=form.scopes(),
            code_challenge=form.need("code_challenge"), resource=resource, prompt=_prompt(form),
            created_at=_NEVER, expires_at=_NEVER,
        )  # fmt: skip


def asks_for_login(request: AuthorizationRequest) -> bool:
    """Whether the person has to sign in for this very request, signed in or not."""
    return not {"login", "select_account"}.isdisjoint(request.prompt.split())


def check_scope(form: Form) -> None:
    """Refuse a `scope` parameter that is malformed.

    Raises:
        OAuthError: it is.
    """
    scope = form.get("scope")
    if scope is not None and (len(scope) > MAX_SCOPE or not _SCOPE.fullmatch(scope)):
        raise OAuthError("invalid_scope", "scope is not a list of words with one space between them")


def _redirect_uri(client: Client, form: Form) -> str:
    """Where the answer goes; it may be left out when there is one place only (RFC 6749 section 3.1.2.3)."""
    asked = form.get("redirect_uri")
    if asked is None and len(client.redirect_uris) == 1:
        return client.redirect_uris[0]
    if asked is None or len(asked) > MAX_URI or not allowed(client, asked):
        raise Refused(
            "This request cannot be answered",
            "It asks to be answered at an address that the application has not registered (redirect_uri).",
        )
    return asked


def _check_kind(form: Form, client: Client) -> None:
    if form.need("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if CODE_GRANT not in client.grant_types:
        raise OAuthError("unauthorized_client", "the client is not registered for the authorization code grant")
    if form.get("request") is not None:
        raise OAuthError("request_not_supported", "request objects are not supported")
    if form.get("request_uri") is not None:
        raise OAuthError("request_uri_not_supported", "request_uri is not supported")
    if form.get("response_mode") not in {None, "query"}:
        raise OAuthError("invalid_request", "response_mode must be query")


def _check_challenge(form: Form) -> None:
    if form.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(form.need("code_challenge")):
        raise OAuthError("invalid_request", "code_challenge must be 43 to 128 characters of base64url")


def _prompt(form: Form) -> str:
    words = dict.fromkeys((form.get("prompt") or "").split())
    if not words.keys() <= PROMPTS or ("none" in words and len(words) > 1):
        raise OAuthError("invalid_request", "prompt must be none, or of login, consent and select_account")
    return " ".join(words)
