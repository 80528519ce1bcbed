"""/account: who is signed in, which applications they allowed, where else they are signed in."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.directory import Directory
from airegistry.core.users import LOCAL, User
from airegistry.oauth.forms import Form, read_form
from airegistry.oauth.login import wording
from airegistry.oauth.login.consents import Consents
from airegistry.oauth.login.render import Html, fragment, joined, page
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Handler, Refused, Visitors, paged
from airegistry.oauth.model import Authorization, Consent, Session
from airegistry.oauth.tokens.authorizations import Authorizations


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a person who is signed in."""

    request: Request
    session: Session
    user: User


class SignedOut(Refused):
    """Nobody is signed in; `base` is where links begin."""

    def __init__(self, base: str) -> None:
        super().__init__("You are not signed in", "Sign in to see your account.", status=401)
        self._base = base

    def response(self) -> Response:
        """The page, with a way on."""
        return page(
            "link", self.title, status=self.status, heading=self.title, text=self.message,
            href=f"{self._base}/login", label="Sign in",
        )  # fmt: skip


class Members:
    """Lets those in who are signed in, and forms that were given to them."""

    def __init__(self, directory: Directory, visitors: Visitors) -> None:
        self._directory = directory
        self._visitors = visitors

    def shown(self, show: Callable[[Visit], Awaitable[Response]]) -> Handler:
        """A page for whoever is signed in; 401 for others."""

        async def endpoint(request: Request) -> Response:
            return await show(await self._visit(request))

        return paged(endpoint)

    def posted(self, act: Callable[[Visit, Form], Awaitable[Response]]) -> Handler:
        """An act of whoever is signed in. Before anything else the form must be one that they were given."""

        async def endpoint(request: Request) -> Response:
            form = await read_form(request)
            visit = await self._visit(request)
            self._visitors.check(request, form, f"account:{_action(request)}")
            return await act(visit, form)

        return paged(endpoint)

    def field(self, visit: Visit, action: str) -> str:
        """The hidden field of a form that is sent to /account/ACTION."""
        return self._visitors.field(visit.request, f"account:{action}")

    async def _visit(self, request: Request) -> Visit:
        session = await self._visitors.session(request)
        user = self._directory.known(session.user) if session else None
        if session is None or user is None:
            raise SignedOut(self._visitors.base)
        return Visit(request, session, user)


@dataclass(slots=True)
class Application:
    """What one client holds of a person, over all resources."""

    client_id: str
    name: str
    scopes: set[str] = field(default_factory=set)
    resources: set[str] = field(default_factory=set)
    used_at: datetime | None = None

    def add(self, held: Consent | Authorization) -> None:
        """Count in one thing that the person allowed."""
        self.scopes.update(held.scopes)
        self.resources.add(held.resource)
        if isinstance(held, Authorization):
            self.used_at = max(filter(None, (self.used_at, held.used_at)), default=None)
        else:
            self.name = held.client_name or self.name


def applications(held: Iterable[Consent | Authorization]) -> list[Application]:
    """What a person allowed, by client, in order of names."""
    found: dict[str, Application] = {}
    for each in held:
        found.setdefault(each.client_id, Application(each.client_id, each.client_id)).add(each)
    return sorted(found.values(), key=lambda application: application.name.casefold())


class Account:
    """A person's overview of their account."""

    def __init__(
        self,
        directory: Directory,
        sessions: Sessions,
        consents: Consents,
        authorizations: Authorizations,
        visitors: Visitors,
    ) -> None:
        self._sessions = sessions
        self._consents = consents
        self._authorizations = authorizations
        self._visitors = visitors
        self._members = Members(directory, visitors)
        self._directory = directory

    def routes(self) -> list[Route]:
        """/account and what its buttons do."""
        members = self._members
        return [
            Route("/account", members.shown(self._show), methods=["GET"]),
            Route("/account/applications", members.posted(self._remove_application), methods=["POST"]),
            Route("/account/sessions", members.posted(self._end_session), methods=["POST"]),
        ]

    async def _show(self, visit: Visit) -> Response:
        user, session, base = visit.user, visit.session, self._visitors.base
        held: list[Consent | Authorization] = [
            *await self._consents.of_user(user.id),
            *await self._authorizations.of_user(user.id),
        ]
        apps = [self._application(visit, each) for each in applications(held)]
        others = [self._session(visit, each) for each in await self._sessions.of_user(user.id) if each.id != session.id]
        local = fragment("account_local", base=base, factor="on" if user.second_factor else "off")
        return page(
            "account", "Your account", base=base, id=user.id, name=wording.shown(user.name or user.id),
            email=wording.shown(user.email or "none"),
            groups=_list((*user.groups, *user.provider_groups, *self._directory.provisioned_groups(user.id))),
            since=_time(session.auth_time), by=_by(session),
            security=local if user.provider == LOCAL else fragment("account_provider", provider=user.provider),
            applications=joined(apps) if apps else fragment("account_none", text="You have not allowed any."),
            sessions=joined(others) if others else fragment("account_none", text="Nowhere but in this browser."),
        )  # fmt: skip

    async def _remove_application(self, visit: Visit, form: Form) -> Response:
        await self._consents.revoke(visit.user.id, form.need("client_id"))
        return self._visitors.go("/account")

    async def _end_session(self, visit: Visit, form: Form) -> Response:
        id_ = form.need("session")
        for session in await self._sessions.of_user(visit.user.id):
            if session.id == id_:
                await self._sessions.end(session, reason="ended from another session")
        return self._visitors.go("/account")

    def _application(self, visit: Visit, application: Application) -> Html:
        return fragment(
            "account_application", base=self._visitors.base, csrf=self._members.field(visit, "applications"),
            client_id=application.client_id, name=wording.shown(application.name), scopes=_list(application.scopes),
            resources=_list(application.resources),
            used=_time(application.used_at) if application.used_at else "not in use",
        )  # fmt: skip

    def _session(self, visit: Visit, session: Session) -> Html:
        return fragment(
            "account_session", base=self._visitors.base, csrf=self._members.field(visit, "sessions"), id=session.id,
            since=_time(session.auth_time), seen=_time(session.seen_at), by=_by(session),
        )  # fmt: skip


def _action(request: Request) -> str:
    return str(request.scope["path"]).rpartition("/account/")[2]


def _time(time: datetime) -> str:
    return f"{time:%d %b %Y, %H:%M} UTC"


def _by(session: Session) -> str:
    if session.provider:
        return session.provider
    return "password and code" if len(session.amr) > 1 else "password"


def _list(names: Iterable[str]) -> str:
    return ", ".join(wording.shown(name, 300) for name in sorted(set(names))) or "none"
