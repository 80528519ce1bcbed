"""The grants that rest on what a person allowed: `authorization_code` and `refresh_token`."""

from collections.abc import Mapping

from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.principals import Principal
from airegistry.oauth.forms import Form
from airegistry.oauth.model import CODE_GRANT, REFRESH_GRANT, Authorization, Client
from airegistry.oauth.tokens.access_tokens import AccessTokens
from airegistry.oauth.tokens.authorizations import Authorizations
from airegistry.oauth.tokens.token_endpoint import GrantHandler


class PersonGrants:
    """Turns codes and refresh tokens into access tokens."""

    def __init__(self, authorizations: Authorizations, tokens: AccessTokens, audit: Audit) -> None:
        self._authorizations = authorizations
        self._tokens = tokens
        self._audit = audit

    def handlers(self) -> Mapping[str, GrantHandler]:
        """One handler a grant type."""
        return {CODE_GRANT: self._code, REFRESH_GRANT: self._refresh}

    async def _code(self, client: Client, form: Form) -> Json:
        code = form.need("code")
        who = self._who(client, await self._authorizations.of_code(code))
        async with self._audit.attempt(who, "token:mint", f"client/{client.client_id}") as attempt:
            authorization, refresh_token = await self._authorizations.redeem(code, client, form)
            attempt.target = authorization.resource
            return self.answer(authorization, authorization.scopes, refresh_token)

    async def _refresh(self, client: Client, form: Form) -> Json:
        token = form.need("refresh_token")
        who = self._who(client, await self._authorizations.of_refresh(token))
        async with self._audit.attempt(who, "token:refresh", f"client/{client.client_id}") as attempt:
            continued = await self._authorizations.refresh(token, client, form)
            attempt.target = continued.authorization.resource
            return self.answer(continued.authorization, continued.scopes, continued.refresh_token)

    def _who(self, client: Client, authorization: Authorization | None) -> Principal:
        """Whom a request is for. The subject of another client's authorization is none of this client's business."""
        if authorization is None or authorization.client_id != client.client_id:
            return Principal(subject=f"client:{client.client_id}", client=client.client_id)
        return self._authorizations.holder(authorization)

    def answer(self, authorization: Authorization, scopes: list[str], refresh_token: str | None) -> Json:
        """The token response (RFC 6749 section 5.1), with an access token made for it."""
        token, issued = self._tokens.mint(
            subject=authorization.subject, client_id=authorization.client_id, scopes=scopes,
            resource=authorization.resource, authorization=authorization.id, auth_time=authorization.auth_time,
            amr=authorization.amr,
        )  # fmt: skip
        answer: Json = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(issued.expires_at - issued.issued_at),
            "scope": " ".join(scopes),
        }
        return answer if refresh_token is None else {**answer, "refresh_token": refresh_token}
