"""Identity assertions (ID-JAG): an enterprise's identity provider vouches for a person to a client of theirs (SEP-990).

The grant is `jwt-bearer` (RFC 7523) with a JWT as draft-ietf-oauth-identity-assertion-authz-grant describes it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.principals import Principal
from airegistry.oauth.callers import Callers
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.issuers.foreign_jwt import Refused, number, texts
from airegistry.oauth.issuers.issuers import Issuers
from airegistry.oauth.issuers.trust import Identity
from airegistry.oauth.model import ADMIN_SCOPE, ASSERTION_GRANT, MCP_SCOPE, OFFLINE_SCOPE, Client
from airegistry.oauth.replay import Replay
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import AccessTokens
from airegistry.oauth.tokens.authorizations import Refusal
from airegistry.oauth.tokens.keys import MAX_TOKEN
from airegistry.oauth.tokens.machine_grants import asked_scopes, check_machine, machine, target, token_response

ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
"""What the metadata lists in `authorization_grant_profiles_supported`."""
MAX_LIFETIME = 300
"""Seconds from `iat` to `exp` at most."""
MAX_ID = 255

FindPerson = Callable[[str, str], str | None]
"""From an issuer and its `sub` to the id of the user who logs in by that provider; None when it is no provider."""


@dataclass(frozen=True, slots=True)
class Asserted:
    """A valid assertion, and whom it speaks of here."""

    identity: Identity
    subject: str
    groups: frozenset[str]
    jti: str
    auth_time: datetime | None


class IdentityAssertions:
    """Gives clients tokens for persons whose identity provider says that they may have them. Each assertion is good
    for one token."""

    def __init__(
        self, tokens: AccessTokens, callers: Callers, issuers: Issuers, resources: Resources, replay: Replay,
        audit: Audit, *, person: FindPerson,
    ) -> None:  # fmt: skip
        self._tokens = tokens
        self._callers = callers
        self._issuers = issuers
        self._resources = resources
        self._replay = replay
        self._audit = audit
        self._person = person

    async def __call__(self, client: Client, form: Form) -> Json:
        """The token response; there is no refresh token, the next assertion takes its place.

        Raises:
            OAuthError: `unauthorized_client`, `invalid_grant`, `invalid_target` or `invalid_scope`.
        """
        asserted = await self._asserted(client, form)
        async with self._audit.attempt(
            self._holder(client, asserted), "token:mint", f"client/{client.client_id}"
        ) as attempt:
            if isinstance(asserted, OAuthError):
                raise asserted
            identity = asserted.identity
            attempt.target = resource = self._resource(form, identity)
            scopes = self._scopes(form, asserted)
            actors = identity.actors
            token, issued = self._tokens.mint(
                subject=asserted.subject, client_id=client.client_id, scopes=scopes, resource=resource,
                actor=actors[0] if actors else "", earlier_actors=actors[1:], groups=asserted.groups,
                auth_time=asserted.auth_time, amr=texts(identity.claims.get("amr")),
            )  # fmt: skip
            if len(token) > MAX_TOKEN:
                raise Refusal("invalid_grant", "the person is in more groups than a token can carry")
            # Last of all: an assertion that was refused for another reason, as for a wrong client, is not used up.
            until = identity.expires_at + identity.issuer.leeway + 1
            if not await self._replay.once(f"id-jag:{identity.issuer.issuer}", asserted.jti, until):
                raise Refusal("invalid_grant", "the assertion was used before")
            attempt.reason = f"ID-JAG of {identity.issuer.name}: {' '.join(scopes)}"
        return token_response(token, issued)

    async def _asserted(self, client: Client, form: Form) -> Asserted | OAuthError:
        """Whom the request is about, or why it is about nobody. Nothing is looked at for a client that may not ask."""
        try:
            check_machine(client, ASSERTION_GRANT)
            return self._checked(client, await self._issuers.identify(
                form.need("assertion"), "id_jag", "id_jag", [self._resources.url]
            ))  # fmt: skip
        except Refused as refused:
            return Refusal("invalid_grant", f"the assertion does not hold: {refused}")
        except OAuthError as refusal:
            return refusal

    def _checked(self, client: Client, identity: Identity) -> Asserted:
        claims = identity.claims
        issued_at = number(claims, "iat")
        if issued_at is None or not 0 < identity.expires_at - issued_at <= MAX_LIFETIME:
            raise Refusal("invalid_grant", f"the assertion has no iat, or lives longer than {MAX_LIFETIME} s")
        if claims.get("client_id") != client.client_id:
            raise Refusal("invalid_grant", "the assertion was made for another client")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_ID:
            raise Refusal("invalid_grant", "the assertion has no jti")
        user = self._person(identity.issuer.issuer, identity.sub)
        subject = identity.subject if user is None else f"user:{user}"
        groups = frozenset(identity.groups) if user is None else frozenset[str]()
        if self._callers.by_subject(subject, groups=groups) is None:
            raise Refusal("invalid_grant", "the person is not known here, or not active")
        return Asserted(identity, subject, groups, jti, _auth_time(claims))

    def _holder(self, client: Client, asserted: Asserted | OAuthError) -> Principal:
        if isinstance(asserted, OAuthError):
            return machine(self._callers, client)
        found = self._callers.by_subject(asserted.subject, client=client.client_id, groups=asserted.groups)
        return found or Principal(asserted.subject, client=client.client_id)

    def _resource(self, form: Form, identity: Identity) -> str:
        """The resource of the assertion, which the request may repeat."""
        said = texts(identity.claims.get("resource"))
        if len(said) != 1:
            raise Refusal("invalid_grant", "the assertion does not name one resource")
        resource = target(self._resources, said[0])
        if form.get("resource") and target(self._resources, form.get("resource")) != resource:
            raise Refusal("invalid_target", "resource is not the one of the assertion")
        return resource

    def _scopes(self, form: Form, asserted: Asserted) -> list[str]:
        """What was asked for within the assertion, as far as the person holds it. Administration takes the person."""
        scope = asserted.identity.claims.get("scope")
        if scope is not None and not isinstance(scope, str):
            raise Refusal("invalid_grant", "the assertion's scope is no text")
        said = [MCP_SCOPE] if scope is None else list(dict.fromkeys(scope.split()))
        asked = asked_scopes(form)
        if scope is not None and not {*said}.issuperset(asked):
            raise Refusal("invalid_scope", "scope goes beyond the assertion")
        wanted = [one for one in asked or said if one not in {ADMIN_SCOPE, OFFLINE_SCOPE}]
        held = self._callers.grantable(asserted.subject, wanted, groups=asserted.groups) if wanted else []
        if not held:
            raise Refusal("invalid_scope", "the person holds none of the scopes")
        return held


def _auth_time(claims: Json) -> datetime | None:
    seconds = number(claims, "auth_time")
    return None if seconds is None else datetime.fromtimestamp(math.floor(seconds), UTC)
