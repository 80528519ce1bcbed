"""Token exchange (RFC 8693): a machine passes on what it was called with, as much of it as another needs or less."""

from dataclasses import dataclass

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.oauth.callers import Callers
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.issuers.foreign_jwt import Refused
from airegistry.oauth.issuers.issuers import Issuers, Sort
from airegistry.oauth.issuers.trust import Identity
from airegistry.oauth.model import ADMIN_SCOPE, EXCHANGE_GRANT, MCP_SCOPE, OFFLINE_SCOPE, Client
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import AccessTokens, Issued
from airegistry.oauth.tokens.authorizations import Refusal
from airegistry.oauth.tokens.keys import MAX_TOKEN
from airegistry.oauth.tokens.machine_grants import asked_scopes, check_machine, machine, target, token_response

_TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN = f"{_TYPE}access_token"
SUBJECT_TYPES: dict[str, Sort] = {ACCESS_TOKEN: "access_token", f"{_TYPE}jwt": "jwt", f"{_TYPE}id_token": "id_token"}
MAX_ACTORS = 5


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a subject or actor token speaks of. `iss` and `sub` are the token's own words, `resource` is None for tokens
    of others, `actors` act for the subject, the latest first."""

    subject: str
    iss: str
    sub: str
    carried: frozenset[str]
    groups: frozenset[str]
    actors: tuple[str, ...]
    expires_at: float
    resource: str | None = None
    authorization: str | None = None
    may_act: JsonValue = None


class TokenExchange:
    """Exchanges tokens of this registry and of trusted issuers for narrower ones of this registry."""

    def __init__(
        self, tokens: AccessTokens, callers: Callers, issuers: Issuers, resources: Resources, audit: Audit, clock: Clock
    ) -> None:
        self._tokens = tokens
        self._callers = callers
        self._issuers = issuers
        self._resources = resources
        self._audit = audit
        self._clock = clock

    async def __call__(self, client: Client, form: Form) -> Json:
        """The token response of RFC 8693 section 2.2.

        Raises:
            OAuthError: `unauthorized_client`, `invalid_target`, `invalid_scope`, or `invalid_request` for tokens that
                do not hold (section 2.2.2).
        """
        subject = await self._presented(client, form)
        who = machine(self._callers, client) if isinstance(subject, OAuthError) else self._holder(subject, client)
        async with self._audit.attempt(who, "token:exchange", f"client/{client.client_id}") as attempt:
            if isinstance(subject, OAuthError):
                raise subject
            actors, until = await self._actors(client, form, subject)
            attempt.target = resource = self._resource(form, subject)
            scopes = self._scopes(form, subject)
            token, issued = self._tokens.mint(
                subject=subject.subject, client_id=client.client_id, scopes=scopes, resource=resource,
                authorization=subject.authorization, actor=actors[0] if actors else "", earlier_actors=actors[1:],
                groups=subject.groups, ttl=self._ttl(until),
            )  # fmt: skip
            if len(token) > MAX_TOKEN:
                raise Refusal("invalid_request", "the subject is in more groups than a token can carry")
            attempt.reason = f"{' '.join(scopes)}{f', actor {actors[0]}' if actors else ''}"
        return {**token_response(token, issued), "issued_token_type": ACCESS_TOKEN}

    def _ttl(self, until: float) -> int:
        seconds = int(until - self._clock.now().timestamp())
        if seconds < 1:  # a clock that differs is borne with, but nothing new begins after the end
            raise Refusal("invalid_request", "subject_token or actor_token has ended")
        return min(self._tokens.ttl, seconds)

    async def _presented(self, client: Client, form: Form) -> Party | OAuthError:
        """Whom the request is about, or why it is about nobody. Nothing is looked at for a client that may not ask."""
        try:
            check_machine(client, EXCHANGE_GRANT)
            if form.get("requested_token_type") not in {None, ACCESS_TOKEN, f"{_TYPE}jwt"}:
                raise Refusal("invalid_request", "requested_token_type is none that is issued here")
            party = await self._party(form, "subject_token")
            if self._callers.by_subject(party.subject, groups=party.groups) is None:
                raise Refusal("invalid_request", "the subject of subject_token is not active")
        except OAuthError as refusal:
            return refusal
        return party

    async def _party(self, form: Form, name: str) -> Party:
        token, kind = form.need(name), form.need(f"{name}_type")
        sort = SUBJECT_TYPES.get(kind)
        if sort is None:
            raise Refusal("invalid_request", f"{name}_type is none that is accepted here")
        if sort != "id_token" and (issued := self._tokens.read(token, None)):
            if self._callers.of(issued) is None:
                raise Refusal("invalid_request", f"{name} has ended")
            return _own(issued, self._resources.url)
        asked = self._resources.canonical(form.get("resource") or form.get("audience"))
        wanted = [self._resources.url, *([asked] if asked else [])]
        try:
            return _foreign(await self._issuers.identify(token, "subject_token", sort, wanted))
        except Refused as refused:
            raise Refusal("invalid_request", f"{name} does not hold: {refused}") from None

    def _holder(self, subject: Party, client: Client) -> Principal:
        found = self._callers.by_subject(
            subject.subject, client=client.client_id, scopes=subject.carried, groups=subject.groups
        )
        return found or Principal(subject.subject, client=client.client_id)

    async def _actors(self, client: Client, form: Form, subject: Party) -> tuple[tuple[str, ...], float]:
        """Who acts for the subject from now on, the latest first, and until when at most.

        The actor is the client itself, or whom the subject's token lets act (`may_act`): a client does not bring in
        whoever's token it happens to hold.
        """
        if form.get("actor_token_type") and not form.get("actor_token"):
            raise Refusal("invalid_request", "actor_token_type without actor_token")
        actor = await self._party(form, "actor_token") if form.get("actor_token") else None
        itself = actor is None or actor.subject == f"client:{client.client_id}"
        if subject.may_act is None:
            allowed = itself
        elif actor is None or itself:
            allowed = _names(subject.may_act, {client.client_id, f"client:{client.client_id}"}, self._resources.url)
        else:
            allowed = _names(subject.may_act, {actor.sub}, actor.iss, unsaid=subject.iss)
        if not allowed:
            raise Refusal("invalid_request", "the actor is not this client, or not one that subject_token lets act")
        if actor is None:
            return subject.actors, subject.expires_at
        chain = subject.actors if actor.subject in subject.actors[:1] else (actor.subject, *subject.actors)
        if len(chain) > MAX_ACTORS:
            raise Refusal("invalid_request", f"more than {MAX_ACTORS} actors, one for another")
        return chain, min(subject.expires_at, actor.expires_at)

    def _resource(self, form: Form, subject: Party) -> str:
        """The subject's resource, or a server or agent instead of the registry's own tools, which reach all of them."""
        asked = form.get("resource") or form.get("audience")
        resource = target(self._resources, asked or subject.resource)
        if form.get("audience") and target(self._resources, form.get("audience")) != resource:
            raise Refusal("invalid_target", "resource and audience are not the same")
        one_of_many = subject.resource == self._resources.default and resource != f"{self._resources.url}/api"
        if subject.resource not in {None, resource} and not one_of_many:
            raise Refusal("invalid_target", "subject_token is for another resource")
        return resource

    def _scopes(self, form: Form, subject: Party) -> list[str]:
        asked = asked_scopes(form)
        wanted = asked or sorted(subject.carried - {ADMIN_SCOPE, OFFLINE_SCOPE})
        if ADMIN_SCOPE in wanted:
            raise Refusal("invalid_scope", "administration is not passed on")
        if MCP_SCOPE not in subject.carried and not subject.carried.issuperset(wanted):
            raise Refusal("invalid_scope", "scope goes beyond what subject_token carries")
        held = self._callers.grantable(subject.subject, wanted, groups=subject.groups) if wanted else []
        if not held or (asked and held != asked):
            raise Refusal("invalid_scope", "a scope that was asked for does not exist, or the subject lacks it")
        return held


def _own(issued: Issued, issuer: str) -> Party:
    actors = (issued.actor, *issued.earlier_actors) if issued.actor else ()
    return Party(
        subject=issued.subject, iss=issuer, sub=issued.subject, carried=issued.scopes, groups=issued.groups,
        actors=actors, expires_at=issued.expires_at, resource=issued.resource, authorization=issued.authorization,
    )  # fmt: skip


def _foreign(identity: Identity) -> Party:
    return Party(
        subject=identity.subject, iss=identity.issuer.issuer, sub=identity.sub, carried=identity.carried,
        groups=frozenset(identity.groups), actors=identity.actors, expires_at=identity.expires_at,
        may_act=identity.claims.get("may_act"),
    )  # fmt: skip


def _names(may_act: JsonValue, subs: set[str], iss: str, *, unsaid: str | None = None) -> bool:
    """Whether a `may_act` claim (RFC 8693 section 4.4) names somebody. `unsaid` is the issuer it means when it does not
    say which one, None for whichever."""
    if not isinstance(may_act, dict) or not any(may_act.get("sub") == sub for sub in subs):
        return False
    return may_act.get("iss", unsaid or iss) == iss
