"""Checks of what the registry rests on outside: identity providers, backends, the embedder, optional packages."""

import time
from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version

import anyio
from anyio.to_thread import run_sync

from airegistry.cli.doctor.findings import Check, Finding, fail, ok, skip, warn
from airegistry.cli.doctor.patient import Patient
from airegistry.clock import SystemClock
from airegistry.core.assets import Server
from airegistry.core.errors import AirError, UpstreamFailed
from airegistry.core.shelf import ASSETS
from airegistry.egress.backends import McpBackends
from airegistry.egress.json_http import LIMIT, Answer, JsonHttp
from airegistry.embedders.open import open_embedder
from airegistry.embedders.remote import EmbeddingServer
from airegistry.oauth.providers.profiles import template
from airegistry.oauth.providers.providers import COLLECTION as PROVIDERS
from airegistry.oauth.providers.remote_keys import RemoteKeys

SKEW = 30.0
"""Seconds that two clocks may differ; tokens are accepted a little longer than that."""
MOST, AT_ONCE, PATIENCE = 100, 8, 5.0
"""Backends that are asked, how many at once, and seconds for each."""
PACKAGES: Mapping[str, str] = {
    "pymongo": "mongo", "sentence-transformers": "sentence-transformers", "boto3": "aws", "opentelemetry-sdk": "otel",
    "stackone-defender": "classifier", "keyring": "keyring",
}  # fmt: skip
"""Optional packages, each with the extra it comes with."""


class DatedHttp(JsonHttp):
    """Remembers how far the clocks of those it asked are from ours, in seconds."""

    skews: dict[str, float]

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int = LIMIT) -> Answer:
        answer = await super().get(url, headers=headers, limit=limit)
        if (skew := skew_of(answer.headers)) is not None:
            self.skews = {**getattr(self, "skews", {}), url: skew}
        return answer


def skew_of(headers: Mapping[str, str]) -> float | None:
    """Seconds by which whoever answered is ahead of this machine, as far as its `Date` tells."""
    try:
        # A Date has whole seconds: half of one is what it is behind on average.
        return parsedate_to_datetime(headers["date"]).timestamp() + 0.5 - time.time()
    except (KeyError, ValueError):
        return None


async def _issuers(patient: Patient) -> AsyncIterator[tuple[str, str]]:
    """Name and issuer of each provider that is asked for metadata."""
    for fields in patient.settings.identity_providers:
        if fields.get("profile") != "github" and fields.get("enabled", True):
            yield str(fields.get("name") or "one without a name"), str(fields.get("issuer"))
    if patient.stores is not None:
        async for document in patient.stores.documents.find(PROVIDERS):
            provider = document.body["provider"]
            assert isinstance(provider, dict)
            if provider.get("profile") != "github" and provider.get("enabled", True):
                yield str(provider["name"]), str(provider["issuer"])


async def _identity(patient: Patient) -> Finding:
    issuers = [each async for each in _issuers(patient)]
    if not issuers:
        return skip("persons log in with local passwords only")
    async with DatedHttp(patient.guard) as http:
        remote = RemoteKeys(http, SystemClock())
        problems = []
        for name, issuer in issuers:
            try:
                metadata = await remote.metadata(issuer, named=template(issuer))
                uri = metadata.get("jwks_uri")
                if not isinstance(uri, str) or not (await remote.keys(uri, None)).keys:
                    raise UpstreamFailed("it publishes no key that signs id tokens")
            except AirError as error:
                problems.append(f"{name}: {error.message}")
        worst = max(getattr(http, "skews", {}).values(), key=abs, default=0.0)
    if problems:
        return fail("; ".join(problems), "see that its issuer is spelled as it spells it itself, and reached from here")
    if abs(worst) > SKEW:
        return fail(f"its clock is {worst:+.0f} s from this one", "set this machine's clock by NTP")
    return ok(f"{', '.join(name for name, _ in issuers)}: metadata and keys, clocks within {abs(worst):.0f} s")


async def _backends(patient: Patient) -> Finding:
    if patient.stores is None:
        return skip(patient.why)
    servers = []
    async for document in patient.stores.documents.find(ASSETS, where={"kind": "server"}):
        server = Server.model_validate(document.body)
        if server.enabled and server.url is not None and server.transport != "stdio":
            servers.append(server)
    if not servers:
        return skip("no server is registered that could be asked")
    door = McpBackends(patient.guard, deadline=PATIENCE, connect_timeout=PATIENCE)
    silent: list[str] = []
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def ask(server: Server) -> None:
        async with limiter:
            try:
                await door.ping(server)
            except AirError as error:
                # Whoever wants a credential answers.
                if "401" not in error.message:
                    silent.append(f"{server.path}: {error.message}")

    async with anyio.create_task_group() as tasks:
        for server in servers[:MOST]:
            tasks.start_soon(ask, server)
    eras = sorted({server.protocol_version or "not asked yet" for server in servers})
    asked = min(len(servers), MOST)
    saw = f"{asked - len(silent)} of {asked} answer; protocols: {', '.join(eras)}"
    if silent:
        return warn(
            f"{saw}; {'; '.join(sorted(silent)[:5])}",
            "start them, or `airegistry toggle PATH off`; one at a private address needs AIREGISTRY_EGRESS_ALLOW",
        )
    return ok(saw)


async def _embedder(patient: Patient) -> Finding:
    settings = patient.settings
    async with EmbeddingServer(patient.guard, settings.embedder_url, settings.embedder_key) as server:
        opened = open_embedder(settings.embedder, server)
        if opened is None:
            return warn("none: search goes by words alone", "leave AIREGISTRY_EMBEDDER out to search by meaning too")
        begun = time.perf_counter()
        await run_sync(opened.embed_query, "a text to try it with")
        took = (time.perf_counter() - begun) * 1000
    return ok(f"{settings.embedder}: {opened.dimensions} dimensions, {took:.0f} ms with its start")


async def _extras(patient: Patient) -> Finding:
    settings = patient.settings
    needed = {
        "pymongo": settings.store_url is not None,
        "boto3": settings.aws_registry_federation_enabled,
        "sentence-transformers": settings.embedder.startswith("sentence-transformers:"),
        "stackone-defender": settings.scan_classifier,
    }
    found = {package: _version(package) for package in PACKAGES}
    if missing := [PACKAGES[package] for package, wanted in needed.items() if wanted and found[package] is None]:
        return fail(
            f"the settings ask for what is not installed: {', '.join(missing)}",
            f"run `pip install 'airegistry[{','.join(missing)}]'`",
        )
    if (python := settings.scan_cisco_python) is not None and not python.exists():
        return fail(f"AIREGISTRY_SCAN_CISCO_PYTHON: there is no {python}", "install the extra `cisco` there")
    there = [f"{package} {number}" for package, number in found.items() if number is not None]
    return ok(", ".join(there) or "none installed, none asked for")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


CHECKS: list[Check[Patient]] = [
    Check("identity.providers", "metadata, keys and clocks of identity providers", _identity,
          "see `airegistry provider test NAME`"),
    Check("backends", "whether registered servers answer, through the guard", _backends, "start them"),
    Check("index.embedder", "whether a text gets its vector", _embedder,
          "see AIREGISTRY_EMBEDDER and AIREGISTRY_EMBEDDER_URL, or set AIREGISTRY_EMBEDDER=minilm"),
    Check("extras", "optional packages, and whether all that are asked for are there", _extras, "install them"),
]  # fmt: skip
