"""The client that the conformance suite starts: the product's OAuth client under the MCP SDK's session.

What the suite starts is a few lines that hand its URL and environment (scenario, secrets, protocol version) to the
process of the tests, where the client runs: the better part of a second each would otherwise go into imports.
The "browser" is a GET of the authorization URL: the suite's servers ask nobody and redirect at once.
"""

import json
import shlex
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from urllib.parse import parse_qsl, urlsplit

import anyio
import mcp_types as types
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import is_version_at_least

from airegistry.egress.guard import Guard
from airegistry.egress.http import guarded_http
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import OAuthClient, client_metadata
from airegistry.egress.oauth_discovery import discover
from airegistry.egress.oauth_grants import ByAssertion, ByClient, ByPerson, Grant, IdentityProvider
from airegistry.egress.oauth_tokens import ClientCredentials, signer

DOCUMENT = "https://conformance-test.local/client-metadata.json"  # the suite looks for this string and fetches nothing
MODERN = "2026-07-28"
_STARTED = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.connect(sys.argv[1])
    client.sendall(json.dumps([sys.argv[2], dict(os.environ)]).encode() + b"\\n")
    sys.exit(client.makefile().read() or 0)
"""


class Redirected:
    """A browser whose person agrees to everything."""

    redirect_uri = "http://127.0.0.1:3000/callback"

    def __init__(self, http: JsonHttp) -> None:
        self._http = http

    async def visit(self, url: str) -> Mapping[str, str]:
        answer = await self._http.get(url)
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def grant_for(scenario: str, given: Mapping[str, str], url: str, http: JsonHttp) -> Grant:
    """How the scenario wants a token to be got."""
    kind = scenario.removeprefix("auth/")
    if kind.startswith("client-credentials") or kind in {"enterprise-managed-authorization", "wif-jwt-bearer"}:
        # The suite does not say which server the credentials are of; an operator would have looked it up like this.
        issuer = (await discover(http, url)).issuer
        client = ClientCredentials(issuer=issuer, client_id=given["client_id"])
        secret = client.model_copy(
            update={"client_secret": given.get("client_secret"), "method": "client_secret_basic"}
        )
        if kind == "client-credentials-basic":
            return ByClient(secret)
        if kind == "client-credentials-jwt":
            sign = signer(given["private_key_pem"], given["signing_algorithm"])
            return ByClient(client.model_copy(update={"method": "private_key_jwt"}), sign)
        if kind == "wif-jwt-bearer":
            return ByAssertion(client, lambda issuer, resource: said(given["valid_jwt"]))
        provider = IdentityProvider(
            http, given["idp_token_endpoint"], given["idp_client_id"], lambda: said(given["idp_id_token"])
        )
        return ByAssertion(secret, provider.assertion)
    registered = None
    if kind == "pre-registration":
        registered = ClientCredentials(
            issuer=given["issuer"],
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            method="client_secret_basic",
        )
    document = DOCUMENT if kind == "basic-cimd" else None
    metadata = client_metadata("airegistry conformance")
    return ByPerson(Redirected(http), metadata, registered, document)


async def said(text: str) -> str:
    """A fixed assertion."""
    return text


async def act(url: str, environ: Mapping[str, str]) -> None:
    """List the tools and call each one, twice where the scenario changes in between."""
    scenario = environ["MCP_CONFORMANCE_SCENARIO"]
    given = json.loads(environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    version = environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", MODERN)
    guard = Guard(loopback=True)
    async with JsonHttp(guard) as http:
        auth = OAuthClient(url, await grant_for(scenario, given, url, http), http)
        info = types.Implementation(name="airegistry-conformance", version="1")
        async with (
            guarded_http(guard, auth=auth) as client,
            streamable_http_client(url, http_client=client) as (read, write),
            ClientSession(read, write, client_info=info) as session,
        ):
            if is_version_at_least(version, MODERN):
                raw = await session.send_discover(MODERN)
                session.adopt(types.DiscoverResult.model_validate(raw, by_name=False))
            else:
                await session.initialize()
            for tool in (await session.list_tools()).tools:
                await session.call_tool(tool.name, {})


class _Run(StreamRequestHandler):
    """One run of the client: answers with what it fell over, and with nothing when all went well."""

    def handle(self) -> None:
        url, environ = json.loads(self.rfile.readline())
        try:
            anyio.run(act, url, environ)
        except Exception:  # noqa: BLE001  # whatever it is, the suite has to see a client that failed
            self.wfile.write(traceback.format_exc().encode())


@contextmanager
def client_command(folder: Path) -> Iterator[str]:
    """The command that the suite is to start, and what stands behind it."""
    path = str(folder / "client.sock")
    with ThreadingUnixStreamServer(path, _Run) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield shlex.join([sys.executable, "-ISc", _STARTED, path])
        finally:
            server.shutdown()
            thread.join()
