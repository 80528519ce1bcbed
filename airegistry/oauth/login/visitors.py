"""The browser behind a request for a page: its cookies, its session, and the forms it was given."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from math import ceil
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airegistry.core.errors import AirError, Conflict, Internal, RateLimited
from airegistry.oauth.forms import NO_STORE, Form, OAuthError
from airegistry.oauth.login.cookies import CookieName, Cookies, Csrf
from airegistry.oauth.login.render import message
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.model import Session

Handler = Callable[[Request], Awaitable[Response]]
FORGED = (
    "This form is not valid here",
    "Nothing was changed. It may have been open for too long, or something has changed since: go back, load the page "
    "again, and repeat what you did.",
)
MAX_COOKIE = 512
ONWARD_SECONDS = 900
MAX_ONWARD = 2_000
_ONWARD = re.compile(r"/ui/[!-\[\]-~]*")
"""A view of the web page, without a backslash: what begins so stays here, however a browser reads it."""


class Refused(AirError):
    """A request from a browser that is answered by a page that says why."""

    code = "invalid"

    def __init__(self, title: str, text: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.title = title
        self.status = status
        self.headers = headers or {}

    def response(self) -> Response:
        """The page."""
        answer = message(self.title, self.message, status=self.status)
        answer.headers.update(self.headers)
        return answer


class Visitors:
    """Knows browsers by two cookies: `browser`, which says nothing but that it is the same one, and `session`. A third
    one, `onward`, remembers the view of the web page that a person was at who has to sign in.

    `base` is the path that the public URL ends in, mostly none: every link of a page begins with it. Links name no
    host, as on loopback there are two names for one, each with its own cookies.
    """

    def __init__(self, cookies: Cookies, csrf: Csrf, sessions: Sessions, url: str) -> None:
        self.base = urlsplit(url).path.rstrip("/")
        self._cookies = cookies
        self._csrf = csrf
        self._sessions = sessions

    def go(self, path: str) -> RedirectResponse:
        """Send the browser to another page of ours."""
        return see_other(f"{self.base}{path}")

    def browser(self, request: Request) -> str | None:
        """The cookie that tells this browser from others."""
        return self._cookie(request, "browser")

    def settle_browser(self, request: Request) -> str:
        """That cookie, a new one for a browser that has none; `keep_browser` has it kept."""
        return self.browser(request) or secrets.token_urlsafe(32)

    def keep_browser(self, response: Response, browser: str) -> Response:
        """Have the browser keep its cookie."""
        self._cookies.set(response, "browser", browser)
        return response

    async def session(self, request: Request) -> Session | None:
        """The session of the person who is signed in."""
        cookie = self._cookie(request, "session")
        return await self._sessions.find(cookie) if cookie else None

    def keep_session(self, response: Response, cookie: str) -> Response:
        """Have the browser keep the cookie of its new session."""
        self._cookies.set(response, "session", cookie)
        return response

    async def end_session(self, request: Request) -> None:
        """End the session of this browser, if it has one."""
        if cookie := self._cookie(request, "session"):
            await self._sessions.end(cookie)

    def forget_session(self, response: Response) -> Response:
        """Have the browser forget its session."""
        self._cookies.delete(response, "session")
        return response

    def keep_onward(self, response: Response, path: str) -> Response:
        """Have the browser go on to a view of the web page once its person is signed in; to none by any other path."""
        if len(path) <= MAX_ONWARD and _ONWARD.fullmatch(path):
            self._cookies.set(response, "onward", quote(path, safe=""), max_age=ONWARD_SECONDS)
        else:
            self._cookies.delete(response, "onward")
        return response

    def go_onward(self, request: Request) -> Response:
        """Send the browser of somebody who has just signed in to the view they came from, or else to their account."""
        kept = self._cookies.get(request, "onward")
        path = unquote(kept or "")
        known = len(path) <= MAX_ONWARD and _ONWARD.fullmatch(path)
        answer = self.go(path if known else "/account")
        if kept is not None:
            self._cookies.delete(answer, "onward")
        return answer

    def field(self, request: Request, purpose: str) -> str:
        """The hidden field for a form of a person who is signed in."""
        return self._csrf.token(self._cookie(request, "session") or "", purpose)

    def check(self, request: Request, form: Form, purpose: str) -> None:
        """Refuse a form that was not given to this session for this purpose.

        Raises:
            Refused: it was not.
        """
        self._check(form, self._cookie(request, "session"), purpose)

    def browser_field(self, browser: str, purpose: str) -> str:
        """The hidden field for a form of a browser where nobody needs to be signed in."""
        return self._csrf.token(browser, purpose)

    def check_browser(self, request: Request, form: Form, purpose: str) -> str:
        """The cookie of the browser, if the form was given to it for this purpose.

        Raises:
            Refused: it was not.
        """
        return self._check(form, self.browser(request), purpose)

    def _check(self, form: Form, holder: str | None, purpose: str) -> str:
        if holder is None or not self._csrf.fits(form.get("csrf"), holder, purpose):
            raise Refused(*FORGED, status=403)
        return holder

    def _cookie(self, request: Request, name: CookieName) -> str | None:
        value = self._cookies.get(request, name)
        return value if value and len(value) <= MAX_COOKIE and value.isascii() else None


def see_other(url: str) -> RedirectResponse:
    """Send the browser on, whatever the method of its request was."""
    return RedirectResponse(url, 303, {**NO_STORE, "referrer-policy": "no-referrer"})


def paged(handler: Handler) -> Handler:
    """The handler, its refusals told on a page."""

    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except Refused as refusal:
            return refusal.response()
        except OAuthError as error:
            return message("This request cannot be answered", f"{error.message}.", status=error.status)
        except RateLimited as error:
            return too_many(error)
        except Conflict:
            return message("Somebody else was faster", "Load the page again and repeat what you did.", status=409)
        except Internal:
            return message("Something went wrong here", "This was not completed. Try again in a minute.", status=503)

    return endpoint


def too_many(error: RateLimited) -> Response:
    """The page for who tried too often."""
    seconds = waiting(error)
    answer = message("Too many attempts", f"Wait {in_words(seconds)}, then try again.", status=429)
    answer.headers["retry-after"] = str(seconds)
    return answer


def waiting(error: RateLimited) -> int:
    """Whole seconds to wait, at least one."""
    return max(1, ceil(error.retry_after))


def in_words(seconds: int) -> str:
    """A time to wait, as persons say it."""
    count, unit = (seconds, "second") if seconds < 120 else (ceil(seconds / 60), "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"
