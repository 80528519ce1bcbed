"""private_key_jwt: which signed assertions prove a client (RFC 7523)."""

import hmac
from collections.abc import Mapping

import anyio
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.client_auth import ASSERTION_TYPE, ClientAuthenticator
from airegistry.oauth.clients.clients import ClientChange
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.providers.remote_keys import public_keys
from airegistry.oauth.replay import Replay
from tests.oauth.proving import (
    EC,
    ISSUER,
    KEYS_URL,
    OTHER,
    RSA,
    TOKEN_URL,
    Door,
    Published,
    asserting,
    encoded,
    opened,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def door() -> Door:
    return await opened()


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (RSA, "RS256"), (RSA, "PS256"), (RSA, "RS512")])
async def test_a_client_signs_with_a_key_it_publishes(door: Door, key: ECKey | RSAKey, alg: str) -> None:
    assert (await door.enter(door.signed(key, alg))).client_id == "signer"
    assert door.published.asked == [(KEYS_URL, key.kid)]


async def test_a_client_signs_with_a_key_it_registered(door: Door) -> None:
    jwks: Json = {"keys": [{name: str(value) for name, value in EC.as_dict(private=False).items()}]}
    change = ClientChange(token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    await door.clients.put(SYSTEM, "own", change)
    assert (await door.enter(door.signed(iss="own", sub="own"))).client_id == "own"
    await door.refused(door.signed(OTHER, iss="own", sub="own", jti="2"))
    assert door.published.asked == []


@pytest.mark.parametrize("aud", [ISSUER, TOKEN_URL, [ISSUER], [TOKEN_URL]])
async def test_an_assertion_is_for_this_issuer_or_its_token_endpoint(door: Door, aud: object) -> None:
    await door.enter(door.signed(aud=aud))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": None},
        {"aud": "https://other.test/token"},
        {"aud": f"{ISSUER}/"},
        {"aud": [ISSUER, "https://other.test"]},
        {"aud": [ISSUER, 5]},
        {"aud": []},
        {"iss": "ci"},
        {"iss": None},
        {"sub": None},
        {"sub": "no-such"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 0},
        {"jti": None},
        {"jti": ""},
        {"jti": 5},
        {"jti": "x" * 513},
    ],
)
async def test_an_assertion_that_claims_something_else_is_refused(door: Door, changed: Mapping[str, object]) -> None:
    await door.refused(door.signed(EC, "ES256", **changed))


@pytest.mark.parametrize("changed", [{"exp": -31}, {"exp": 331}, {"iat": 31}, {"nbf": 31}])
async def test_an_assertion_of_another_time_is_refused(door: Door, changed: Mapping[str, int]) -> None:
    now = int(door.world.clock.now().timestamp())
    await door.refused(door.signed(EC, "ES256", **{name: now + seconds for name, seconds in changed.items()}))


async def test_clocks_may_differ_by_half_a_minute(door: Door) -> None:
    now = int(door.world.clock.now().timestamp())
    await door.enter(door.signed(exp=now - 29, iat=now - 60))
    await door.enter(door.signed(exp=now + 329, iat=now + 29, jti="2"))


async def test_an_assertion_is_used_once(door: Door) -> None:
    form = door.signed()
    await door.enter(form)
    await door.refused(form)
    await door.refused(door.signed(aud=ISSUER))
    await door.enter(door.signed(jti="2"))
    door.world.clock.pass_(120)
    await door.refused(form)


async def test_of_a_hundred_uses_at_once_one_holds(door: Door) -> None:
    form, held = door.signed(), list[bool]()

    async def use(turn: int) -> None:
        try:
            await door.enter(form, source=f"192.0.2.{turn}")
            held.append(True)
        except OAuthError:
            held.append(False)

    async with anyio.create_task_group() as tasks:
        for turn in range(100):
            tasks.start_soon(use, turn)
    assert held.count(True) == 1


async def test_another_clients_jti_is_not_used_up(door: Door) -> None:
    signer = ClientChange(token_endpoint_auth_method="private_key_jwt", jwks_uri=KEYS_URL)
    await door.clients.put(SYSTEM, "other", signer)
    await door.enter(door.signed())
    await door.enter(door.signed(iss="other", sub="other"))


async def test_a_refused_assertion_uses_nothing_up(door: Door) -> None:
    await door.refused(door.signed(OTHER))
    await door.refused(door.signed(aud="https://other.test"))
    await door.enter(door.signed())


async def test_signatures_of_others_and_weak_ones_are_refused(door: Door) -> None:
    token = door.signed()["client_assertion"]
    head, body, signature = token.split(".")
    none, hs256 = encoded(b'{"alg":"none","kid":"ec"}'), encoded(b'{"alg":"HS256","kid":"ec"}')
    forged = encoded(b'{"iss":"signer","sub":"signer"}')
    confused = hmac.digest(EC.as_pem(private=False), f"{hs256}.{body}".encode(), "sha256")
    embedded = jwt.encode(
        {"alg": "ES256", "kid": "mine", "jwk": OTHER.as_dict(private=False)}, door.claims(), OTHER, algorithms=["ES256"]
    )
    for form in (
        door.signed(OTHER),
        asserting(f"{hs256}.{body}.{encoded(confused)}"),
        asserting(f"{none}.{body}."),
        asserting(f"{none}.{body}.{signature}"),
        asserting(f"{head}.{forged}.{signature}"),
        asserting(f"{head}.{body}.{signature[:-4]}AAAA"),
        asserting(embedded),
        asserting(f"{head}.{body}"),
        asserting("x"),
        asserting("a" * 20_000),
    ):
        await door.refused(form)
    await door.enter(asserting(token))


async def test_a_secret_of_the_signing_client_is_no_key(door: Door) -> None:
    """A client's own secret never verifies a signature: HS256 is not offered, whoever registered what."""
    await door.refused(door.signed(OctKey.import_key(door.secret), "HS256", iss="ci", sub="ci"))


async def test_keys_that_cannot_be_had_prove_nothing(door: Door) -> None:
    door.published.keys_ = None
    await door.refused(door.signed())
    door.published.keys_ = public_keys({"keys": []})
    await door.refused(door.signed())


async def test_keys_of_clients_that_registered_themselves_are_asked_for_as_strangers(door: Door) -> None:
    metadata: Json = {"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "private_key_jwt",
                      "jwks_uri": KEYS_URL}  # fmt: skip
    client, _ = await door.clients.register(metadata, source="192.0.2.1")
    strangers, replay = Published(EC), Replay(door.world.store, door.world.clock)
    door.authenticator = ClientAuthenticator(
        door.clients, ISSUER, TOKEN_URL, door.published, replay, door.world.clock, strangers=strangers
    )
    await door.enter(door.signed(iss=client.client_id, sub=client.client_id))
    assert (len(strangers.asked), len(door.published.asked)) == (1, 0)
    await door.enter(door.signed())
    assert (len(strangers.asked), len(door.published.asked)) == (1, 1)


@pytest.mark.parametrize("form", [{"client_assertion": "x"}, {"client_assertion_type": ASSERTION_TYPE}])
async def test_half_an_assertion_is_none(door: Door, form: Mapping[str, str]) -> None:
    await door.refused({**form, "client_id": "open"})


async def test_an_assertion_of_another_kind_is_none(door: Door) -> None:
    saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    await door.refused({**door.signed(), "client_assertion_type": saml})
