"""Identity providers: those that administrators keep in the store, and those that the settings name."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import anyio
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from airegistry.core.access import Access
from airegistry.core.assets import Model
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Invalid, NotFound
from airegistry.core.ports import Cipher
from airegistry.core.principals import Principal
from airegistry.core.users import LOCAL
from airegistry.core.validation import invalid
from airegistry.egress.guard import parse_url
from airegistry.oauth.providers.profiles import PROFILES, Profile, ProfileName, is_template, tenant_issuer
from airegistry.oauth.providers.remote_keys import check_transport

GITHUB, GITHUB_API, GRAPH = "https://github.com", "https://api.github.com", "https://graph.microsoft.com/v1.0"
COLLECTION = "identity_providers"
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Text = Annotated[str, Field(min_length=1, max_length=512)]


class IdentityProvider(Model):
    """How persons log in at one provider. Without its secret, which is sealed and kept beside it.

    `issuer` is compared exactly, as the provider spells it (for GitHub: the address persons use). `api` is the base of
    Microsoft Graph or of GitHub's REST API. `groups_claim` is the name of a claim or a path as in `a.b.c`.
    """

    name: Name
    profile: ProfileName = "oidc"
    title: str = Field(default="", max_length=80)
    issuer: str = Field(default="", max_length=512)
    client_id: Text
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] | None = None
    scopes: list[Text] = Field(default_factory=list)
    groups_claim: Text | None = None
    group_filter: list[Text] = Field(default_factory=list)
    group_map: dict[str, Text] = Field(default_factory=dict)
    dn_to_cn: bool | None = None
    email_domains: list[Text] = Field(default_factory=list)
    tenants: list[Text] = Field(default_factory=list)
    max_age: int | None = Field(default=None, ge=0)
    logout_endpoint: str | None = None
    api: str = ""
    enabled: bool = True

    @field_validator("email_domains", "tenants")
    @classmethod
    def _lower(cls, value: list[str]) -> list[str]:
        return [each.lower().removeprefix("@") for each in value]

    @model_validator(mode="after")
    def _fits(self) -> "IdentityProvider":
        if self.name == LOCAL:
            raise ValueError(f"{LOCAL!r} is the name of the registry's own users")
        if not self.issuer and self.profile != "github":
            raise ValueError("an issuer is needed")
        if is_template(self.issuer) and not (self.profile == "entra" and self.tenants):
            raise ValueError("an issuer for many tenants needs the profile `entra` and the list of `tenants`")
        if self.tenants and self.profile != "entra":
            raise ValueError("only the profile `entra` knows tenants")
        for url in (self.issuer, self.api, self.logout_endpoint):
            if url:
                _check_url(url)
        return self

    @property
    def ways(self) -> Profile:
        """Its profile."""
        return PROFILES[self.profile]

    @property
    def label(self) -> str:
        """What its button says."""
        return self.title or self.ways.title

    @property
    def api_base(self) -> str:
        """Where its groups are asked for, without a slash at the end."""
        return (self.api or (GITHUB_API if self.profile == "github" else GRAPH)).rstrip("/")


class _Kept(Model):
    """What the store holds: the provider and its sealed secret."""

    provider: IdentityProvider
    secret: str | None = None


class Providers:
    """Keeps identity providers. `fixed` are those of the settings: they are read-only, and come first."""

    def __init__(
        self,
        store: DocumentStore,
        access: Access,
        audit: Audit,
        cipher: Cipher,
        fixed: Iterable[Mapping[str, object]] = (),
    ) -> None:
        self._kept = Repository(store, COLLECTION, _Kept)
        self._access = access
        self._audit = audit
        self._cipher = cipher
        self._fixed: dict[str, _Kept] = {}
        for fields in fixed:
            self._fix(fields)
        self._known = dict(self._fixed)
        self._listeners: list[Callable[[str], Awaitable[object]]] = []
        self._lock = anyio.Lock()

    async def reload(self) -> None:
        """Read the stored providers."""
        self._known = {**{name: kept async for name, kept in self._kept.find()}, **self._fixed}

    async def follow(self) -> None:
        """Take over what another process wrote; it has ended the sessions that this ends."""
        async with self._lock:  # a slow reader must not put what it read over what was written meanwhile
            await self.reload()

    def subscribe(self, listener: Callable[[str], Awaitable[object]]) -> None:
        """Have a function called with the name of each provider that was removed or switched off."""
        self._listeners.append(listener)

    def choices(self) -> list[tuple[str, str]]:
        """Name and title of every provider that persons may log in with."""
        return sorted((name, kept.provider.label) for name, kept in self._known.items() if kept.provider.enabled)

    def known(self, name: str) -> IdentityProvider | None:
        """A provider, switched on or off."""
        kept = self._known.get(name)
        return None if kept is None else kept.provider

    def get(self, name: str) -> IdentityProvider:
        """A provider that is switched on.

        Raises:
            NotFound: there is none.
        """
        provider = self.known(name)
        if provider is None or not provider.enabled:
            raise NotFound(f"no identity provider named {name[:64]!r}")
        return provider

    def secret(self, name: str) -> str | None:
        """The secret this registry has at a provider.

        Raises:
            Internal: it was sealed under another key.
        """
        kept = self._known.get(name)
        return None if kept is None or kept.secret is None else self._cipher.decrypt(kept.secret)

    def person(self, issuer: str, sub: str) -> str | None:
        """The id of the user that a subject of an issuer is here; None when nobody logs in through that issuer, and
        the id of nobody while its provider is switched off."""
        for name, kept in self._known.items():
            provider = kept.provider
            issuers = [tenant_issuer(provider.issuer, tenant) for tenant in provider.tenants] or [provider.issuer]
            if issuer in issuers:
                return f"{name}:{sub}" if provider.enabled else ""
        return None

    def read_only(self, name: str) -> bool:
        """Whether the settings define it."""
        return name in self._fixed

    async def put(self, who: Principal, fields: Mapping[str, object], *, secret: str | None = None) -> IdentityProvider:
        """Create or replace a provider; without a `secret` the one it has is kept, an empty one takes it away.

        Profile and issuer stay as they are: users are named after the provider, and another's would be taken for them.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Conflict: the settings define it, or its profile or issuer would change.
            Invalid: a field does not fit.
        """
        async with self._undivided():
            async with self._audit.attempt(who, "provider:put", f"provider/{fields.get('name')}") as attempt:
                attempt.reason = self._access.require(who, "policy").reason
                provider = _provider(fields)
                found = await self._kept.find_one(provider.name)
                if found is not None:
                    _check_same(found[0].provider, provider)
                self._check_own(provider.name)
                old = None if found is None else found[0].secret
                sealed = old if secret is None else (self._cipher.encrypt(secret) if secret else None)
                _check_secret(provider, sealed)
                kept = _Kept(provider=provider, secret=sealed)
                await self._kept.save(provider.name, kept, expect=0 if found is None else found[1])
                self._known[provider.name] = kept
            if not provider.enabled:
                await self._tell(provider.name)
        return provider

    async def remove(self, who: Principal, name: str) -> bool:
        """Remove a provider; False when there was none. Its users stay, and cannot log in.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Conflict: the settings define it.
        """
        async with self._undivided():
            async with self._audit.attempt(who, "provider:delete", f"provider/{name}") as attempt:
                attempt.reason = self._access.require(who, "policy").reason
                self._check_own(name)
                gone = await self._kept.delete(name)
                self._known.pop(name, None)
            if gone:
                await self._tell(name)
        return gone

    def providers(self, who: Principal) -> list[IdentityProvider]:
        """All providers, without their secrets.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        self._access.require(who, "policy")
        return [self._known[name].provider for name in sorted(self._known)]

    @asynccontextmanager
    async def _undivided(self) -> AsyncIterator[None]:
        """Store, memory and sessions change together: neither another writer nor a caller who goes away parts them."""
        with anyio.CancelScope(shield=True):
            async with self._lock:
                yield

    def _check_own(self, name: str) -> None:
        if name in self._fixed:
            raise Conflict(f"identity provider {name!r} is defined in the settings: change it there")

    def _fix(self, fields: Mapping[str, object]) -> None:
        """Take over a provider of the settings.

        Raises:
            Invalid: a field does not fit, or the name is taken.
        """
        name = str(fields.get("name"))
        try:
            secret = fields.get("client_secret")
            text = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
            if not isinstance(text, str | None):
                raise Invalid("client_secret is no text")
            provider = _provider({field: value for field, value in fields.items() if field != "client_secret"})
            kept = _Kept(provider=provider, secret=self._cipher.encrypt(text) if text else None)
            _check_secret(provider, kept.secret)
            if name in self._fixed:
                raise Invalid("there are two of this name")
        except Invalid as error:
            raise Invalid(f"identity provider {name!r}: {error.message}", field="identity_providers") from None
        self._fixed[name] = kept

    async def _tell(self, name: str) -> None:
        for listener in self._listeners:
            await listener(name)


def _provider(fields: Mapping[str, object]) -> IdentityProvider:
    try:
        provider = IdentityProvider.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None
    if provider.profile == "github" and not provider.issuer:
        provider = provider.model_copy(update={"issuer": GITHUB})
    return provider


def _check_url(url: str) -> None:
    try:
        parse_url(url)
        check_transport(url)
    except Invalid as error:
        raise ValueError(error.message) from None


def _check_same(old: IdentityProvider, new: IdentityProvider) -> None:
    if (old.profile, old.issuer) != (new.profile, new.issuer):
        raise Conflict(
            f"identity provider {new.name!r} is {old.profile} at {old.issuer}: remove it first, or choose another name"
        )


def _check_secret(provider: IdentityProvider, sealed: str | None) -> None:
    method = provider.token_endpoint_auth_method
    if sealed is None and (provider.profile == "github" or method not in {None, "none"}):
        raise Invalid("a client_secret is needed", field="client_secret")
