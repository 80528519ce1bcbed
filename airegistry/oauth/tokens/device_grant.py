"""The grant of devices without a browser (RFC 8628): /device_authorization, and what /token answers meanwhile."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.errors import AirError
from airegistry.core.limits import Limiter
from airegistry.core.principals import Principal
from airegistry.oauth.forms import NO_STORE, Form, OAuthError, read_form
from airegistry.oauth.login.authorize import check_scope
from airegistry.oauth.login.device_requests import LIFETIME, DeviceRequests
from airegistry.oauth.model import DEVICE_GRANT, Client
from airegistry.oauth.resources import Resources
from airegistry.oauth.source import source_of
from airegistry.oauth.tokens.authorizations import Authorizations
from airegistry.oauth.tokens.person_grants import PersonGrants
from airegistry.oauth.tokens.token_endpoint import ClientAuthenticator, authenticated, refused

PATH = "/device_authorization"
MAX_CODE = 256


class DeviceAuthorization:
    """POST /device_authorization: a device begins."""

    def __init__(
        self, authenticator: ClientAuthenticator, devices: DeviceRequests, resources: Resources, limiter: Limiter,
        audit: Audit, url: str,
    ) -> None:  # fmt: skip
        self._authenticator = authenticator
        self._devices = devices
        self._resources = resources
        self._limiter = limiter
        self._audit = audit
        self._url = url

    def routes(self) -> list[Route]:
        """The route."""
        return [Route(PATH, self._begin, methods=["POST"])]

    async def _begin(self, request: Request) -> Response:
        try:
            form = await read_form(request)
            client = await authenticated(self._authenticator, self._limiter, self._audit, request, form)
            self._limiter.take(source_of(request))
            if DEVICE_GRANT not in client.grant_types:
                raise OAuthError("unauthorized_client", "the client is not registered for the device grant")
            check_scope(form)
            resource = self._resources.canonical(form.get("resource"))
            if resource is None:
                raise OAuthError("invalid_target", "resource is none of this registry's")
            device_code, user_code = await self._devices.start(client.client_id, form.scopes(), resource)
        except AirError as error:
            return refused(error, request)
        page = f"{self._url}/device"
        answer: Json = {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={user_code}",
            "expires_in": int(LIFETIME.total_seconds()),
            "interval": self._devices.interval,
        }
        return JSONResponse(answer, headers=NO_STORE)


class DeviceGrant:
    """The handler at /token: waits with the device, and gives it what the person allowed, once."""

    def __init__(
        self, devices: DeviceRequests, authorizations: Authorizations, grants: PersonGrants, audit: Audit
    ) -> None:
        self._devices = devices
        self._authorizations = authorizations
        self._grants = grants
        self._audit = audit

    async def __call__(self, client: Client, form: Form) -> Json:
        """The tokens.

        Raises:
            OAuthError: there are none, or none yet.
        """
        device_code = form.need("device_code")
        if len(device_code) > MAX_CODE:
            raise OAuthError("invalid_grant", "the device_code is not known")
        request, answered = await self._devices.collect(device_code, client.client_id)
        who = Principal(subject=answered.subject, kind="person", client=client.client_id)
        async with self._audit.attempt(who, "token:mint", f"client/{client.client_id}") as attempt:
            attempt.target = request.resource
            authorization, refresh = await self._authorizations.begin(
                device_code, client, form, answered, request.resource
            )
            return self._grants.answer(authorization, authorization.scopes, refresh)
