"""The table of URLs against every feature that takes one, in a registry that is put together as in production.

A third of it, more than 60 of every sort: `test_guard.py` and `test_pinning.py` hold the guard and both transports
against all. Nothing is exempted here, and the resolver answers for names of which no feature may ask. Push
notifications of agents, documents of clients and servers of embeddings have tests of the same kind at their own places:
`tests/gateway/a2a/test_push.py`, `tests/oauth/test_client_document_egress.py` and `tests/embedders/test_remote.py`.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import httpx2
import pytest

from airegistry.app import App, running
from airegistry.core.assets import Agent, Json, Server, Tool
from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import Shelf
from airegistry.core.validation import validated
from airegistry.egress import guard
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_discovery import AuthorizationServer, locate
from airegistry.egress.oauth_grants import register
from airegistry.egress.oauth_tokens import ClientCredentials, TokenEndpoint
from airegistry.settings import Settings
from tests.core.wiring import NOON
from tests.egress.conftest import Connects
from tests.egress.servers import Answers, always, raw_server
from tests.support.ssrf import PUBLIC, REFUSED, assert_refused

pytestmark = pytest.mark.anyio
TOKEN = "operator-" + secrets.token_urlsafe(32)
GOOD = "https://good.example/mcp"
CARD: Json = {"name": "a", "description": "a", "version": "1", "skills": [], "capabilities": {}, "protocolVersion": "1"}
Feature = Callable[["Product", str], Awaitable[object]]


class Product:
    """A registry beyond loopback, without exemptions, and what its resolver was asked for."""

    def __init__(self, app: App, resolver: Answers) -> None:
        self.app = app
        self.resolver = resolver
        self._count = 0

    @property
    def path(self) -> str:
        """A path that is free."""
        self._count += 1
        return f"p{self._count}"

    async def stored(self, kind: str, url: str, **fields: object) -> str:
        """An asset with a URL that never came in by a door, fetched and enabled: from an older release, say."""
        path = self.path
        fields.setdefault("url", url)
        body: Json = {"kind": kind, "path": path, "name": path, **fields}  # type: ignore[dict-item]  # JSON
        asset = validated(body)
        if kind == "server":
            asset = asset.model_copy(update={"fetched_at": NOON, "tools": [Tool(name="echo")]})
        await shelf_of(self.app).create(asset)
        return path

    async def post(self, path: str, body: Json) -> None:
        """A request by the operator, whose refusal is raised."""
        transport = httpx2.ASGITransport(self.app.asgi)
        headers = {
            "authorization": f"Bearer {TOKEN}", "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28", "mcp-method": str(body["method"]), "mcp-name": "echo",
        }  # fmt: skip
        async with httpx2.AsyncClient(transport=transport, base_url="https://registry.example") as client:
            answer = await client.post(path, json=body, headers=headers)
        if answer.status_code in {400, 502}:
            raise UpstreamFailed(answer.text)
        raise AssertionError(f"{answer.status_code}: {answer.text}")


def shelf_of(app: App) -> Shelf:
    """Where the registry keeps assets, past all its doors."""
    return app.services.catalog._shelf


@asynccontextmanager
async def product(folder: Path, *answers: list[str], allow: str = "") -> AsyncIterator[Product]:
    """A registry whose names resolve to some addresses, one list after the other; `allow` is exempted."""
    resolver = Answers(*(answers or ([PUBLIC],)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "system_resolve", resolver)
        settings = Settings(
            data=folder, host="0.0.0.0", tls_terminated=True, public_url="https://registry.example",
            embedder="none", admin_token=TOKEN, fetch_timeout=5, first_byte_timeout=5,
            egress_allow=[allow] if allow else [],
        )  # fmt: skip
        async with running(settings) as app:
            yield Product(app, resolver)


def server(path: str, url: str, **fields: object) -> Json:
    return {"kind": "server", "path": path, "name": path, "url": url, **fields}  # type: ignore[dict-item]  # JSON


async def registered(it: Product, url: str, *, fetch: bool) -> None:
    await it.app.services.catalog.register(SYSTEM, validated(server(it.path, url)), fetch=fetch)


async def updated(it: Product, url: str) -> None:
    path = await it.stored("server", GOOD)
    await it.app.services.catalog.update(SYSTEM, "server", path, {"url": url})


async def further_version(it: Product, url: str) -> None:
    path = await it.stored("server", GOOD)
    await it.app.services.catalog.register(SYSTEM, validated(server(path, url, version="2.0.0")), fetch=False)


async def refreshed(it: Product, url: str) -> None:
    await it.app.services.catalog.refresh(SYSTEM, await it.stored("server", url))


async def called(it: Product, url: str) -> None:
    await it.app.services.invocation.call_tool(SYSTEM, await it.stored("server", url), "echo", {})


async def through_the_gateway(it: Product, url: str) -> None:
    meta: Json = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    }  # fmt: skip
    params: Json = {"name": "echo", "arguments": {}, "_meta": meta}
    path = await it.stored("server", url)
    await it.post(f"/{path}/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


async def agent_by_url(it: Product, url: str) -> None:
    await it.app.services.intake.agent(SYSTEM, it.path, url=url, governance={})


async def agent_by_card(it: Product, url: str) -> None:
    await it.app.services.intake.agent(SYSTEM, it.path, card={**CARD, "url": url}, governance={})


async def skill_by_url(it: Product, url: str) -> None:
    await it.app.services.intake.skill(SYSTEM, it.path, url=url, governance={})


async def health_checked(it: Product, url: str, kind: str, field: str) -> None:
    path = it.path
    asset = validated({"kind": kind, "path": path, "name": path}).model_copy(update={field: url})
    assert isinstance(asset, Server | Agent)
    look = await it.app.services.health._look(asset)
    if look.error is not None:
        raise UpstreamFailed(look.error)


async def credential(it: Product, url: str, **fields: str) -> None:
    """A credential with this endpoint, and a token got with it."""
    path = await it.stored("server", GOOD)
    given: Json = {"kind": "oauth_client", "client_id": "c", "client_secret": "s" * 20, **fields}
    credentials = it.app.identity.credentials
    try:
        await credentials.put(SYSTEM, path, {name: url if value == "URL" else value for name, value in given.items()})
        found = await shelf_of(it.app).get("server", path)
        assert found is not None
        await credentials.headers(SYSTEM, found[0])  # type: ignore[arg-type]  # a server, by its kind
    finally:
        await it.app.services.catalog.delete(SYSTEM, "server", path)


async def provider_metadata(it: Product, url: str) -> None:
    await it.app.identity.remote.metadata(url)


async def signing_keys(it: Product, url: str) -> None:
    await it.app.identity.remote.keys(url, None)


async def strangers_keys(it: Product, url: str) -> None:
    await it.app.identity.strangers.keys(url, None)


FEATURES: dict[str, Feature] = {
    "registration": partial(registered, fetch=True),
    "registration without fetching": partial(registered, fetch=False),
    "update": updated,
    "a further version": further_version,
    "refresh": refreshed,
    "call_tool": called,
    "the gateway": through_the_gateway,
    "an agent card by URL": agent_by_url,
    "an endpoint in an agent card": agent_by_card,
    "a skill by URL": skill_by_url,
    "health of a server": partial(health_checked, kind="server", field="url"),
    "health of an agent": partial(health_checked, kind="agent", field="url"),
    "health_url": partial(health_checked, kind="agent", field="health_url"),
    "card_url": partial(health_checked, kind="agent", field="card_url"),
    "token_endpoint of a credential": partial(credential, token_endpoint="URL"),
    "issuer of a credential": partial(credential, issuer="URL"),
    "metadata of providers": provider_metadata,
    "keys of providers and issuers": signing_keys,
    "keys of clients": strangers_keys,
}


LOOKS_AT_THE_SERVER_TOO = frozenset({"issuer of a credential"})
"""Features that ask the harmless server as well: what its metadata names is compared."""


async def test_nothing_fetches_what_it_must_not(tmp_path: Path) -> None:
    async with product(tmp_path) as it:
        for name, feature in FEATURES.items():
            aside = frozenset({PUBLIC}) if name in LOOKS_AT_THE_SERVER_TOO else frozenset[str]()
            before = it.resolver.asked
            try:
                await assert_refused(partial(feature, it), REFUSED[::3], errors=(Invalid, UpstreamFailed), aside=aside)
            except AssertionError as failure:
                raise AssertionError(f"{name}: {failure}") from failure
            assert aside or it.resolver.asked == before, name


@pytest.mark.parametrize("endpoint", ["token_endpoint", "registration_endpoint", "issuer"])
async def test_the_outgoing_oauth_client_asks_no_hostile_endpoint(endpoint: str) -> None:
    answers = Answers([PUBLIC])

    async def check(url: str) -> None:
        at = AuthorizationServer(
            resource="",
            issuer="https://as.example",
            authorization_endpoint=GOOD,
            token_endpoint=url,
            registration_endpoint=url,
        )
        match endpoint:
            case "token_endpoint":
                client = ClientCredentials(issuer="https://as.example", client_id="c")
                await TokenEndpoint(http, at).ask(client, {"grant_type": "client_credentials"})
            case "registration_endpoint":
                await register(http, at, {"client_name": "c"})
            case _:
                await locate(http, url, url)

    async with JsonHttp(Guard(resolve=answers)) as http:
        await assert_refused(check, errors=(AirError,))
    assert answers.asked == 0


REBINDING = {name: feature for name, feature in FEATURES.items() if name not in LOOKS_AT_THE_SERVER_TOO}
LATER = {"registration without fetching", "update", "a further version", "an endpoint in an agent card"}
"""Features that check the form of a URL, and fetch it another time."""


@pytest.mark.parametrize("answers", [[["127.0.0.1"]], [["169.254.169.254"]], [[PUBLIC, "10.0.0.1"]], [["fd00::1"]]])
async def test_no_name_leads_inside(tmp_path: Path, answers: list[list[str]], connects: Connects) -> None:
    async with product(tmp_path, *answers) as it:
        for name, feature in REBINDING.items():
            if name in LATER - {"update"}:
                await feature(it, "https://rebinding.example/x")
            else:
                with pytest.raises((Invalid, UpstreamFailed)):
                    await feature(it, "https://rebinding.example/x")
    assert connects.tried == []


async def test_a_name_that_answers_otherwise_the_second_time_gains_nothing(tmp_path: Path, connects: Connects) -> None:
    """The first answer is public: a connection is tried to it, and it is the only one."""
    async with product(tmp_path, [PUBLIC], ["127.0.0.1"]) as it:
        for name in sorted(REBINDING.keys() - LATER):
            it.resolver.asked = 0
            for path in ("x", "y"):
                with pytest.raises((Invalid, UpstreamFailed)):
                    await REBINDING[name](it, f"https://rebinding.example/{path}")
            assert it.resolver.asked >= 2, name
            assert set(connects.tried) <= {PUBLIC}, name


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_inside_is_not_followed(tmp_path: Path, connects: Connects, status: int) -> None:
    """The server that redirects is exempted; what it redirects to is not."""
    head = b"HTTP/1.1 %d Moved\r\nlocation: http://169.254.169.254/latest/\r\n" % status
    redirecting = always(head + b"content-length: 0\r\nconnection: close\r\n\r\n")
    async with raw_server(redirecting) as port, product(tmp_path, allow=f"127.0.0.1:{port}") as it:
        for name in sorted(FEATURES.keys() - LATER):
            with suppress(Invalid, UpstreamFailed):  # for the health of an agent it is enough that something answers
                await FEATURES[name](it, f"http://127.0.0.1:{port}/x")
    assert set(connects.tried) == {"127.0.0.1", PUBLIC}  # the latter for the server of a credential
