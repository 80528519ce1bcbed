"""Checks of a registry that runs, by what it answers. They read, and the registry records that they did."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from airegistry import __version__
from airegistry.cli.client import items
from airegistry.cli.doctor.findings import Check, Finding, fail, ok, skip, warn
from airegistry.cli.doctor.outside_checks import SKEW, skew_of
from airegistry.cli.doctor.settings_checks import LOOPBACK
from airegistry.cli.errors import Refused
from airegistry.cli.session import Session
from airegistry.cli.values import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.json_http import JsonHttp

SLOW_MS = 500.0
METADATA: Final = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True)
class Running:
    """A registry at its base URL: `http` asks what is open to all, `session` its tools."""

    url: str
    http: JsonHttp
    session: Session

    async def ask(self, tool: str) -> Json:
        """The structured answer of a tool that takes nothing.

        Raises:
            NoAnswer, Refused: there is none.
        """
        answer = (await self.session.call(tool, {})).structured
        if not isinstance(answer, dict):
            raise Refused("internal", f"{tool} answered without structured content")
        return answer

    async def metadata(self) -> Json:
        """Its authorization server metadata.

        Raises:
            UpstreamFailed: there is none.
        """
        parts = urlsplit(self.url)
        answer = await self.http.get(f"{parts.scheme}://{parts.netloc}{METADATA}{parts.path}")
        if answer.status != 200:
            raise UpstreamFailed(f"its authorization server metadata answers {answer.status}")
        return answer.object()


async def _answers(running: Running) -> Finding:
    begun = time.perf_counter()
    status = {path: (await running.http.get(f"{running.url}{path}")).status for path in ("/healthz", "/readyz")}
    took = (time.perf_counter() - begun) * 500
    if status["/healthz"] != 200:
        return fail(f"/healthz answers {status['/healthz']}", "see that a registry listens there, and its log")
    if status["/readyz"] != 200:
        return fail(f"it is up and not ready ({status['/readyz']})", "see its log: the store may not answer")
    saw = f"up and ready, {took:.0f} ms an answer"
    return warn(saw, "look at its load, and at the network between") if took > SLOW_MS else ok(saw)


async def _tls(running: Running) -> Finding:
    parts = urlsplit(running.url)
    if parts.scheme == "https":
        return ok("https, with a certificate that is trusted here")
    if parts.hostname in LOOPBACK:
        return ok("http, within this machine")
    return fail("http: tokens travel in the clear", "put TLS in front, and use its https address")


async def _issuer(running: Running) -> Finding:
    told = (await running.metadata()).get("issuer")
    if told != running.url and not _same_machine(str(told), running.url):
        return fail(
            f"it calls itself {told}: clients that come by {running.url} refuse to log in",
            f"set AIREGISTRY_PUBLIC_URL={running.url} there, or come by the other address",
        )
    return ok(str(told))


def _same_machine(one: str, other: str) -> bool:
    parts, others = urlsplit(one), urlsplit(other)
    same = (parts.scheme, parts.port, parts.path) == (others.scheme, others.port, others.path)
    return same and {parts.hostname, others.hostname} <= LOOPBACK


async def _keys(running: Running) -> Finding:
    uri = (await running.metadata()).get("jwks_uri")
    answer = await running.http.get(str(uri))
    found = items(answer.object().get("keys")) if answer.status == 200 else []
    if not found:
        return fail(f"{uri} answers {answer.status} without keys", "see its log: no token of its own can be checked")
    return ok(f"{len(found)} keys that sign tokens")


async def _clock(running: Running) -> Finding:
    skew = skew_of((await running.http.get(f"{running.url}/healthz")).headers)
    if skew is None:
        return skip("it tells no time")
    saw = f"{abs(skew):.0f} s from this machine's"
    return fail(saw, "set both clocks by NTP: tokens rest on them") if abs(skew) > SKEW else ok(saw)


async def _version(running: Running) -> Finding:
    told = str((await running.ask("healthcheck")).get("version"))
    if told != __version__:
        return warn(f"{told}, this program is {__version__}", "install the same version here and there")
    return ok(told)


async def _backends(running: Running) -> Finding:
    counts = (await running.ask("healthcheck")).get("backends")
    if not isinstance(counts, dict) or not counts:
        return skip("none that you see is asked for its health")
    saw = ", ".join(f"{count} {health}" for health, count in counts.items())
    if counts.get("unhealthy"):
        return warn(saw, "`airegistry search WORDS --health unhealthy` finds them, `airegistry health PATH` says why")
    return ok(saw)


async def _index(running: Running) -> Finding:
    found = await running.ask("index_status")
    saw = f"{found.get('embedder')}: {found.get('assets')} assets, {found.get('missing')} without vectors"
    if not found.get("ready") or found.get("missing") or found.get("stale"):
        return warn(saw, "wait until a running job ends (`airegistry index status`), or `airegistry index reindex`")
    return ok(saw)


async def _providers(running: Running) -> Finding:
    named = items((await running.ask("list_identity_providers"))["providers"])
    if not named:
        return skip("persons log in with local passwords only")
    problems = []
    for name in (str(each["name"]) for each in named if each.get("enabled")):
        told = (await running.session.call("test_identity_provider", {"name": name})).structured
        problems += [f"{name}: {each}" for each in _texts(told)]
    if problems:
        return fail("; ".join(problems), "see `airegistry provider test NAME`, and the provider's own page")
    return ok(f"{', '.join(str(each['name']) for each in named)}: metadata and keys")


def _texts(told: object) -> list[str]:
    problems = told.get("problems") if isinstance(told, dict) else None
    return [str(each) for each in problems] if isinstance(problems, list) else []


async def _audit_head(running: Running) -> Finding:
    heads = items((await running.ask("get_audit_heads"))["heads"])
    return ok(f"{len(heads)} signed heads") if heads else warn(
        "nothing of the trail is signed", "run `airegistry audit verify --running`"
    )  # fmt: skip


def _at(id_: str, looks_at: str, look: Callable[[Running], Awaitable[Finding]]) -> Check[Running]:
    return Check(id_, looks_at, look, "start it with `airegistry serve`, or name another with `--url`")


CHECKS: list[Check[Running]] = [
    _at("registry.answers", "whether it is up and ready", _answers),
    _at("registry.tls", "what encrypts the way there", _tls),
    _at("registry.issuer", "whether it knows its address", _issuer),
    _at("registry.keys", "the keys that sign its tokens", _keys),
    _at("registry.version", "whether it is of this program's version", _version),
    _at("clock", "its clock beside this one", _clock),
    _at("identity.providers", "metadata and keys of identity providers, as it sees them", _providers),
    _at("backends", "how the servers were when they were last asked", _backends),
    _at("index", "whether everything is found by its meaning", _index),
    _at("audit.head", "what is signed of the audit trail", _audit_head),
]
