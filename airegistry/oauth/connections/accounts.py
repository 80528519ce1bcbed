"""Accounts at backends: persons connect and disconnect them, and calls on their behalf carry the tokens."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Protocol
from urllib.parse import urlencode

import anyio
import orjson

from airegistry.core.audit import Audit
from airegistry.core.credential_kinds import Granted, PersonGrant, hide
from airegistry.core.credential_tokens import Token, TokenCache, Want
from airegistry.core.errors import AccessDenied, AirError, ConsentRequired, Internal, UpstreamFailed
from airegistry.core.ports import Cipher, Clock
from airegistry.core.principals import Principal
from airegistry.core.users import User
from airegistry.egress.backend_tokens import check_endpoints, told_upstream
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import DOCUMENT_PATH, Held, OAuthClient, client_metadata, revoke
from airegistry.egress.oauth_discovery import AuthorizationServer, locate
from airegistry.egress.oauth_grants import begin, client_at, finish
from airegistry.egress.oauth_tokens import ClientCredentials, OAuthRefused, Sign, TokenEndpoint, Tokens
from airegistry.oauth.connections.keeping import Connection, Connections, KnownClients, SealedKeep, id_of
from airegistry.oauth.connections.states import Asked, ConnectionState, ConnectionStates
from airegistry.oauth.login.visitors import Refused

PAGE = "/account/connections"
CALLBACK = "/oauth/callback"
CONNECT, DISCONNECT = "connection:connect", "connection:disconnect"
LINK_SECONDS = 3600
REVOKE_SECONDS = 5.0
"""How long authorization servers may take to end tokens of a connection that is over in any case."""
INVALID_LINK = ("This link is not valid", "It may be too old. Call the tool again, and open the link that comes then.")


class People(Protocol):
    """The directory."""

    def known(self, id_: str, /) -> User | None: ...


class _AskThePerson:
    """The grant of requests in whose course nobody can be asked."""

    issuer: str | None = None
    offline = True
    sign: Sign | None = None

    async def obtain(
        self, endpoint: TokenEndpoint, scope: str | None, known: ClientCredentials | None
    ) -> tuple[ClientCredentials, Tokens]:
        raise UpstreamFailed("the person has to be asked")


class Accounts:
    """The source of tokens for backends at which every person has an account. `url` is the registry's public URL.

    `check` refuses addresses that browsers must not be sent to.
    """

    def __init__(
        self, connections: Connections, clients: KnownClients, states: ConnectionStates, people: People, http: JsonHttp,
        cipher: Cipher, clock: Clock, audit: Audit, tokens: TokenCache, check: Callable[[str], None], url: str,
    ) -> None:  # fmt: skip
        self._connections = connections
        self._clients = clients
        self._states = states
        self._people = people
        self._http = http
        self._cipher = cipher
        self._clock = clock
        self._audit = audit
        self._tokens = tokens
        self._check = check
        self._url = url

    async def prepared(self, url: str, credential: Granted) -> Granted:
        """See `TokenSource`."""
        check_endpoints(credential)
        if credential.client_secret is None or credential.issuer is not None:
            return credential
        with told_upstream():
            at = await locate(self._http, url, None)
        return credential.model_copy(update={"issuer": at.issuer})

    async def token(self, want: Want, refused: Mapping[str, str] | None = None) -> Token:
        """See `TokenSource`: refreshed as need be.

        Raises:
            ConsentRequired: the caller has no connection that holds.
            AccessDenied: the caller is nobody who could have one.
        """
        kind, _, user = want.who.subject.partition(":")
        if kind != "user":
            raise AccessDenied(f"{want.ref} knows persons only, who connect an account of theirs: a machine has none")
        keep = await self._holding(user, want)
        client = OAuthClient(want.url, _AskThePerson(), self._http, keep)
        with told_upstream():
            if refused is None:
                headers = await client.headers("POST", want.url)
            else:
                headers = await client.renewed("POST", want.url, refused)
        if not headers or keep.held is None:
            raise self._consent(user, want)
        ends = keep.held.tokens.expires_at
        return Token(headers, None if ends is None else ends - time.time())

    async def forget(self, ref: str) -> None:
        """End all connections to a backend."""
        await self._end([each async for each in self._connections.where({"ref": ref})])

    async def end_user(self, user: str) -> None:
        """End all connections of a person."""
        await self._end([each async for each in self._connections.where({"user": user})])

    async def of_user(self, user: str) -> list[Connection]:
        """The connections of a person, the newest first."""
        kept = [each async for each in self._connections.where({"user": user}) if self._counts(each)]
        return sorted(kept, key=lambda connection: connection.connected_at, reverse=True)

    def linked(self, request: str, user: str) -> tuple[str, str]:
        """The backend (`kind/path` and URL) of a link that a caller was given.

        Raises:
            Refused: it is none of ours or too old; or it was given to somebody else.
        """
        try:
            told = orjson.loads(self._cipher.decrypt(request))
        except (Internal, UnicodeError):
            raise Refused(*INVALID_LINK) from None
        if not isinstance(told, dict) or told.get("for") != "connect" or told["until"] < self._now():
            raise Refused(*INVALID_LINK)
        if told["user"] != user:
            raise Refused(
                "This link is somebody else's",
                "Nothing was connected. Sign in as the person whose agent asked for it, or start at your own account.",
                status=403,
            )
        return told["ref"], told["url"]

    async def start(self, want: Want, user: str, browser: str, base: str) -> str:
        """Where to send this browser, given by its cookie. `base` is our URL as the browser knows it.

        Raises:
            UpstreamFailed: the backend or its authorization server does not tell, or tells what cannot be used.
        """
        credential = want.credential
        assert isinstance(credential, PersonGrant)
        redirect_uri = f"{base}{CALLBACK}"
        with told_upstream():
            at = await locate(self._http, want.url, credential.issuer)
            # Proofs of possession are made anew for each request; calls to backends share what is made here.
            at = at.model_copy(update={"dpop": False})
            client = await self._client(at, credential, redirect_uri)
            scope = credential.scope or at.resource_scopes
            if at.offline_access and "offline_access" not in (scope or "").split():
                scope = f"{scope} offline_access" if scope else "offline_access"
            pending = begin(at, client, redirect_uri, scope, self._states.state())
            self._check(at.authorization_endpoint)
        asked = Asked(
            at=at, client=client, redirect_uri=redirect_uri, scope=scope, state=pending.state, verifier=pending.verifier
        )
        await self._states.add(asked, user=user, browser=browser, ref=want.ref, url=want.url, credential=want.id)
        return pending.url

    async def returned(self, state: str, *, user: str | None, browser: str | None) -> tuple[ConnectionState, Asked]:
        """What a browser comes back from, once; see `ConnectionStates.take`."""
        return await self._states.take(state, user=user, browser=browser)

    async def finish(self, begun: ConnectionState, asked: Asked, answer: Mapping[str, str]) -> Connection:
        """Redeem what the person brought back, and keep it.

        Raises:
            UpstreamFailed: the authorization server refused, or the answer is not its own.
        """
        who = Principal(subject=f"user:{begun.user}", kind="person")
        async with self._audit.attempt(who, CONNECT, begun.ref) as attempt:
            attempt.reason = f"connected an account at {asked.at.issuer}"
            try:
                with told_upstream():
                    tokens = await finish(TokenEndpoint(self._http, asked.at), asked.pending(), answer)
            except UpstreamFailed as error:
                hide(error, filter(None, (asked.client.client_secret, asked.verifier, answer.get("code"))))
                if isinstance(error, OAuthRefused) and error.error == "invalid_client":
                    await self._clients.forget(asked.client)  # it is forgotten there: next time it is registered anew
                raise
            granted = tokens if tokens.scope is not None else tokens.model_copy(update={"scope": asked.scope})
            held = Held(server=begun.url, at=asked.at, client=asked.client, tokens=granted, asked=asked.scope)
            connection = await self._connections.put(begun.user, begun.ref, held)
        self._tokens.forget(ref=begun.ref, subject=who.subject)
        return connection

    async def disconnect(self, user: str, id_: str) -> bool:
        """End a connection of a person; False when the authorization server did not confirm that its tokens ended.

        Raises:
            Refused: the person has no such connection.
        """
        found = await self._connections.find(id_)
        if found is None or found[0].user != user:
            raise Refused("There is no such connection", "It may have ended already.", status=404)
        who = Principal(subject=f"user:{user}", kind="person")
        async with self._audit.attempt(who, DISCONNECT, found[0].ref) as attempt:
            attempt.reason = f"disconnected the account at {found[0].issuer}"
            return await self._end([found[0]])

    async def sweep(self) -> None:
        """Forget what was begun and not finished."""
        await self._states.sweep()

    async def _holding(self, user: str, want: Want) -> SealedKeep:
        """The tokens of a caller's connection.

        Raises:
            ConsentRequired: there is none.
        """
        id_ = id_of(user, want.ref, want.url)
        found = await self._connections.find(id_)
        if found is None or not self._counts(found[0]):
            raise self._consent(user, want)
        return self._connections.keep(id_)

    def _counts(self, connection: Connection) -> bool:
        """Whether a connection is that of its person: another of the same name has nothing of an earlier one's."""
        person = self._people.known(connection.user)
        return person is not None and person.active and person.created_at <= connection.connected_at

    def _consent(self, user: str, want: Want) -> ConsentRequired:
        told = {"for": "connect", "user": user, "ref": want.ref, "url": want.url, "until": self._now() + LINK_SECONDS}
        request = self._cipher.encrypt(orjson.dumps(told).decode())
        return ConsentRequired(
            f"{want.ref} needs an account of yours: open the link, connect it, and call again",
            url=f"{self._url}{PAGE}/connect?{urlencode({'request': request})}",
            id=uuid.uuid4().hex,
        )

    async def _client(self, at: AuthorizationServer, credential: PersonGrant, redirect_uri: str) -> ClientCredentials:
        registered = None
        if credential.client_id is not None:
            secret = credential.client_secret
            registered = ClientCredentials(
                issuer=at.issuer, client_id=credential.client_id, redirect_uri=redirect_uri,
                client_secret=None if secret is None else secret.get_secret_value(),
                method="none" if secret is None else credential.auth_method or "client_secret_basic",
            )  # fmt: skip
        client = await client_at(
            self._http, at, redirect_uri, client_metadata("airegistry", "web"), registered=registered,
            document=f"{self._url}{DOCUMENT_PATH}", known=await self._known(at.issuer, redirect_uri),
        )  # fmt: skip
        if registered is None:
            await self._clients.keep(client)
        return client

    async def _known(self, issuer: str, redirect_uri: str) -> ClientCredentials | None:
        known = await self._clients.find(issuer, redirect_uri)
        over = known is not None and known.expires_at is not None and known.expires_at <= time.time()
        return None if over else known

    async def _end(self, gone: Iterable[Connection]) -> bool:
        """Forget connections, then have their tokens ended where they were made; whether that is confirmed."""
        held: list[Held] = []
        with anyio.CancelScope(shield=True):
            for each in gone:
                with suppress(Internal):  # what does not open any more cannot be revoked either
                    held.append(self._connections.opened(each))
                await self._connections.drop(each.id)
                self._tokens.forget(ref=each.ref, subject=f"user:{each.user}")
        confirmed: list[Held] = []

        async def end(one: Held) -> None:
            with suppress(AirError):
                await revoke(self._http, one)
                confirmed.append(one)

        with anyio.move_on_after(REVOKE_SECONDS):
            async with anyio.create_task_group() as tasks:
                for one in held:
                    tasks.start_soon(end, one)
        return len(confirmed) == len(held)

    def _now(self) -> float:
        return self._clock.now().timestamp()
