"""/consent: asks the person whether a client may have what it asks for, and sends the answer to the client."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.oauth.callers import Callers
from airegistry.oauth.clients.clients import Clients
from airegistry.oauth.clients.redirects import allowed
from airegistry.oauth.forms import OAuthError, read_form
from airegistry.oauth.login import wording
from airegistry.oauth.login.answers import Answers
from airegistry.oauth.login.authorize import asks_for_login
from airegistry.oauth.login.consents import Consents
from airegistry.oauth.login.device_requests import DeviceRequests
from airegistry.oauth.login.pending import ENDED, PendingRequests
from airegistry.oauth.login.render import Html, fragment, joined, message, page
from airegistry.oauth.login.visitors import Refused, Visitors, paged
from airegistry.oauth.model import ADMIN_SCOPE, Answered, AuthorizationRequest, Client, Session
from airegistry.oauth.tokens.authorizations import Authorizations


@dataclass(frozen=True, slots=True)
class Question:
    """What the person decides on: whether `client` may have `scopes`, which are no more than can be granted."""

    wanted: AuthorizationRequest
    session: Session
    client: Client
    scopes: list[str]


class ConsentPage:
    """The page between login and client. `describe` gives the description of a scope of the policy, if it has one."""

    def __init__(
        self,
        pending: PendingRequests,
        clients: Clients,
        callers: Callers,
        consents: Consents,
        authorizations: Authorizations,
        visitors: Visitors,
        answers: Answers,
        describe: Callable[[str], str],
        devices: DeviceRequests,
    ) -> None:
        self._pending = pending
        self._clients = clients
        self._callers = callers
        self._consents = consents
        self._authorizations = authorizations
        self._visitors = visitors
        self._answers = answers
        self._describe = describe
        self._devices = devices

    def routes(self) -> list[Route]:
        """/consent, for GET and POST."""
        return [
            Route("/consent", paged(self._show), methods=["GET"]),
            Route("/consent", paged(self._decide), methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        wanted = await self._wanted(request, request.query_params.get("request", ""))
        session = await self._session(request, wanted)
        try:
            if session is None and wanted.prompt == "none":
                raise OAuthError("login_required", "nobody is signed in")
            if session is None:
                return self._visitors.go(f"/login?request={wanted.id}")
            question = Question(wanted, session, await self._client(wanted), self._grantable(session, wanted))
            if not question.scopes:
                raise OAuthError("invalid_scope", "the person holds none of the scopes")
            if await self._settled(question):
                return await self._allow(question)
            if wanted.prompt == "none":
                raise OAuthError("consent_required", "the person has to be asked")
        except OAuthError as error:
            await self._pending.take(wanted)
            if wanted.device:
                await self._devices.answer(wanted.device, None)
                return message("This request cannot be answered", f"{error.message}.", status=400)
            client = await self._client(wanted)
            return self._answers.unasked(client, wanted.redirect_uri, wanted.state, error)
        return self._ask(request, question)

    async def _decide(self, request: Request) -> Response:
        form = await read_form(request)
        wanted = await self._wanted(request, form.get("request") or "")
        session = await self._session(request, wanted)
        if session is None:
            return self._visitors.go(f"/login?request={wanted.id}")
        scopes = self._grantable(session, wanted)
        self._visitors.check(request, form, _purpose(wanted, scopes))
        if form.get("decision") not in {"allow", "deny"}:
            raise Refused("This form is not complete", "It says neither that you allow this nor that you do not.")
        client = await self._client(wanted)
        if form.get("decision") == "allow":
            return await self._allow(Question(wanted, session, client, scopes), asked=True)
        await self._pending.take(wanted)
        await self._consents.deny(session.user, wanted)
        if wanted.device:
            await self._devices.answer(wanted.device, None)
            return message("Nothing was allowed", "The device is told so. You can close this window.", status=200)
        error = OAuthError("access_denied", "the person refused")
        return self._answers.error(wanted.redirect_uri, wanted.state, error)

    async def _allow(self, question: Question, *, asked: bool = False) -> Response:
        wanted, user = question.wanted, question.session.user
        await self._pending.take(wanted)
        if asked:
            await self._consents.grant(user, question.client, wanted, question.scopes)
        if wanted.device:
            return await self._allow_device(question)
        code = await self._authorizations.code(
            wanted, subject=f"user:{user}", scopes=question.scopes, session=question.session
        )
        return self._answers.code(wanted.redirect_uri, wanted.state, code)

    async def _allow_device(self, question: Question) -> Response:
        session = question.session
        answered = Answered(
            subject=f"user:{session.user}", scopes=question.scopes, session=session.id, auth_time=session.auth_time,
            amr=session.amr,
        )  # fmt: skip
        if not await self._devices.answer(question.wanted.device, answered):
            raise Refused(*ENDED)
        return message(
            "The device is connected", "It goes on by itself in a few seconds. You can close this window.", status=200
        )

    async def _wanted(self, request: Request, id_: str) -> AuthorizationRequest:
        return await self._pending.find(id_, self._visitors.browser(request))

    async def _session(self, request: Request, wanted: AuthorizationRequest) -> Session | None:
        """The session that may answer: one that is as new as the request, where it asks for a login of its own."""
        session = await self._visitors.session(request)
        stale = session is not None and asks_for_login(wanted) and session.auth_time < wanted.created_at
        return None if stale else session

    async def _client(self, wanted: AuthorizationRequest) -> Client:
        """The client, if it is still there and still answered at this address: both may have changed meanwhile."""
        try:
            client = await self._clients.find(wanted.client_id)
        except OAuthError as error:
            raise Refused("This application is refused", f"{error.message}.", status=error.status) from error
        if client is None or not (wanted.device or allowed(client, wanted.redirect_uri)):
            raise Refused(*ENDED)
        return client

    def _grantable(self, session: Session, wanted: AuthorizationRequest) -> list[str]:
        return self._callers.grantable(f"user:{session.user}", wanted.scopes)

    async def _settled(self, question: Question) -> bool:
        """Whether the person allowed this before, and the client does not want it asked again."""
        if "consent" in question.wanted.prompt.split():
            return False
        return await self._consents.covers(question.session.user, question.client, question.wanted, question.scopes)

    def _ask(self, request: Request, question: Question) -> Response:
        wanted, client = question.wanted, question.client
        name = wording.shown(client.name)
        # Whoever began it elsewhere gets what is allowed here (RFC 8628 section 5.4): everybody is asked, and warned.
        warning = wording.DEVICE if wanted.device else wording.warning(client, wanted.redirect_uri)
        return page(
            "consent", f"Allow {name}?", base=self._visitors.base, request=wanted.id,
            csrf=self._visitors.field(request, _purpose(wanted, question.scopes)), account=question.session.user,
            client=name, client_id=client.client_id, origin=wording.origin(client),
            website=fragment("consent_website", website=wording.shown(client.client_uri)) if client.client_uri else "",
            warning=fragment("alert", text=warning) if warning else "",
            way="The device shows" if wanted.device else "Sends you to",
            destination=wanted.user_code if wanted.device else wording.destination(wanted.redirect_uri),
            after="The device is told either way." if wanted.device else "Either way you go back to the application.",
            resource=wanted.resource, scopes=joined(self._scope(scope) for scope in question.scopes),
        )  # fmt: skip

    def _scope(self, name: str) -> Html:
        template = "consent_admin" if name == ADMIN_SCOPE else "consent_scope"
        return fragment(template, name=name, text=wording.scope(name, self._describe))


def _purpose(wanted: AuthorizationRequest, scopes: list[str]) -> str:
    """What the form is good for: this request and the scopes on the page. Should the person come to hold more or fewer
    before the click, the form does not fit any more, so what is granted is what was read."""
    return f"consent:{wanted.id}:{' '.join(scopes)}"
