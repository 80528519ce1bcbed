"""What persons allowed clients: codes that begin a family of tokens, and refresh tokens that continue it."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import anyio

from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository, Where
from airegistry.core.errors import AccessDenied, Conflict
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.tokens import digest
from airegistry.oauth.callers import Callers
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.model import REFRESH_GRANT, Answered, Authorization, AuthorizationRequest, Client, Code, Session
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import MAX_TTL, STREAM_TTL, AccessTokens

CODE_TTL = timedelta(seconds=60)
LIFETIME = timedelta(days=30)
IDLE = timedelta(days=14)
KEPT = timedelta(seconds=MAX_TTL + STREAM_TTL)
"""How long used codes and ended families are remembered: a replay is recognised while tokens may be left."""
REFRESH_PREFIX = "airr_"

_REFRESH = re.compile(r"airr_([0-9a-f]{64})\.[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class Refusal(OAuthError, AccessDenied):
    """An `OAuthError` that the audit trail takes down as a decision against the client."""


@dataclass(frozen=True, slots=True)
class Continued:
    """What a refresh gives: scopes for the access token (the family's or fewer) and the next refresh token."""

    authorization: Authorization
    scopes: list[str]
    refresh_token: str


class Authorizations:
    """Keeps the families of tokens.

    A refresh token reads `airr_{family}.{secret}`; all of a family share the first part, whose hash is the family's
    id. So nobody who merely knows an id can pass for a thief and end the family by it. Of codes and refresh tokens
    only hashes are kept. Changes are made by compare-and-set: of two equal requests one wins, in several processes
    too.
    """

    def __init__(
        self, store: DocumentStore, clock: Clock, tokens: AccessTokens, audit: Audit, callers: Callers,
        resources: Resources, *, lifetime: timedelta = LIFETIME, idle: timedelta = IDLE,
    ) -> None:  # fmt: skip
        self._codes = Repository(store, "codes", Code)
        self._families = Repository(store, "authorizations", Authorization)
        self._clock = clock
        self._tokens = tokens
        self._audit = audit
        self._callers = callers
        self._resources = resources
        self._lifetime = lifetime
        self._idle = idle

    async def code(
        self, request: AuthorizationRequest, *, subject: str, scopes: list[str], session: Session | None
    ) -> str:
        """A code for what a person allowed a client just now; it is good for 60 seconds, once."""
        code, now = secrets.token_urlsafe(32), self._clock.now()
        authorization = Authorization(
            id=_id(_family(code)), client_id=request.client_id, subject=subject, scopes=scopes,
            resource=request.resource, auth_time=session.auth_time if session else now,
            amr=session.amr if session else [], session=session.id if session else None,
            created_at=now, expires_at=now + self._lifetime,
        )  # fmt: skip
        kept = Code(
            authorization=authorization.id, client_id=request.client_id, redirect_uri=request.redirect_uri,
            redirect_given=request.redirect_given, code_challenge=request.code_challenge, resource=request.resource,
            scopes=scopes, expires_at=now + CODE_TTL,
        )  # fmt: skip
        await self._families.create(authorization.id, authorization)
        await self._codes.create(digest(code), kept)
        return code

    async def begin(
        self, code: str, client: Client, form: Form, answered: Answered, resource: str
    ) -> tuple[Authorization, str | None]:
        """A family for what a person allowed a device a moment ago, and its first refresh token. `code` is the one
        that the device proves itself by; nobody uses it twice.

        Raises:
            OAuthError: the resource is another one, or the person may not have it any more.
        """
        self._check_resource(form, resource)
        family, now = _family(code), self._clock.now()
        refresh = _refresh_token(family) if REFRESH_GRANT in client.grant_types else None
        authorization = Authorization(
            id=_id(family), client_id=client.client_id, subject=answered.subject, scopes=answered.scopes,
            resource=resource, auth_time=answered.auth_time, amr=answered.amr, session=answered.session,
            refresh_hash=None if refresh is None else digest(refresh), created_at=now, used_at=now,
            expires_at=now + self._lifetime,
        )  # fmt: skip
        self._check_lives(authorization)
        if not set(answered.scopes) <= set(self._callers.grantable(answered.subject, answered.scopes)):
            raise Refusal("invalid_grant", "the person does not hold all of that any more")
        await self._families.create(authorization.id, authorization)
        return authorization, refresh

    async def of_code(self, code: str) -> Authorization | None:
        """Which family a code began. Nothing is checked: this is for the audit trail."""
        return await self._found(_id(_family(code)))

    async def of_refresh(self, token: str) -> Authorization | None:
        """Which family a refresh token, in force or not, belongs to."""
        match = _REFRESH.fullmatch(token)
        return await self._found(_id(match[1])) if match else None

    def in_force(self, authorization: Authorization, token: str) -> bool:
        """Whether a refresh token is the one that may be used next."""
        return self._lives(authorization) and hmac.compare_digest(digest(token), authorization.refresh_hash or "")

    def held(self, authorization: Authorization) -> bool:
        """Whether the person may still have what was allowed: the account is active, and the login it was allowed in
        has not been ended. A family that was being made just then escapes `revoke_where`, and all do in a crash."""
        subject, since = authorization.subject, authorization.auth_time.timestamp()
        return self._callers.by_subject(subject, client=authorization.client_id, since=since) is not None

    async def redeem(self, code: str, client: Client, form: Form) -> tuple[Authorization, str | None]:
        """What a code stands for, and the first refresh token for a client that may refresh.

        Raises:
            OAuthError: the code does not hold for this client and request; a used one ends what it gave.
        """
        found = await self._codes.find_one(digest(code))
        if found is None:
            raise Refusal("invalid_grant", "the code is not known")
        kept, version = found
        if kept.used:
            await self._replayed(kept)
        self._check_code(kept, client, form)
        authorization = await self._families.get(kept.authorization)
        self._check_lives(authorization)
        try:
            await self._codes.save(digest(code), kept.model_copy(update={"used": True}), expect=version)
        except Conflict:
            await self._replayed(kept)
        refresh = _refresh_token(_family(code)) if REFRESH_GRANT in client.grant_types else None
        hash_ = None if refresh is None else digest(refresh)
        change = {"used_at": self._clock.now(), "refresh_hash": hash_}
        return await self._changed(authorization.id, lambda now: now.model_copy(update=change)), refresh

    async def refresh(self, token: str, client: Client, form: Form) -> Continued:
        """Continue a family: the token is used up, and another one takes its place.

        Raises:
            OAuthError: the token does not hold for this client and request; one that was used before ends the family.
        """
        match = _REFRESH.fullmatch(token)
        found = await self._families.find_one(_id(match[1])) if match else None
        if match is None or found is None or found[0].client_id != client.client_id:
            raise Refusal("invalid_grant", "the refresh token is not valid")
        authorization, version = found
        self._check_lives(authorization)
        if not self.in_force(authorization, token):
            await self._reused(authorization)
        self._check_resource(form, authorization.resource)
        scopes = self._narrowed(form, authorization)
        following = _refresh_token(match[1])
        change = {"refresh_hash": digest(following), "used_at": self._clock.now()}
        try:
            await self._families.save(authorization.id, authorization.model_copy(update=change), expect=version)
        except Conflict:
            await self._reused(authorization)
        return Continued(authorization, scopes, following)

    async def revoke(self, id_: str, reason: str) -> None:
        """End a family: its refresh token and all its access tokens, at once. Nothing happens when it has ended."""
        authorization = await self._found(id_)
        if authorization is None or authorization.revoked_at is not None:
            return
        with anyio.CancelScope(shield=True):  # half a revocation is none
            async with self._audit.attempt(
                self.holder(authorization), "token:revoke", f"client/{authorization.client_id}"
            ) as attempt:
                attempt.reason = reason
                await self._tokens.revoke_authorization(id_)
                change = {"revoked_at": self._clock.now(), "revoked_for": reason}
                await self._changed(id_, lambda now: now.model_copy(update=change))

    async def revoke_where(
        self, *, user: str | None = None, client: str | None = None, session: str | None = None, reason: str
    ) -> None:
        """End the families of a user, of a client or of a web session; those given must all fit."""
        where: dict[str, str] = {}
        if user is not None:
            where["subject"] = f"user:{user}"
        if client is not None:
            where["client_id"] = client
        if session is not None:
            where["session"] = session
        for authorization in await self._where(where) if where else []:
            await self.revoke(authorization.id, reason)

    async def of_user(self, user: str) -> list[Authorization]:
        """The families of a user that are alive, the newest first."""
        found = await self._where({"subject": f"user:{user}"})
        alive = [each for each in found if each.used_at is not None and self._lives(each)]
        return sorted(alive, key=lambda each: each.created_at, reverse=True)

    async def sweep(self) -> None:
        """Forget codes and families that ended so long ago that no replay of them matters."""
        before = self._clock.now() - KEPT
        for key in [key async for key, code in self._codes.find() if code.expires_at < before]:
            await self._codes.delete(key)
        for key in [key async for key, family in self._families.find() if self.ends_at(family) < before]:
            await self._families.delete(key)

    def holder(self, authorization: Authorization) -> Principal:
        """Whom a family acts for, as the audit trail names them."""
        subject, client = authorization.subject, authorization.client_id
        known = self._callers.by_subject(subject, client=client, scopes=authorization.scopes)
        return known or Principal(subject=subject, client=client)

    def _check_code(self, kept: Code, client: Client, form: Form) -> None:
        if kept.client_id != client.client_id:
            raise Refusal("invalid_grant", "the code was given to another client")
        if self._clock.now() >= kept.expires_at:
            raise Refusal("invalid_grant", "the code has expired")
        redirect_uri = form.get("redirect_uri")
        if redirect_uri != kept.redirect_uri and (kept.redirect_given or redirect_uri is not None):
            raise Refusal("invalid_grant", "redirect_uri is not the one of the authorization request")
        self._check_resource(form, kept.resource)
        verifier = form.get("code_verifier") or ""
        if not _VERIFIER.fullmatch(verifier):
            raise Refusal("invalid_grant", "code_verifier is missing or malformed (RFC 7636)")
        if not hmac.compare_digest(_challenge(verifier), kept.code_challenge):
            raise Refusal("invalid_grant", "code_verifier does not fit the code_challenge")

    def _check_resource(self, form: Form, bound: str) -> None:
        asked = form.get("resource")
        if asked is not None and self._resources.canonical(asked) != bound:
            raise Refusal("invalid_target", "resource is not the one that was authorized")

    def _check_lives(self, authorization: Authorization) -> None:
        if not self._lives(authorization):
            raise Refusal("invalid_grant", "the authorization has ended")
        if not self.held(authorization):
            raise Refusal("invalid_grant", "the account is not active, or its logins were ended")

    def _narrowed(self, form: Form, authorization: Authorization) -> list[str]:
        """Asked for, allowed then, and held still."""
        asked = form.scopes() or authorization.scopes
        if not set(asked) <= set(authorization.scopes):
            raise Refusal("invalid_scope", "scope goes beyond what was authorized")
        held = self._callers.grantable(authorization.subject, asked)
        if not held:
            raise Refusal("invalid_scope", "none of the scopes is held any more")
        return held

    async def _replayed(self, code: Code) -> NoReturn:
        """RFC 6749 section 4.1.2, RFC 9700: what the first use got may be in a thief's hands."""
        await self.revoke(code.authorization, "the authorization code was used twice")
        raise Refusal("invalid_grant", "the code was used before; what it gave is revoked")

    async def _reused(self, authorization: Authorization) -> NoReturn:
        await self.revoke(authorization.id, "a refresh token was used twice")
        raise Refusal("invalid_grant", "the refresh token was used before; its authorization is revoked")

    def _lives(self, authorization: Authorization) -> bool:
        return self._clock.now() < self.ends_at(authorization) and not self._tokens.ended(authorization.id)

    def ends_at(self, authorization: Authorization) -> datetime:
        """When a family ended, or will end if nobody uses it again."""
        if authorization.revoked_at is not None:
            return authorization.revoked_at
        if authorization.used_at is None:
            return authorization.created_at + CODE_TTL
        return min(authorization.expires_at, authorization.used_at + self._idle)

    async def _found(self, id_: str) -> Authorization | None:
        found = await self._families.find_one(id_)
        return None if found is None else found[0]

    async def _where(self, where: Where) -> list[Authorization]:
        return [authorization async for _, authorization in self._families.find(where=where)]

    async def _changed(self, id_: str, change: Callable[[Authorization], Authorization]) -> Authorization:
        while True:
            authorization, version = await self._families.find_one(id_) or (None, 0)
            if authorization is None:
                raise Refusal("invalid_grant", "the authorization has ended")
            changed = change(authorization)
            try:
                await self._families.save(id_, changed, expect=version)
            except Conflict:
                continue
            return changed


def _challenge(verifier: str) -> str:
    """RFC 7636 section 4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _family(code: str) -> str:
    """What the refresh tokens that follow from a code have in common."""
    return hashlib.sha256(f"family\0{code}".encode()).hexdigest()


def _id(family: str) -> str:
    return digest(family)[:32]


def _refresh_token(family: str) -> str:
    return f"{REFRESH_PREFIX}{family}.{secrets.token_urlsafe(32)}"
