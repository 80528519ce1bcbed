"""Login by identity providers: OpenID Connect, code flow with PKCE, this registry as the relying party."""

import hmac
import logging
from dataclasses import dataclass

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # Authlib has no types

from airegistry.core.audit import Audit
from airegistry.core.directory import Directory
from airegistry.core.documents import Json
from airegistry.core.errors import AirError, NotFound, Unauthenticated
from airegistry.core.ports import Cipher
from airegistry.core.principals import Principal
from airegistry.core.tokens import digest
from airegistry.core.users import User
from airegistry.egress.messages import printable
from airegistry.oauth.forms import Form
from airegistry.oauth.login.answers import with_query
from airegistry.oauth.model import Session
from airegistry.oauth.providers.id_tokens import IdTokens
from airegistry.oauth.providers.login_states import LoginStates, Started
from airegistry.oauth.providers.profiles import is_template, tenant_issuer
from airegistry.oauth.providers.provider_check import Finding, check
from airegistry.oauth.providers.provider_client import Identity, ProviderClient, endpoint
from airegistry.oauth.providers.providers import IdentityProvider, Providers
from airegistry.oauth.replay import Replay

log = logging.getLogger(__name__)

NOBODY = Principal(subject="anonymous", kind="person", client="login")


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who came back from a provider, and what a session is opened with. `request` is what they were about to answer.

    `id_token` is sealed; `RelyingParty.logout_url` opens it.
    """

    user: User
    request: str
    amr: list[str]
    provider: str
    provider_sub: str
    sid: str
    id_token: str


class RelyingParty:
    """Sends persons to providers and takes them back. `url` is the registry's public URL."""

    def __init__(
        self,
        providers: Providers,
        client: ProviderClient,
        tokens: IdTokens,
        states: LoginStates,
        directory: Directory,
        audit: Audit,
        cipher: Cipher,
        replay: Replay,
        url: str,
    ) -> None:
        self._providers = providers
        self._client = client
        self._tokens = tokens
        self._states = states
        self._directory = directory
        self._audit = audit
        self._cipher = cipher
        self._replay = replay
        self._url = url

    def choices(self) -> list[tuple[str, str]]:
        """Name and title of each provider to choose from."""
        return self._providers.choices()

    def title(self, name: str) -> str:
        """What a provider is called; its name for one that is unknown."""
        provider = self._providers.known(name)
        return provider.label if provider else name[:64]

    async def check(self, who: Principal, name: str) -> Finding:
        """What a provider answers now, for an administrator.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            NotFound: there is no such provider.
        """
        for provider in self._providers.providers(who):
            if provider.name == name:
                return await check(provider, self._client, self._url)
        raise NotFound(f"no identity provider named {name[:64]!r}")

    async def start(self, name: str, *, request: str, browser: str, base: str | None = None) -> str:
        """Where to send this browser, given by its cookie. `base` is our URL as the browser knows it.

        Raises:
            NotFound: there is no such provider.
            Invalid, UpstreamFailed: it does not tell where to log in.
        """
        provider = self._providers.get(name)
        metadata = await self._client.metadata(provider)
        where = endpoint(metadata, "authorization_endpoint")
        redirect_uri = f"{base or self._url}/callback/{name}"
        state, started = await self._states.add(name, browser=browser, request=request, redirect_uri=redirect_uri)
        params = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(provider.scopes or provider.ways.scopes),
            "state": state,
            "code_challenge": create_s256_code_challenge(started.verifier),
            "code_challenge_method": "S256",
        }
        if provider.profile != "github":
            params["nonce"] = started.nonce
        if provider.max_age is not None:
            params["max_age"] = str(provider.max_age)
        return with_query(where, params)

    async def finish(self, name: str, form: Form, browser: str | None, *, source: str = "") -> LoggedIn:
        """Take the provider's answer, which the browser brings: see RFC 6749 section 4.1.2 and RFC 9207.

        Raises:
            AccessDenied: the person is not let in.
            NotFound: there is no such provider.
            Unauthenticated: the answer is to no login of this browser, or proves nobody.
            Invalid, UpstreamFailed: the provider cannot be asked.
        """
        provider = self._providers.get(name)
        started = await self._states.take(form.get("state") or "")
        if started is None:
            raise Unauthenticated("this login is over: it was used already, or it took longer than ten minutes")
        try:
            if browser is None or not hmac.compare_digest(started.browser, digest(browser)):
                raise Unauthenticated("this login was begun in another browser")
            if started.provider != name:
                raise Unauthenticated("this login was begun at another provider")
            identity = await self._identity(provider, form, started)
        except AirError as error:
            await self._refused(name, error, source)
            raise
        user = await self._directory.provision(
            name, identity.sub, name=identity.name, email=identity.email, groups=identity.groups, source=source,
            known_as=identity.known_as, verified=identity.verified,
        )  # fmt: skip
        return LoggedIn(
            user=user, request=started.request, amr=identity.amr, provider=name, provider_sub=identity.sub,
            sid=identity.sid, id_token=self._cipher.encrypt(identity.id_token) if identity.id_token else "",
        )  # fmt: skip

    async def logout_url(self, session: Session, return_to: str) -> str | None:
        """Where to send the browser so that the provider ends its own session too (RP-Initiated Logout 1.0).

        None when there is no such place, or the provider does not tell: the session here is over all the same.
        """
        provider = self._providers.known(session.provider)
        if provider is None or provider.profile == "github":
            return None
        try:
            metadata = await self._client.metadata(provider)
            return self._logout_at(provider, metadata, session, return_to)
        except AirError as error:
            log.warning("no logout at %s: %s", provider.name, error.message)
            return None

    async def backchannel(self, name: str, logout_token: str) -> tuple[str | None, str | None]:
        """The person (`sub`) and session (`sid`) that a logout token names; each token counts once.

        Raises:
            AccessDenied, Unauthenticated: it is not the provider's, not for this registry, or was used before.
            NotFound: there is no such provider.
            Invalid, UpstreamFailed: the provider's keys cannot be had.
        """
        provider = self._providers.get(name)
        token = await self._tokens.logout(logout_token, provider, await self._client.metadata(provider))
        if not await self._replay.once(f"logout:{name}", token.jti, token.ends):
            raise Unauthenticated("the logout token was used before")
        return token.sub, token.sid

    async def _identity(self, provider: IdentityProvider, form: Form, started: Started) -> Identity:
        await self._check_issuer(provider, form.get("iss"))
        if error := form.get("error"):
            more = form.get("error_description") or ""
            raise Unauthenticated(f"{provider.label} refused: {printable(error)}{more and ': '}{printable(more)}")
        code = form.get("code")
        if code is None:
            raise Unauthenticated("the provider's answer holds no code")
        return await self._client.identity(provider, code, started)

    async def _check_issuer(self, provider: IdentityProvider, issuer: str | None) -> None:
        """The answer is this provider's (RFC 9207): else somebody mixes up two of them to learn a code."""
        if issuer is None:
            metadata = await self._client.metadata(provider)
            if metadata.get("authorization_response_iss_parameter_supported") is True:
                raise Unauthenticated("the provider's answer does not say who made it (iss)")
            return
        own = {provider.issuer}
        if provider.profile == "github":
            own.add(f"{provider.issuer}/login/oauth")
        if is_template(provider.issuer):
            own = {tenant_issuer(provider.issuer, tenant) for tenant in provider.tenants}
        if issuer not in own:
            raise Unauthenticated("the answer is another provider's (iss)")

    def _logout_at(self, provider: IdentityProvider, metadata: Json, session: Session, return_to: str) -> str | None:
        own = {"client_id": provider.client_id}
        if "end_session_endpoint" in metadata and provider.logout_endpoint is None:
            hint = {"id_token_hint": self._cipher.decrypt(session.id_token)} if session.id_token else {}
            where = endpoint(metadata, "end_session_endpoint")
            return with_query(where, {**hint, "post_logout_redirect_uri": return_to, **own})
        if provider.ways.logout is None:
            return provider.logout_endpoint
        path, back = provider.ways.logout
        origin = "/".join(endpoint(metadata, "authorization_endpoint").split("/")[:3])
        return with_query(provider.logout_endpoint or f"{origin}{path}", {**own, back: return_to})

    async def _refused(self, name: str, error: AirError, source: str) -> None:
        """Write down that somebody did not get in; who did is written by the directory."""
        event = self._audit.event(
            NOBODY, "user:login", f"provider/{name}", None, decision="deny", outcome="refused",
            reason=f"{error.code}: {error.message}{f', from {source}' if source else ''}",
        )  # fmt: skip
        await self._audit.record(event)
