"""OAuth client credentials at a peer: the secret goes to the authorization server it is for, and to nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.errors import CredentialRefused, UpstreamFailed
from tests.sources.peer.lying import LyingPeer, Reader, a_server
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
SECRETS = {"client_id": "beta", "client_secret": "s3cret/of beta"}


class Issuer:
    """An authorization server that says whatever a test wants it to; members of `metadata` replace honest ones.

    `given` are the tokens it gave, `forms` what it was sent, `proofs` the Authorization headers.
    """

    def __init__(self) -> None:
        self.metadata: Json = {}
        self.resource: Json = {}
        self.refusal: Response | None = None
        self.life = 600
        self.given: list[str] = []
        self.forms: list[Json] = []
        self.proofs: list[str | None] = []
        self.routes = [
            Route("/.well-known/oauth-authorization-server", self._metadata),
            Route("/.well-known/oauth-protected-resource/api", self._resource),
            Route("/token", self._token, methods=["POST"]),
        ]

    async def _metadata(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return JSONResponse({"issuer": base, "token_endpoint": f"{base}/token", **self.metadata})

    async def _resource(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return JSONResponse({"resource": f"{base}/api", "authorization_servers": [base], **self.resource})

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        self.forms.append(dict(form))
        self.proofs.append(request.headers.get("authorization"))
        if self.refusal is not None:
            return self.refusal
        self.given.append(f"access-{len(self.given)}")
        return JSONResponse({"access_token": self.given[-1], "token_type": "Bearer", "expires_in": self.life})


@asynccontextmanager
async def guarded(peer: LyingPeer, issuer: Issuer, /, **options: object) -> AsyncIterator[Reader]:
    """A reader of a peer that is its own authorization server."""
    app = Starlette(routes=[*peer.app().routes, *issuer.routes])
    async with serve(app) as url:
        yield Reader(url, None, SECRETS, **options)


def sent(peer: LyingPeer) -> list[str | None]:
    return [authorization for _, _, authorization in peer.seen]


async def test_one_token_serves_pass_after_pass_and_is_for_the_api() -> None:
    peer, issuer = LyingPeer({"server/a": a_server("a")}), Issuer()
    async with guarded(peer, issuer, scope="mcp") as reader:
        await reader.read()
        await reader.read()
        base = reader.config.url
    assert issuer.given == ["access-0"]
    assert {*sent(peer)} == {"Bearer access-0"}
    assert issuer.forms == [{"grant_type": "client_credentials", "scope": "mcp", "resource": f"{base}/api"}]
    assert (issuer.proofs[0] or "").startswith("Basic ")


async def test_a_token_that_ended_is_replaced_and_one_that_is_refused_once() -> None:
    peer, issuer = LyingPeer({"server/a": a_server("a")}), Issuer()
    issuer.life = 1
    async with guarded(peer, issuer) as reader:
        await reader.read()
        issuer.life = 600
        peer.refusal = JSONResponse({}, status_code=401)
        before = len(peer.seen)
        with pytest.raises(CredentialRefused):
            await reader.read()
    assert len(peer.seen) == before + 2
    assert len({*sent(peer)[before:]}) == 2


async def test_a_server_that_takes_secrets_in_the_form_alone_gets_them_there() -> None:
    peer, issuer = LyingPeer({"server/a": a_server("a")}), Issuer()
    issuer.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    async with guarded(peer, issuer) as reader:
        await reader.read()
    assert issuer.forms[0]["client_secret"] == SECRETS["client_secret"]
    assert issuer.proofs == [None]


async def test_a_secret_that_is_refused_is_not_repeated() -> None:
    peer, issuer = LyingPeer(), Issuer()
    said = f"who is {SECRETS['client_secret']}"
    issuer.refusal = JSONResponse({"error": "invalid_client", "error_description": said}, status_code=401)
    async with guarded(peer, issuer) as reader:
        with pytest.raises(CredentialRefused, match="invalid_client") as refusal:
            await reader.read()
    assert SECRETS["client_secret"] not in refusal.value.message


@pytest.mark.parametrize("member", ["token_endpoint", "issuer"])
async def test_a_peer_that_names_another_server_in_its_metadata_does_not_have_the_secret_sent_there(
    member: str,
) -> None:
    thief = Issuer()
    async with serve(Starlette(routes=thief.routes)) as elsewhere:
        issuer = Issuer()
        issuer.metadata = {member: f"{elsewhere}/token" if member == "token_endpoint" else elsewhere}
        async with guarded(LyingPeer(), issuer) as reader:
            with pytest.raises(UpstreamFailed):
                await reader.read()
        named = Issuer()
        named.resource = {"authorization_servers": [elsewhere]}
        async with guarded(LyingPeer({"server/a": a_server("a")}), named) as reader:
            await reader.read()
    assert thief.forms == []
    assert issuer.forms == []
    assert len(named.forms) == 1  # its own: the one that it names is none that was configured


async def test_an_issuer_that_an_administrator_named_is_asked_and_the_peer_is_not() -> None:
    login, unused = Issuer(), Issuer()
    peer = LyingPeer({"server/a": a_server("a")})
    async with serve(Starlette(routes=login.routes)) as elsewhere:
        unused.resource = {"authorization_servers": [elsewhere]}
        async with guarded(peer, unused, issuer=elsewhere) as reader:
            await reader.read()
    assert unused.forms == []
    assert {*sent(peer)} == {"Bearer access-0"}
    assert len(login.forms) == 1
