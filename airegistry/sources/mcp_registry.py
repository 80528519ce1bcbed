"""Kind `mcp-registry`: any registry that speaks the API of the official MCP registry, `/v0.1` or else `/v0`.

It lists every version of every server as an entry, in order of name and version, a page after the other. A whole pass
reads that list and makes one offer of the entries of a name, wherever pages are cut. Later passes ask for what was
updated since the mark; of each name in that answer all versions are read, because the answer holds those alone that
changed. Where so many names changed that this would take longer than the whole list, the whole list is read.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from airegistry.core.errors import Invalid
from airegistry.core.registry_entries import Wanted
from airegistry.core.sources import OfferPage, Source, SourceConfig
from airegistry.core.validation import invalid
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.sources.registry_api import RegistryApi
from airegistry.sources.registry_reading import Named, Whole, changes

MANY = 200
"""Changed names from which on the whole list is read: it costs a request for each 100 entries, a name costs one."""
PATIENCE = 65.0
"""Seconds that a registry may ask to be left alone in the middle of a pass without ending it."""

Glob = Annotated[str, Field(min_length=1, max_length=256)]


class Options(BaseModel):
    """What of the registry is wanted: `search` as it searches, `names` exactly, `filter` globs over the names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    search: str | None = Field(default=None, min_length=1, max_length=256)
    names: list[Glob] = Field(default_factory=list, max_length=1_000)
    filter: list[Glob] = Field(default_factory=list, max_length=100)
    latest_only: bool = False
    remotes_only: bool = False


class Secrets(BaseModel):
    """A bearer token, where the registry wants one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr | None = Field(default=None, min_length=1, max_length=16_384)


class McpRegistry:
    """The driver. Fills `sources.open.Driver`. `patience` and `pause` are seconds: see `RegistryApi`."""

    def __init__(self, guard: Guard, *, patience: float = PATIENCE, pause: float = 1.0) -> None:
        self._guard = guard
        self._patience = patience
        self._pause = pause

    def check(self, config: SourceConfig) -> None:
        """See `SourceDrivers`."""
        self._guard.check_url(_base(config.url))
        _options(config)
        _secrets(config)

    @asynccontextmanager
    async def open(self, config: SourceConfig) -> AsyncIterator[Source]:
        """See `SourceDrivers`."""
        options, token = _options(config), _secrets(config).token
        async with JsonHttp(self._guard, timeout=30.0) as http:
            secret = None if token is None else token.get_secret_value()
            yield Pass(RegistryApi(http, _base(config.url), secret, self._patience, self._pause), options)


class Pass:
    """One pass over a registry. Fills `core.sources.Source`; its pages are asked for in their order."""

    def __init__(self, api: RegistryApi, options: Options) -> None:
        self._api = api
        self._options = options
        self._wanted = Wanted(options.filter, options.latest_only, options.remotes_only)
        self._reading: Whole | Named | None = None

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """See `core.sources.Source`."""
        if after is None or self._reading is None:
            self._reading = await self._begun(since)
        return await self._reading.page(after)

    async def _begun(self, since: str | None) -> Whole | Named:
        await self._api.find()
        options, wanted = self._options, self._wanted
        if options.names:
            names: Sequence[str] = sorted(set(options.names))
            return Named(self._api, wanted, [name for name in names if wanted.takes(name)], whole=True)
        if since is not None:
            changed = await changes(self._api, options.search, since, wanted, MANY)
            if changed is not None:
                return Named(self._api, wanted, changed.names, whole=False, mark=changed.mark)
        return Whole(self._api, wanted, options.search)


def _base(url: str) -> str:
    """The URL that the API's paths are under; that of the API itself is understood too.

    Raises:
        Invalid: it has a query.
    """
    if "?" in url:
        raise Invalid("the URL of a registry has no query", field="url")
    return re.sub(r"/v0(\.1)?(/servers)?$", "", url.rstrip("/"))


def _options(config: SourceConfig) -> Options:
    try:
        return Options.model_validate(config.options)
    except ValidationError as error:
        raise invalid(error) from None


def _secrets(config: SourceConfig) -> Secrets:
    try:
        return Secrets.model_validate(config.secrets)
    except ValidationError as error:
        raise invalid(error) from None
