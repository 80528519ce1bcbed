"""/login/PROVIDER and /callback/PROVIDER, by which browsers log in elsewhere, and /logout/PROVIDER, by which providers
end sessions here (OpenID Connect Back-Channel Logout 1.0)."""

import logging
import re
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.errors import (
    AccessDenied,
    AirError,
    Invalid,
    NotFound,
    RateLimited,
    Unauthenticated,
    UpstreamFailed,
)
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.ports import Clock
from airegistry.egress.messages import printable
from airegistry.oauth.forms import NO_STORE, OAuthError, parse_form, read_form
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.login.visitors import Refused, Visitors, paged, see_other
from airegistry.oauth.providers.relying_party import RelyingParty
from airegistry.oauth.resources import Resources
from airegistry.oauth.source import source_of, too_many

log = logging.getLogger(__name__)

LOGINS, LOGOUTS = 600, 6000
"""Requests a minute from one address: by browsers, of which many may share one, and by providers, who end the sessions
of many persons at once."""

_REQUEST = re.compile(r"[A-Za-z0-9_-]{1,128}")


class ProviderRoutes:
    """The three endpoints of every identity provider."""

    def __init__(
        self,
        party: RelyingParty,
        sessions: Sessions,
        visitors: Visitors,
        resources: Resources,
        clock: Clock,
        *,
        logins: int = LOGINS,
        logouts: int = LOGOUTS,
        among: Among = alone,
    ) -> None:
        self._party = party
        self._sessions = sessions
        self._visitors = visitors
        self._resources = resources
        self._logins = Limiter(clock, burst=logins, seconds=60, what="logins at identity providers", among=among)
        self._logouts = Limiter(clock, burst=logouts, seconds=60, what="logout tokens", among=among)

    def routes(self) -> list[Route]:
        """The routes; all of them are public."""
        return [
            Route("/login/{provider}", paged(self._start), methods=["GET"]),
            Route("/callback/{provider}", paged(self._finish), methods=["GET"]),
            Route("/logout/{provider}", self._backchannel, methods=["POST"]),
        ]

    async def _start(self, request: Request) -> Response:
        name, browser = request.path_params["provider"], self._visitors.settle_browser(request)
        self._logins.take(source_of(request))
        base = self._resources.base_for(request.headers.get("host", ""))
        asked = request.query_params.get("request", "")
        answers = asked if _REQUEST.fullmatch(asked) else ""
        try:
            url = await self._party.start(name, request=answers, browser=browser, base=base)
        except AirError as error:
            raise self._refusal(name, error) from error
        return self._visitors.keep_browser(see_other(url), browser)

    async def _finish(self, request: Request) -> Response:
        name = request.path_params["provider"]
        self._logins.take(source_of(request))
        form = parse_form(request.scope["query_string"].decode("ascii", "replace"))
        try:
            who = await self._party.finish(name, form, self._visitors.browser(request), source=source_of(request))
        except AirError as error:
            raise self._refusal(name, error) from error
        await self._visitors.end_session(request)
        cookie, _ = await self._sessions.open(
            who.user, who.amr, provider=who.provider, provider_sub=who.provider_sub, sid=who.sid, id_token=who.id_token
        )
        visitors, asked = self._visitors, who.request
        consent = f"/consent?{urlencode({'request': asked})}"
        return visitors.keep_session(visitors.go(consent) if asked else visitors.go_onward(request), cookie)

    async def _backchannel(self, request: Request) -> Response:
        name = request.path_params["provider"]
        try:
            self._logouts.take(source_of(request))
            form = await read_form(request)
            sub, sid = await self._party.backchannel(name, form.need("logout_token"))
            await self._sessions.end_provider(name, sub=sub, sid=sid)
        except OAuthError as error:
            return error.response()
        except RateLimited as error:
            return too_many(error).response()
        except (AccessDenied, Invalid, NotFound, Unauthenticated, UpstreamFailed) as error:
            log.warning("refused a logout token for %s: %s", printable(name), error.message)
            return OAuthError("invalid_request", error.message).response()
        return Response(status_code=200, headers=NO_STORE)

    def _refusal(self, name: str, error: AirError) -> AirError:
        """The page for a login that came to nothing. What is wrong with a provider is for the log, not for visitors."""
        title = self._party.title(name)
        match error:
            case NotFound():
                return Refused("There is no such way to sign in", "Go back and choose another one.", status=404)
            case Unauthenticated():
                return Refused(
                    f"{title} did not sign you in", f"{_sentence(error)} Go back and start again.", status=400
                )
            case AccessDenied():
                return Refused("You are not let in here", _sentence(error), status=403)
            case UpstreamFailed() | Invalid():
                log.warning("no login at %s: %s", name, error.message)
                text = f"Sign in another way, or try {title} again in a minute. Nothing is wrong with your account."
                return Refused(f"{title} cannot be reached now", text, status=502)
        return error


def _sentence(error: AirError) -> str:
    return f"{error.message[:1].upper()}{error.message[1:].rstrip('.')}."
