"""JWTs of others that are forged, stale, meant for somebody else or made for something else are nobody's."""

import base64
import hmac
import json
from collections.abc import AsyncIterator

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from airegistry.core.errors import Invalid
from airegistry.core.principals import Principal
from airegistry.oauth.issuers.foreign_jwt import peek
from airegistry.oauth.issuers.trust import trusted_issuer
from tests.oauth.issuing import URL, Json
from tests.oauth.machines import DEFAULT, WEATHER, Machines, key, machines, sign

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[Machines]:
    async with machines() as world:
        yield world


async def verify(world: Machines, token: str, resource: str = DEFAULT) -> Principal | None:
    return await world.issuers.verify(token, resource)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": -1},
        {"exp": 10**30},
        {"nbf": "now"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "x" * 300},
        {"aud": None},
        {"aud": 7},
        {"aud": []},
        {"aud": f"{URL}/other/mcp"},
        {"aud": f"{DEFAULT}/"},
        {"aud": "client-of-the-login-page"},
        {"at_hash": "x"},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"cnf": {"jkt": "x"}},
        {"events": {}},
        {"authorization_details": []},
        {"act": "somebody"},
        {"act": {"act": {"sub": "x"}}},
    ],
    ids=str,
)
async def test_claims_that_do_not_hold_make_a_token_nobodys(world: Machines, claims: Json) -> None:
    await world.trust()
    token = world.foreign.token(claims.pop("aud", DEFAULT)) if "aud" in claims else None
    if "typ" in claims:
        said = {"iss": world.foreign.url, "sub": "x", "aud": DEFAULT, "exp": world.foreign.now + 300, **claims}
        token = sign({"alg": "RS256", "kid": "rsa"}, said, key("RS256"))
    assert await verify(world, token or world.foreign.token(**claims)) is None


@pytest.mark.parametrize(
    "typ", ["oauth-id-jag+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "client-authentication+jwt"]
)
async def test_a_jwt_that_was_made_for_something_else_is_no_access_token(world: Machines, typ: str) -> None:
    await world.trust()
    assert await verify(world, world.foreign.token(typ=typ)) is None


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", None])
async def test_access_tokens_are_called_by_many_names(world: Machines, typ: str | None) -> None:
    await world.trust()
    assert await verify(world, world.foreign.token(typ=typ))


async def test_clocks_may_differ_by_the_leeway_and_no_more(world: Machines) -> None:
    await world.trust(leeway=30)
    now = world.foreign.now
    assert await verify(world, world.foreign.token(exp=now - 29))
    assert await verify(world, world.foreign.token(exp=now - 31)) is None
    assert await verify(world, world.foreign.token(nbf=now + 29, iat=now + 29))
    assert await verify(world, world.foreign.token(nbf=now + 31)) is None
    assert await verify(world, world.foreign.token(iat=now + 31)) is None


def forged(token: str, header: Json, signature: str = "") -> str:
    """A token with another header, and no signature or one that was copied."""
    first = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return ".".join([first, token.split(".")[1], signature])


async def test_a_token_without_a_signature_is_nobodys(world: Machines) -> None:
    await world.trust()
    token = world.foreign.token()
    for header in ({"alg": "none"}, {"alg": "None", "typ": "JWT"}, {"typ": "JWT"}, {"alg": 7}, {"alg": ["RS256"]}):
        for signature in ("", token.split(".")[2]):
            assert await verify(world, forged(token, header, signature)) is None


async def test_a_token_signed_with_the_public_key_as_a_secret_is_nobodys(world: Machines) -> None:
    await world.trust()
    rsa = key("RS256")
    assert isinstance(rsa, RSAKey)
    header, payload, _ = forged(world.foreign.token(), {"alg": "HS256", "kid": "rsa"}).split(".")
    for secret in (rsa.as_pem(private=False), json.dumps(rsa.as_dict(private=False)).encode()):
        mac = hmac.digest(secret, f"{header}.{payload}".encode(), "sha256")
        signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
        assert await verify(world, f"{header}.{payload}.{signature}") is None


@pytest.mark.parametrize("header", [{"kid": "rsa"}, {"kid": "ec"}, {"kid": "../keys"}, {"kid": None}, {"kid": "ed"}])
async def test_a_token_signed_with_another_key_is_nobodys_whatever_it_names(world: Machines, header: Json) -> None:
    await world.trust()
    other = RSAKey.generate_key(2048, {"kid": "mine"})
    assert await verify(world, world.foreign.token(by=other, header=header)) is None


async def test_keys_and_their_addresses_in_a_token_are_not_looked_at(world: Machines) -> None:
    await world.trust()
    other = RSAKey.generate_key(2048, {"kid": "rsa"})
    evil = f"{world.foreign.url}/evil"
    for header in ({"jwk": other.as_dict(private=False)}, {"jku": evil}, {"x5u": evil}, {"x5c": ["MII"]}):
        assert await verify(world, world.foreign.token(by=other, header=header)) is None
        assert await verify(world, world.foreign.token(header=header)) is not None
    assert {*world.foreign.fetched} == {"/.well-known/openid-configuration", "/keys"}


async def test_an_extension_that_is_critical_and_unknown_makes_a_token_nobodys(world: Machines) -> None:
    await world.trust()
    assert await verify(world, world.foreign.token(header={"sealed": 1})) is not None
    signer = key("ES256")
    assert isinstance(signer, ECKey)
    for critical in ({}, {"crit": ["sealed"]}):
        token = forged(world.foreign.token(), {"alg": "ES256", "kid": "ec", "sealed": 1, **critical})
        signature = jws.JWSRegistry.algorithms["ES256"].sign(token.rstrip(".").encode(), signer)
        by_hand = token + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        assert (await verify(world, by_hand) is None) is bool(critical)


async def test_the_operator_hears_of_refused_tokens_but_not_of_each(
    world: Machines, caplog: pytest.LogCaptureFixture
) -> None:
    await world.trust()
    for _ in range(3):
        await verify(world, world.foreign.token(exp=1))
    assert [record.getMessage() for record in caplog.records if record.name == "airegistry.oauth.issuers.issuers"] == [
        f"a token of trusted issuer {world.foreign.url} is refused: it has expired"
    ]


async def test_only_algorithms_that_were_agreed_on_are_taken(world: Machines) -> None:
    await world.trust(algorithms=["ES256"])
    assert await verify(world, world.foreign.token(alg="ES256"))
    assert await verify(world, world.foreign.token()) is None
    with pytest.raises(Invalid, match="algorithms"):
        trusted_issuer({"name": "x", "issuer": "https://x.test", "algorithms": ["HS256"]})


async def test_a_token_without_a_key_id_is_tried_with_the_keys_there_are(world: Machines) -> None:
    await world.trust()
    assert await verify(world, world.foreign.token(alg="ES256", header={"kid": None}))


async def test_a_token_for_one_server_is_nobodys_at_another(world: Machines) -> None:
    await world.trust()
    token = world.foreign.token(WEATHER)
    assert await verify(world, token, WEATHER)
    assert await verify(world, token, DEFAULT) is None
    assert world.issuers.known(token, DEFAULT) is None
    assert await verify(world, world.foreign.token(["https://else.test", WEATHER]), WEATHER)


async def test_a_jwt_can_be_looked_at_without_believing_it() -> None:
    token = sign({"alg": "RS256", "typ": "x"}, {"iss": "https://a.test"}, key("RS256"))
    jwt = peek(token)
    assert jwt is not None
    assert (jwt.issuer, jwt.typ) == ("https://a.test", "x")
