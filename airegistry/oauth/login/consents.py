"""What persons allowed clients: remembered so that they are not asked twice, and revocable."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.tokens import digest
from airegistry.oauth.login.wording import is_loopback, stays_here
from airegistry.oauth.model import ADMIN_SCOPE, AuthorizationRequest, Client, Consent
from airegistry.oauth.tokens.authorizations import Authorizations


class Consents:
    """Keeps one consent for each person, client, origin of redirect URIs and resource; its scopes add up."""

    def __init__(self, store: DocumentStore, clock: Clock, audit: Audit, authorizations: Authorizations) -> None:
        self._consents = Repository(store, "consents", Consent)
        self._clock = clock
        self._audit = audit
        self._authorizations = authorizations

    async def covers(self, user: str, client: Client, request: AuthorizationRequest, scopes: Sequence[str]) -> bool:
        """Whether the person allowed all of this before, and need not be asked again.

        Anybody can use the id of a client that a document describes; where its answer goes to some program on
        the person's own device, the person is asked each time. For administration everybody is.
        """
        if ADMIN_SCOPE in scopes or (client.origin == "document" and stays_here(request.redirect_uri)):
            return False
        found = await self._consents.find_one(_key(user, request))
        return found is not None and set(scopes) <= set(found[0].scopes)

    async def grant(self, user: str, client: Client, request: AuthorizationRequest, scopes: Sequence[str]) -> None:
        """Remember that the person allowed this."""
        who, asset = _person(user, client.client_id), _asset(client.client_id)
        async with self._audit.attempt(who, "consent:grant", asset) as act:
            act.reason, act.target = f"the person allowed {' '.join(scopes)}", request.resource
            key = _key(user, request)
            before = await self._consents.find_one(key)
            held = before[0].scopes if before else []
            consent = Consent(
                id=key, user=user, client_id=client.client_id, client_name=client.client_name,
                redirect_uri=request.redirect_uri, resource=request.resource,
                scopes=list(dict.fromkeys((*held, *scopes))), created_at=self._clock.now(),
            )  # fmt: skip
            await self._consents.save(key, consent)

    async def deny(self, user: str, request: AuthorizationRequest) -> None:
        """Take down that the person refused."""
        who, asset = _person(user, request.client_id), _asset(request.client_id)
        async with self._audit.attempt(who, "consent:deny", asset) as act:
            act.reason, act.target = "the person refused", request.resource

    async def of_user(self, user: str) -> list[Consent]:
        """What a person allowed."""
        return [consent async for _, consent in self._consents.find(where={"user": user})]

    async def revoke(self, user: str, client_id: str) -> None:
        """Take back all a person allowed a client; what the client holds of it ends at once."""
        async with self._audit.attempt(_person(user), "consent:revoke", _asset(client_id)):
            await self.forget(user=user, client_id=client_id)
            await self._authorizations.revoke_where(user=user, client=client_id, reason="the person took it back")

    async def forget(self, *, user: str | None = None, client_id: str | None = None) -> None:
        """Remember nothing of a person or client any more: either may be gone, and its id be given to another."""
        given = {"user": user, "client_id": client_id}
        where = {name: value for name, value in given.items() if value is not None}
        for key in [key async for key, _ in self._consents.find(where=where)] if where else []:
            await self._consents.delete(key)


def _key(user: str, request: AuthorizationRequest) -> str:
    return digest("\0".join((user, request.client_id, origin_of(request.redirect_uri), request.resource)))


def origin_of(redirect_uri: str) -> str:
    """What of a redirect URI says who gets the answer. On loopback the port says nothing (RFC 8252 section 7.3)."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.hostname if is_loopback(redirect_uri) else parts.netloc}"


def _person(user: str, client_id: str = "") -> Principal:
    return Principal(subject=f"user:{user}", kind="person", client=client_id)


def _asset(client_id: str) -> str:
    return f"client/{client_id}"
