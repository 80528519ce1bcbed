"""Kind `asor`: agents of the Workday Agent System of Record, as its published description (v1.2) has them.

`GET …/agentDefinition` lists `{total, data}`; a definition is an A2A agent card but for its modes, tags and provider,
and names the resources of Workday that a skill uses. Pages are Workday's: `limit` and `offset`.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import anyio
from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr

from airegistry.core.errors import CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.core.sources import Offer, OfferPage, Source, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.oauth_discovery import AuthorizationServer, checked_url
from airegistry.egress.oauth_tokens import ClientCredentials, OAuthRefused, Tokens, authenticated, read_tokens
from airegistry.egress.retry_after import seconds_of
from airegistry.sources.asor_cards import offer_of
from airegistry.sources.reading import Paths, read

PAGE = 100
"""Definitions asked for in one page: the most that Workday's services give."""
MAX_PAGES = 1_000
MAX_BYTES = 16_777_216
TIMEOUT = 30.0
RETRY_AFTER = 60.0
KEEP_SECONDS = 10.0
LONGEST_TOKEN = 8192


class Options(BaseModel):
    """Where tokens come from, and how the client shows who it is there.

    `tenant` is sent as `wd-agent-tenant-alias`, where the API is asked through Workday's Agent Gateway.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_url: str = Field(min_length=1, max_length=2048)
    auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    scope: str | None = Field(default=None, min_length=1, max_length=1024)
    tenant: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,128}$")


class Secrets(BaseModel):
    """An API client of the tenant. With a refresh token it acts for the person who agreed, without one for itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: SecretStr = Field(min_length=1, max_length=2048)
    client_secret: SecretStr = Field(min_length=1, max_length=8192)
    refresh_token: SecretStr | None = Field(default=None, min_length=1, max_length=LONGEST_TOKEN)


@dataclass(slots=True)
class Login:
    """What the driver keeps of a source between passes: tokens, and the configurations that they are of.

    A refresh token that took the place of another makes a configuration more.
    """

    known: set[str] = field(default_factory=set)
    tokens: Tokens | None = None
    refresh_token: str | None = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Asor:
    """The driver. Fills `sources.open.Driver`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._logins: dict[str, Login] = {}

    def check(self, config: SourceConfig) -> None:
        """See `SourceDrivers`."""
        options = read(Options, config.options)
        read(Secrets, config.secrets)
        for url, name in ((config.url, "url"), (options.token_url, "token_url")):
            _check(url, name)
            self._guard.check_url(url)

    @asynccontextmanager
    async def open(self, config: SourceConfig) -> AsyncIterator[Source]:
        """See `SourceDrivers`."""
        options, secrets = read(Options, config.options), read(Secrets, config.secrets)
        for url, name in ((config.url, "url"), (options.token_url, "token_url")):
            _check(url, name)
        async with JsonHttp(self._guard, TIMEOUT) as http:
            yield Pass(http, config, options, Account(http, config, options, secrets, self._login(config, secrets)))

    def _login(self, config: SourceConfig, secrets: Secrets) -> Login:
        """What is known of this configuration; a changed one begins anew."""
        token = None if secrets.refresh_token is None else secrets.refresh_token.get_secret_value()
        this = _fingerprint(config, token)
        login = self._logins.get(config.name)
        if login is None or this not in login.known:
            login = self._logins[config.name] = Login(known={this}, refresh_token=token)
        return login


class Account:
    """Access tokens of one API client. Its secrets go to the token endpoint alone."""

    def __init__(self, http: JsonHttp, config: SourceConfig, options: Options, secrets: Secrets, login: Login) -> None:
        self._http = http
        self._config = config
        self._options = options
        self._login = login
        self._client = ClientCredentials(
            issuer=options.token_url,
            client_id=secrets.client_id.get_secret_value(),
            client_secret=secrets.client_secret.get_secret_value(),
            method=options.auth_method,
        )

    async def token(self, refused: str | None = None) -> str:
        """An access token that holds, and is not the one that was refused.

        Raises:
            CredentialRefused: the token endpoint does not take the client or its refresh token.
            RateLimited, UpstreamFailed, Invalid: see `core.sources.Source.page`.
        """
        async with self._login.lock:
            known = self._login.tokens
            if known is None or known.access_token == refused or known.ended(time.time()):
                known = self._login.tokens = await self._asked()
            return known.access_token

    async def _asked(self) -> Tokens:
        url, refresh = self._options.token_url, self._login.refresh_token
        form = {"grant_type": "client_credentials"}
        if refresh is not None:
            form = {"grant_type": "refresh_token", "refresh_token": refresh}
        if self._options.scope:
            form["scope"] = self._options.scope
        at = AuthorizationServer(resource="", issuer=url, authorization_endpoint="", token_endpoint=url)
        fields, headers = authenticated(at, self._client, form, None)
        answer = await self._http.post(url, fields, headers=headers)
        if answer.status == 429:
            raise RateLimited(f"{url} wants to be left alone", retry_after=seconds_of(answer.headers, RETRY_AFTER))
        if answer.status == 404:
            raise Invalid(f"there is no token endpoint at {url}", field="token_url")
        try:
            tokens = read_tokens(answer, url)
        except OAuthRefused as error:
            raise CredentialRefused(error.message) from None
        if len(tokens.refresh_token or "") > LONGEST_TOKEN:
            raise UpstreamFailed(f"{url} gave a refresh token of over {LONGEST_TOKEN} characters")
        if tokens.refresh_token is not None and tokens.refresh_token != refresh and refresh is not None:
            await self._rotated(tokens.refresh_token)
        return tokens

    async def _rotated(self, refresh_token: str) -> None:
        """Keep the refresh token that took the place of the one that was used up, before anything else is done."""
        self._login.refresh_token = refresh_token
        self._login.known.add(_fingerprint(self._config, refresh_token))
        if self._config.keep is not None:
            # A pass that is cut short here would lose it, and with it the way in.
            with anyio.move_on_after(KEEP_SECONDS, shield=True):
                await self._config.keep({"refresh_token": refresh_token})


class Pass:
    """One pass: all definitions, a page after the other. Fills `core.sources.Source`; every pass is a whole one."""

    def __init__(self, http: JsonHttp, config: SourceConfig, options: Options, account: Account) -> None:
        self._http = http
        self._url = definitions_url(config.url)
        self._options = options
        self._account = account
        self._paths = Paths("asor")
        self._seen: set[str] = set()
        self._pages = 0

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """See `core.sources.Source`; `after` is the number of definitions before the page."""
        offset = int(after) if after is not None and after.isdecimal() else 0
        answer = await self._get(f"{self._url}?limit={PAGE}&offset={offset}")
        listed, total = _listed(answer, self._url)
        offers = [self._offer(record) for record in listed]
        end = offset + len(listed)
        more = bool(listed) and (end < total if total is not None else len(listed) >= PAGE)
        self._pages += 1
        if more and self._pages >= MAX_PAGES:
            raise UpstreamFailed(f"{self._url} has no end: {MAX_PAGES} pages have been read")
        return OfferPage(offers, after=str(end) if more else None)

    def _offer(self, record: JsonValue) -> Offer:
        """An offer of a definition.

        Raises:
            UpstreamFailed: it has been there before: the list repeats itself.
        """
        offer = offer_of(record, self._url, self._paths)
        if offer.id in self._seen:
            raise UpstreamFailed(f"{self._url} lists {printable(offer.id)} twice: its pages cannot be told apart")
        self._seen.add(offer.id)
        return offer

    async def _get(self, url: str) -> Answer:
        tenant = {} if self._options.tenant is None else {"wd-agent-tenant-alias": self._options.tenant}
        token = await self._account.token()
        for last in (False, True):
            headers = {**tenant, "authorization": f"Bearer {token}"}
            answer = await self._http.get(url, headers=headers, limit=MAX_BYTES)
            if answer.status != 401 or last:
                break
            token = await self._account.token(refused=token)
        return _accepted(answer, self._url)


def definitions_url(url: str) -> str:
    """The URL of the definitions; that of the API above them is understood too."""
    base = url.rstrip("/")
    return base if base.endswith("/agentDefinition") else f"{base}/agentDefinition"


def _accepted(answer: Answer, url: str) -> Answer:
    if answer.status in {401, 403}:
        raise CredentialRefused(f"{url} wants other credentials (HTTP {answer.status})")
    if answer.status == 404:
        raise Invalid(f"there are no agent definitions at {url} (HTTP 404)", field="url")
    if answer.status == 429:
        raise RateLimited(f"{url} wants to be left alone", retry_after=seconds_of(answer.headers, RETRY_AFTER))
    if 300 <= answer.status < 400:
        to = printable(answer.headers.get("location", "nowhere").partition("?")[0])
        raise UpstreamFailed(f"{url} redirects to {to}: use that URL if it is the right one")
    if answer.status != 200:
        raise UpstreamFailed(f"{url} answered HTTP {answer.status}")
    return answer


def _listed(answer: Answer, url: str) -> tuple[Sequence[JsonValue], int | None]:
    """The definitions of a page, and how many there are in all where that is said."""
    body = answer.json()
    if isinstance(body, list):
        return body, None
    data, total = (body.get("data"), body.get("total")) if isinstance(body, dict) else (None, None)
    if not isinstance(data, list):
        raise UpstreamFailed(f"{url} answered without a list of definitions")
    if len(data) > PAGE * 50:
        raise UpstreamFailed(f"{url} answered with {len(data)} definitions at once")
    return data, total if isinstance(total, int) and not isinstance(total, bool) else None


def _check(url: str, name: str) -> None:
    try:
        checked_url(url, name)
    except UpstreamFailed as error:
        raise Invalid(error.message, field=name) from None
    if "?" in url:
        raise Invalid(f"the {name} has no query", field=name)


def _fingerprint(config: SourceConfig, refresh_token: str | None) -> str:
    """What tokens are of: where they are got and sent, and as whom."""
    rest = {name: value for name, value in config.secrets.items() if name != "refresh_token"}
    whole = repr((config.url, sorted(config.options.items(), key=str), sorted(rest.items(), key=str), refresh_token))
    return hashlib.sha256(whole.encode(errors="replace")).hexdigest()
