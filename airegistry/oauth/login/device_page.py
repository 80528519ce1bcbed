"""/device: the person types the code that a device shows, and is asked as for any other client."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.limits import Limiter
from airegistry.oauth.forms import read_form
from airegistry.oauth.login.device_requests import ALPHABET, LENGTH, DeviceRequests
from airegistry.oauth.login.pending import PendingRequests
from airegistry.oauth.login.render import Html, fragment, page
from airegistry.oauth.login.visitors import Visitors, paged
from airegistry.oauth.model import AuthorizationRequest
from airegistry.oauth.source import source_of

PURPOSE = "device"
_NEVER = datetime.min.replace(tzinfo=UTC)
_WRONG = "No device waits for this code. It may have been mistyped, answered already, or be older than ten minutes."


class DevicePage:
    """Makes of a user code a request of this browser, which login and consent then answer (RFC 8628 section 3.3).

    `limiter` counts codes typed at one address, `overall` those of everybody: together with the length of a code they
    leave nothing to guessing (section 5.1).
    """

    def __init__(
        self, devices: DeviceRequests, pending: PendingRequests, visitors: Visitors, limiter: Limiter, overall: Limiter
    ) -> None:
        self._devices = devices
        self._pending = pending
        self._visitors = visitors
        self._limiter = limiter
        self._overall = overall

    def routes(self) -> list[Route]:
        """/device, for GET and POST."""
        return [
            Route("/device", paged(self._show), methods=["GET"]),
            Route("/device", paged(self._submit), methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        # A code in the address is only filled in: the person compares it with the device's (section 5.4).
        return self._form(self._visitors.settle_browser(request), request.query_params.get("user_code", ""))

    async def _submit(self, request: Request) -> Response:
        form = await read_form(request)
        browser = self._visitors.check_browser(request, form, PURPOSE)
        typed = (form.get("user_code") or "")[: 4 * LENGTH]
        self._limiter.take(source_of(request))
        self._overall.take("")
        found = await self._devices.of_person(typed)
        if found is None:
            return self._form(browser, typed, _WRONG, status=400)
        asked = AuthorizationRequest(
            id="", browser="", client_id=found.client_id, redirect_uri="", redirect_given=False, scopes=found.scopes,
            code_challenge="", resource=found.resource, prompt="consent", created_at=_NEVER,
            expires_at=_NEVER, device=found.id, user_code=_spelled(typed),
        )  # fmt: skip
        wanted = await self._pending.add(asked, browser)
        signed_in = await self._visitors.session(request) is not None
        answer = self._visitors.go(f"/{'consent' if signed_in else 'login'}?request={wanted.id}")
        return self._visitors.keep_browser(answer, browser)

    def _form(self, browser: str, code: str, problem: str = "", *, status: int = 200) -> Response:
        answer = page(
            "device", "Connect a device", status=status, base=self._visitors.base, code=_spelled(code),
            csrf=self._visitors.browser_field(browser, PURPOSE),
            problem=fragment("alert", text=problem) if problem else Html(""),
        )  # fmt: skip
        return self._visitors.keep_browser(answer, browser)


def _spelled(code: str) -> str:
    """A code as devices show it, whatever it was typed like; nothing of a text that is none."""
    typed = "".join(char for char in code.upper() if char in ALPHABET)
    return f"{typed[:4]}-{typed[4:]}" if len(typed) == LENGTH else ""
