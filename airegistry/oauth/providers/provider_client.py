"""What the registry asks of an identity provider: metadata, tokens for a code, claims, groups."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from pydantic import JsonValue

from airegistry.core.documents import Json
from airegistry.core.errors import AccessDenied, Unauthenticated, UpstreamFailed
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.messages import printable
from airegistry.oauth.providers.id_tokens import IdTokens, subject_of
from airegistry.oauth.providers.login_states import Started
from airegistry.oauth.providers.profiles import groups_in, is_template, overage, places, refined, template
from airegistry.oauth.providers.providers import IdentityProvider, Providers
from airegistry.oauth.providers.remote_keys import RemoteKeys
from airegistry.oauth.providers.vendor_apis import github_claims, github_metadata, graph_groups

MAX_TEXT = 256
FEDERATED = "fed"
"""The method (`amr`) of a login whose provider does not say how the person signed in there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as a provider describes them: `sub` is unique at this provider, groups are as the policy knows them.

    `known_as` are further ids of theirs, and `verified` says that the e-mail is theirs.
    """

    sub: str
    name: str
    email: str
    groups: list[str]
    amr: list[str]
    sid: str
    id_token: str
    known_as: Sequence[str] = ()
    verified: bool = False


@dataclass(frozen=True, slots=True)
class _Tokens:
    access: str
    id: str


class ProviderClient:
    """Speaks to providers as an OAuth client of theirs. Nothing is asked before somebody wants to log in."""

    def __init__(self, providers: Providers, remote: RemoteKeys, http: JsonHttp, tokens: IdTokens) -> None:
        self._providers = providers
        self._remote = remote
        self._http = http
        self._tokens = tokens

    async def metadata(self, provider: IdentityProvider) -> Json:
        """The provider's endpoints.

        Raises:
            Invalid: they are none that may be used.
            UpstreamFailed: it does not tell them.
        """
        if provider.profile == "github":
            return github_metadata(provider.issuer)
        return await self._remote.metadata(provider.issuer, named=template(provider.issuer))

    async def keys(self, metadata: Json) -> int:
        """How many keys that count here a provider publishes.

        Raises:
            Invalid, UpstreamFailed: it does not tell.
        """
        return len((await self._remote.keys(endpoint(metadata, "jwks_uri"), None)).keys)

    async def identity(self, provider: IdentityProvider, code: str, started: Started) -> Identity:
        """Who logged in, by the code the provider sent the browser back with.

        Raises:
            AccessDenied: somebody who is not let in.
            Unauthenticated: the provider's answer does not prove anybody.
            Invalid, UpstreamFailed: the provider cannot be asked.
        """
        metadata = await self.metadata(provider)
        tokens = await self._redeem(provider, metadata, code, started)
        if provider.profile == "github":
            claims = await github_claims(self._http, provider.api_base, tokens.access)
        else:
            claims = await self._tokens.identity(
                tokens.id, provider, metadata, nonce=started.nonce, access_token=tokens.access
            )
        groups, claims = await self._groups(provider, metadata, claims, tokens.access)
        _check_domain(provider, claims)
        amr = claims.get("amr")
        return Identity(
            sub=subject_of(provider, claims),
            name=_text(claims.get("name")) or _text(claims.get("preferred_username")),
            email=_text(claims.get("email")),
            groups=groups,
            amr=[each for each in amr if isinstance(each, str)][:20] if isinstance(amr, list) and amr else [FEDERATED],
            sid=_text(claims.get("sid")),
            id_token=tokens.id,
            known_as=_known_as(provider, claims),
            verified=_verified(provider, claims),
        )

    async def _redeem(self, provider: IdentityProvider, metadata: Json, code: str, started: Started) -> _Tokens:
        """The tokens for a code (RFC 6749 section 4.1.3, RFC 7636)."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": started.redirect_uri,
            "code_verifier": started.verifier,
        }  # fmt: skip
        headers, proof = self._credentials(provider, metadata)
        answer = await self._http.post(endpoint(metadata, "token_endpoint"), {**form, **proof}, headers=headers)
        body = answer.object()
        if answer.status != 200 or "error" in body:
            error = printable(str(body.get("error", "no error named")))
            if answer.status >= 500 or error == "invalid_client":
                raise UpstreamFailed(f"the token endpoint answered {answer.status} ({error})")
            raise Unauthenticated(f"the provider does not take the code back ({error})")
        access, id_token = body.get("access_token"), body.get("id_token")
        if not isinstance(access, str) or not access.isascii() or not access.isprintable():
            raise UpstreamFailed("the token endpoint gave no access token")
        if provider.profile == "github":
            return _Tokens(access, "")
        if not isinstance(id_token, str):
            raise UpstreamFailed("the token endpoint gave no id token")
        return _Tokens(access, id_token)

    def _credentials(self, provider: IdentityProvider, metadata: Json) -> tuple[dict[str, str], dict[str, str]]:
        """How this registry proves itself at the token endpoint: headers, and fields of the form."""
        secret, named = self._providers.secret(provider.name), {"client_id": provider.client_id}
        if secret is None or provider.token_endpoint_auth_method == "none":
            return {}, named
        offered = metadata.get("token_endpoint_auth_methods_supported")
        basic = not isinstance(offered, list) or "client_secret_basic" in offered
        if provider.token_endpoint_auth_method is not None:
            basic = provider.token_endpoint_auth_method == "client_secret_basic"
        if not basic:
            return {}, {**named, "client_secret": secret}
        pair = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"  # RFC 6749 section 2.3.1
        return {"authorization": f"Basic {b64encode(pair.encode()).decode('ascii')}"}, {}

    async def _groups(
        self, provider: IdentityProvider, metadata: Json, claims: Json, access_token: str
    ) -> tuple[list[str], Json]:
        """The person's groups as the policy knows them, and the claims, completed where userinfo was asked."""
        where = places(provider.ways, provider.groups_claim)
        names = groups_in(claims, where, provider.client_id)
        if provider.profile == "entra" and overage(claims) and provider.groups_claim in {None, "groups"}:
            names = await graph_groups(self._http, provider.api_base, access_token)
        if names is None and provider.ways.userinfo and "userinfo_endpoint" in metadata:
            claims = {**await self._userinfo(metadata, claims, access_token), **claims}
            names = groups_in(claims, where, provider.client_id)
        dn = provider.ways.dn if provider.dn_to_cn is None else provider.dn_to_cn
        groups = refined(
            names or [], wanted=provider.group_filter, renamed=provider.group_map, dn=dn,
            open_names=provider.ways.open_names,
        )  # fmt: skip
        return groups, claims

    async def _userinfo(self, metadata: Json, claims: Json, access_token: str) -> Json:
        """What userinfo adds; it is another's when `sub` differs (OpenID Connect Core section 5.3.2)."""
        url = endpoint(metadata, "userinfo_endpoint")
        answer = await self._http.get(url, headers={"authorization": f"Bearer {access_token}"})
        if answer.status != 200:
            raise UpstreamFailed(f"userinfo answered {answer.status}")
        told = answer.object()
        if told.get("sub") != claims["sub"]:
            raise Unauthenticated("userinfo is about somebody else (sub)")
        return told


def endpoint(metadata: Json, name: str) -> str:
    """An endpoint of checked metadata.

    Raises:
        UpstreamFailed: it names none.
    """
    url = metadata.get(name)
    if not isinstance(url, str):
        raise UpstreamFailed(f"the provider's metadata has no {name}")
    return url


def _check_domain(provider: IdentityProvider, claims: Json) -> None:
    if not provider.email_domains:
        return
    email = claims.get("email")
    if not isinstance(email, str) or not _verified(provider, claims):
        raise AccessDenied("the provider names no verified e-mail address, and only some domains are let in here")
    if email.rpartition("@")[2].lower() not in provider.email_domains:
        raise AccessDenied("people with an e-mail address of this domain are not let in here")


def _verified(provider: IdentityProvider, claims: Json) -> bool:
    """Whether the provider says of an e-mail address that it is the person's."""
    verified = claims.get("email_verified")
    if verified is None:
        # Whoever administers one of many tenants of Entra ID writes any address into the accounts there.
        verified = provider.ways.vouches and not is_template(provider.issuer)
    return verified in (True, "true")


def _known_as(provider: IdentityProvider, claims: Json) -> Sequence[str]:
    """The object id of Entra ID, which its provisioning knows people by: `sub` is another one for each application."""
    oid = _text(claims.get("oid"))
    return [oid] if oid and provider.profile == "entra" and not is_template(provider.issuer) else []


def _text(value: JsonValue) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) and value.isprintable() else ""
