"""As whom sources of AWS are read: keys of the source or of the environment, and roles assumed with them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.core.sources import Source, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.egress.oauth_discovery import checked_url
from airegistry.sources.reading import read

if TYPE_CHECKING:
    from airegistry.egress.aws import Aws, AwsKeys, AwsPlace

ACCOUNT = "{account}"
REGION = "{region}"
MAX_PLACES = 1_000
AT_ONCE = 5
"""Calls for the details of a page that are under way at once."""

Region = Annotated[str, Field(pattern=r"^[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$", max_length=32)]
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
RoleArn = Annotated[
    str, Field(pattern=r"^arn:aws[a-z-]*:iam::(\{account\}|[0-9]{12}):role/[A-Za-z0-9+=,.@_/-]{1,512}$", max_length=600)
]
Glob = Annotated[str, Field(min_length=1, max_length=256)]


class AwsOptions(BaseModel):
    """Which regions and accounts are read. `role_arn` is assumed first, in each of `accounts` in place of `{account}`.

    `sts_url` stands in place of the URL of STS, and the URL of the source in place of that of the API, where `{region}`
    is the region: an interface endpoint of a network of one's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: list[Region] = Field(min_length=1, max_length=50)
    accounts: list[AccountId] = Field(default_factory=list, max_length=100)
    role_arn: RoleArn | None = None
    external_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9+=,.@:/_-]{2,1224}$")
    sts_url: str | None = Field(default=None, min_length=1, max_length=2048)
    filter: list[Glob] = Field(default_factory=list, max_length=100)


class AwsSecrets(BaseModel):
    """A key pair of the source's own; without one that of the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_key_id: SecretStr | None = Field(default=None, min_length=16, max_length=128)
    secret_access_key: SecretStr | None = Field(default=None, min_length=1, max_length=256)
    session_token: SecretStr | None = Field(default=None, min_length=1, max_length=16_384)


@dataclass(frozen=True, slots=True)
class Where:
    """One account in one region. `role_arn` is None for the account of the keys themselves."""

    region: str
    role_arn: str | None


def check(guard: Guard, config: SourceConfig, options: AwsOptions) -> None:
    """Whether a source of AWS can be read as it is configured.

    Raises:
        Invalid: it cannot; or botocore is not installed.
    """
    if find_spec("botocore") is None:
        raise Invalid("sources of AWS need boto3: install airegistry[aws]", field="kind")
    secrets = read(AwsSecrets, config.secrets)
    if (secrets.access_key_id is None) != (secrets.secret_access_key is None):
        raise Invalid("access_key_id and secret_access_key go together", field="secrets")
    if secrets.session_token is not None and secrets.access_key_id is None:
        raise Invalid("a session_token is one of an access_key_id", field="secrets")
    if options.accounts and (options.role_arn is None or ACCOUNT not in options.role_arn):
        raise Invalid(f"accounts are reached by a role_arn with {ACCOUNT} in it", field="role_arn")
    if options.role_arn is not None and ACCOUNT in options.role_arn and not options.accounts:
        raise Invalid(f"role_arn has {ACCOUNT} in it, and no accounts are given", field="accounts")
    if options.external_id is not None and options.role_arn is None:
        raise Invalid("an external_id is for a role_arn", field="external_id")
    if len(places(options)) > MAX_PLACES:
        raise Invalid(f"accounts times regions are more than {MAX_PLACES}", field="accounts")
    for url, field in ((config.url, "url"), (options.sts_url, "sts_url")):
        for region in options.regions if url else ():
            _check(guard, (url or "").replace(REGION, region), field)


def places(options: AwsOptions) -> Sequence[Where]:
    """Every account and region that is read, in order."""
    roles: list[str | None] = [options.role_arn]
    if options.role_arn is not None and options.accounts:
        roles = [options.role_arn.replace(ACCOUNT, account) for account in dict.fromkeys(options.accounts)]
    return [Where(region, role) for role in roles for region in dict.fromkeys(options.regions)]


Chosen = TypeVar("Chosen", bound=AwsOptions)


class AwsDriver(Generic[Chosen]):
    """The driver of a kind with these options, whose passes `begin` makes. Fills `sources.open.Driver`.

    `machine`: see `Aws`.
    """

    def __init__(
        self,
        guard: Guard,
        options: type[Chosen],
        begin: "Callable[[Aws, Access, Chosen], Source]",
        *,
        machine: bool = False,
    ) -> None:
        self._guard = guard
        self._options = options
        self._begin = begin
        self._machine = machine

    def check(self, config: SourceConfig) -> None:
        """See `SourceDrivers`."""
        check(self._guard, config, read(self._options, config.options))

    @asynccontextmanager
    async def open(self, config: SourceConfig) -> AsyncIterator[Source]:
        """See `SourceDrivers`."""
        options = read(self._options, config.options)
        check(self._guard, config, options)
        from airegistry.egress.aws import Aws  # of the extra `aws`

        async with Aws(self._guard, machine=self._machine) as aws:
            yield self._begin(aws, Access(aws, config, options), options)


class Access:
    """The places of one pass, each role assumed once and when it is first needed."""

    def __init__(self, aws: "Aws", config: SourceConfig, options: AwsOptions) -> None:
        self._aws = aws
        self._options = options
        self._url = config.url
        self._name = "".join(char if char.isalnum() and char.isascii() else "-" for char in config.name)[:40]
        self._own = _keys(read(AwsSecrets, config.secrets))
        self._assumed: dict[str, AwsKeys] = {}

    async def at(self, where: Where) -> "AwsPlace":
        """The place that calls are made at.

        Raises:
            CredentialRefused, RateLimited, UpstreamFailed, Invalid: see `Aws.assume`.
        """
        from airegistry.egress.aws import AwsPlace  # of the extra `aws`

        keys, role = self._own, where.role_arn
        if role is not None:
            if role not in self._assumed:
                sts = AwsPlace(where.region, self._own, _endpoint(self._options.sts_url, where.region))
                self._assumed[role] = await self._aws.assume(
                    role, self._options.external_id, sts, session=f"airegistry-{self._name}"
                )
            keys = self._assumed[role]
        return AwsPlace(where.region, keys, _endpoint(self._url, where.region))


class Way:
    """How far a pass has come: over `legs`, each listed in pages by AWS. Its positions are the `after` of pages."""

    def __init__(self, legs: int) -> None:
        self._legs = legs
        self._seen: set[str] = set()

    def position(self, after: str | None) -> tuple[int, str]:
        """The leg, and the token of the page in it, empty for the first one.

        Raises:
            UpstreamFailed: it is no position of this way.
        """
        try:
            leg, token = json.loads(after) if after is not None else (0, "")
        except ValueError:
            leg, token = -1, ""
        if not isinstance(leg, int) or not isinstance(token, str) or not 0 <= leg < self._legs:
            raise UpstreamFailed("this page does not follow any of the source's")
        return leg, token

    def after(self, leg: int, token: str) -> str | None:
        """The position after a page of a leg, whose next page has this token, if there is one; None at the end.

        Raises:
            UpstreamFailed: it has been there before: the list would never end.
        """
        if not token:
            return json.dumps([leg + 1, ""]) if leg + 1 < self._legs else None
        following = json.dumps([leg, token])
        if following in self._seen:
            raise UpstreamFailed("AWS gave a token for the next page that it had given before: its list has no end")
        self._seen.add(following)
        return following


async def details(listed: Sequence[Json], ask: Callable[[Json], Awaitable[Json]]) -> list[Json]:
    """What AWS says of each of these, in their order; what is gone meanwhile is left out.

    Raises:
        AirError: see `Aws.call`; of several the first one.
    """
    from airegistry.egress.aws import AwsMissing  # of the extra `aws`

    found: list[Json | None] = [None] * len(listed)
    limiter = anyio.CapacityLimiter(AT_ONCE)
    failed: list[AirError] = []

    async def one(place: int) -> None:
        async with limiter:
            try:
                found[place] = await ask(listed[place])
            except AwsMissing:
                return
            except AirError as error:
                failed.append(error)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for place in range(len(listed)):
            group.start_soon(one, place)
    if failed:
        raise failed[0]
    return [each for each in found if each is not None]


def wanted(name: str, globs: Sequence[str]) -> bool:
    """Whether a name is one of those that are read; all are without globs."""
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def _keys(secrets: AwsSecrets) -> "AwsKeys | None":
    from airegistry.egress.aws import AwsKeys  # of the extra `aws`

    if secrets.access_key_id is None or secrets.secret_access_key is None:
        return None
    token = secrets.session_token
    keys = AwsKeys(secrets.access_key_id.get_secret_value(), secrets.secret_access_key.get_secret_value())
    return keys if token is None else replace(keys, session_token=token.get_secret_value())


def _endpoint(url: str | None, region: str) -> str | None:
    return url.replace(REGION, region).rstrip("/") if url else None


def _check(guard: Guard, url: str, field: str) -> None:
    try:
        checked_url(url, field)
    except UpstreamFailed as error:
        raise Invalid(error.message, field=field) from None
    if "?" in url:
        raise Invalid(f"the {field} has no query", field=field)
    guard.check_url(url)
