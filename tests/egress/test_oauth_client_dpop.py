"""Tokens that are bound to a key: what the proofs say, and that the key outlives the process."""

import base64
import hashlib

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.dpop import ProofKey
from airegistry.egress.guard import Guard
from airegistry.egress.http import guarded_http
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import InMemory, OAuthClient, client_metadata
from airegistry.egress.oauth_grants import ByPerson
from tests.support.oauth_world import Agrees, OAuthWorld

pytestmark = pytest.mark.anyio

DPOP = {"dpop_signing_alg_values_supported": ["ES256"]}


async def post(auth: OAuthClient, url: str) -> str:
    async with guarded_http(Guard(loopback=True), auth=auth) as client:
        return (await client.post(url, json={})).text


def opened(proof: str | None) -> jwt.Token:
    """A proof whose signature is that of the public key inside it."""
    assert proof is not None
    head = proof.partition(".")[0]
    public = orjson.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["jwk"]
    assert "d" not in public
    return jwt.decode(proof, ECKey.import_key(public), algorithms=["ES256"])


def test_a_proof_names_the_request_and_the_token_and_is_fresh() -> None:
    key = ProofKey()
    first, second = (opened(key.proof("POST", "https://a.example.org/mcp?q#f", "token")) for _ in range(2))
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"token").digest()).decode().rstrip("=")
    assert (first.header["typ"], first.claims["ath"]) == ("dpop+jwt", digest)
    assert (first.claims["htm"], first.claims["htu"]) == ("POST", "https://a.example.org/mcp")
    assert first.claims["jti"] != second.claims["jti"]
    assert "nonce" not in first.claims


def test_a_nonce_is_used_where_it_came_from() -> None:
    key = ProofKey()
    assert key.learn("https://a.example.org/token", "n1")
    assert not key.learn("https://a.example.org/token", "n1")
    assert not key.learn("https://a.example.org/token", None)
    assert not key.learn("https://a.example.org/token", "n" * 1000)
    assert opened(key.proof("POST", "https://a.example.org/mcp")).claims["nonce"] == "n1"
    assert "nonce" not in opened(key.proof("POST", "https://b.example.org/mcp")).claims


def test_nonces_of_many_hosts_do_not_add_up() -> None:
    key = ProofKey()
    for number in range(1000):
        key.learn(f"https://h{number}.example.org/", "n")
    assert "nonce" not in opened(key.proof("GET", "https://h0.example.org/")).claims
    assert "nonce" in opened(key.proof("GET", "https://h999.example.org/")).claims


async def test_a_bound_token_is_sent_with_proofs_of_one_key_also_after_a_restart(
    world: OAuthWorld, http: JsonHttp
) -> None:
    world.metadata, world.given, keep = DPOP, {"token_type": "DPoP"}, InMemory()
    grant = ByPerson(Agrees(http), client_metadata("test"))
    assert await post(OAuthClient(world.mcp, grant, http, keep), world.mcp) == "welcome"
    assert await post(OAuthClient(world.mcp, grant, http, keep), world.mcp) == "welcome"
    first, second = (opened(proof) for proof in world.proofs[-2:])
    assert first.header["jwk"] == second.header["jwk"]
    assert first.claims["htu"] == world.mcp
    held = await keep.load()
    assert held is not None
    assert held.key is not None
    assert str(held.key["d"]) not in repr(held)


async def test_a_server_that_binds_no_token_after_all_gets_it_as_a_bearer(world: OAuthWorld, http: JsonHttp) -> None:
    world.metadata = DPOP
    auth = OAuthClient(world.mcp, ByPerson(Agrees(http), client_metadata("test")), http)
    assert await post(auth, world.mcp) == "welcome"
    assert world.proofs[-1] is None


async def test_a_bound_token_that_nobody_asked_for_is_refused(world: OAuthWorld, http: JsonHttp) -> None:
    world.given = {"token_type": "DPoP"}
    auth = OAuthClient(world.mcp, ByPerson(Agrees(http), client_metadata("test")), http)
    with pytest.raises(UpstreamFailed, match="not asked for"):
        await post(auth, world.mcp)
