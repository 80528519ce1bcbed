"""Which client makes a request, and which proofs of it hold."""

import base64
from urllib.parse import quote, quote_plus

import pytest

from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.client_auth import ClientAuthenticator
from airegistry.oauth.clients.clients import ClientChange
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import Client
from airegistry.oauth.replay import Replay
from tests.oauth.proving import (
    ISSUER,
    OTHER,
    TOKEN_URL,
    Door,
    basic,
    opened,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def door() -> Door:
    return await opened()


async def test_basic_is_enough_without_a_client_id_in_the_form(door: Door) -> None:
    """Trap 1."""
    assert (await door.enter({}, basic("ci", door.secret))).client_id == "ci"
    assert (await door.enter({"client_id": "ci"}, basic("ci", door.secret))).client_id == "ci"
    assert (await door.enter({}, basic("ci", door.secret).replace("Basic ", "bAsIc  "))).client_id == "ci"


async def test_basic_is_understood_form_encoded_and_plain(door: Door) -> None:
    """Trap 1: RFC 6749 section 2.3.1 wants the encoding, most libraries leave it out."""
    every = "".join(f"%{byte:02X}" for byte in door.secret.encode())
    for secret in (door.secret, quote(door.secret), quote_plus(door.secret), every):
        assert (await door.enter({}, basic("%63i", secret))).client_id == "ci"
    await door.clients.put(SYSTEM, "a.b-c_d", ClientChange())
    await door.refused({}, basic(quote("a.b-c_d"), door.secret))


async def test_a_secret_may_come_in_the_form(door: Door) -> None:
    assert (await door.enter({"client_id": "ci", "client_secret": door.secret})).client_id == "ci"


async def test_the_stored_hash_is_not_the_secret(door: Door) -> None:
    """Trap 3."""
    client = door.clients.known("ci")
    assert client is not None
    assert client.secret_hash is not None
    await door.refused({}, basic("ci", client.secret_hash))
    await door.refused({"client_id": "ci", "client_secret": client.secret_hash})


async def test_a_public_client_names_itself(door: Door) -> None:
    assert (await door.enter({"client_id": "open"})).client_id == "open"


async def test_a_confidential_client_does_not_come_as_a_public_one(door: Door) -> None:
    for client_id in ("ci", "signer"):
        await door.refused({"client_id": client_id})
        await door.refused({"client_id": client_id, "client_secret": ""})


async def test_a_proof_that_a_client_did_not_register_is_none(door: Door) -> None:
    await door.refused({"client_id": "open", "client_secret": "x"})
    await door.refused({}, basic("open", ""))
    await door.refused({}, basic("signer", door.secret))
    await door.refused(door.signed(iss="ci", sub="ci"))


async def test_basic_is_asked_for_only_of_those_who_used_it(door: Door) -> None:
    refusal = await door.refused({}, basic("ci", "wrong"))
    assert refusal.headers["www-authenticate"].startswith("Basic ")
    for form in ({"client_id": "ci", "client_secret": "wrong"}, {"client_id": "no-such"}, {}, door.signed(OTHER)):
        assert "www-authenticate" not in (await door.refused(form)).headers


async def test_an_unknown_client_reads_like_a_wrong_secret(door: Door) -> None:
    said = {(await door.refused({}, basic(name, "wrong"))).message for name in ("ci", "no-such", "signer")}
    said |= {(await door.refused({"client_id": name})).message for name in ("ci", "no-such")}
    assert len(said) == 1


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !",
        "Basic Y2k",
        "Basic Y2k=",
        basic("ci", "%ff"),
        basic("", ""),
        basic("ci\0", "x"),
        "Bearer abc",
        "Basic " + base64.b64encode(b"ci:\xff").decode(),
        basic("c" * 5000, "x"),
    ],
)
async def test_an_authorization_that_cannot_be_read_is_no_proof(door: Door, authorization: str) -> None:
    refusal = await door.refused({"client_id": "open"}, authorization)
    assert "www-authenticate" in refusal.headers


async def test_two_proofs_at_once_are_refused(door: Door) -> None:
    proof = basic("ci", door.secret)
    secret = {"client_id": "ci", "client_secret": door.secret}
    invalid = {"error": "invalid_request", "status": 400}
    await door.refused(secret, proof, **invalid)  # type: ignore[arg-type]  # both are keywords
    await door.refused(door.signed(), proof, **invalid)  # type: ignore[arg-type]  # both are keywords
    await door.refused({**secret, **door.signed()}, **invalid)  # type: ignore[arg-type]  # both are keywords
    await door.refused({}, proof, proof)


async def test_the_client_id_in_the_form_is_that_of_the_proof(door: Door) -> None:
    await door.refused({"client_id": "open"}, basic("ci", door.secret))
    await door.refused({**door.signed(), "client_id": "open"})
    assert (await door.enter({**door.signed(), "client_id": "signer"})).client_id == "signer"


async def test_a_client_that_is_switched_off_or_removed_is_unknown(door: Door) -> None:
    await door.clients.put(SYSTEM, "ci", ClientChange(active=False))
    await door.refused({}, basic("ci", door.secret))
    await door.clients.put(SYSTEM, "ci", ClientChange(active=True))
    await door.enter({}, basic("ci", door.secret))
    await door.clients.remove(SYSTEM, "ci")
    await door.refused({}, basic("ci", door.secret))


async def test_guessing_is_slowed_down_for_one_client_from_one_address(door: Door) -> None:
    for _ in range(30):
        await door.refused({}, basic("ci", "wrong"))
    refusal = await door.refused({}, basic("ci", door.secret), error="temporarily_unavailable", status=429)
    assert int(refusal.headers["retry-after"]) >= 1
    await door.enter({}, basic("ci", door.secret), source="192.0.2.2")
    await door.enter({"client_id": "open"})
    door.world.clock.pass_(2)
    await door.enter({}, basic("ci", door.secret))


async def test_who_proves_itself_may_do_so_as_often_as_it_likes(door: Door) -> None:
    for _ in range(100):
        await door.enter({}, basic("ci", door.secret))


async def test_a_public_client_is_as_many_programs_as_there_are_persons(door: Door) -> None:
    for _ in range(100):
        await door.enter({"client_id": "open"})


class Refusing:
    """A source of clients that refuses documents."""

    def __init__(self, error: OAuthError) -> None:
        self.error = error

    async def find(self, client_id: str, *, source: str = "") -> Client | None:
        raise self.error


@pytest.mark.parametrize(("error", "status"), [("invalid_client", 401), ("temporarily_unavailable", 429)])
async def test_a_document_that_is_refused_is_a_client_that_is_not_proven(door: Door, error: str, status: int) -> None:
    refusing = Refusing(OAuthError(error, "no", status=429 if status == 429 else 400))
    replay = Replay(door.world.store, door.world.clock)
    door.authenticator = ClientAuthenticator(refusing, ISSUER, TOKEN_URL, door.published, replay, door.world.clock)
    await door.refused({"client_id": "https://app.example/client.json"}, error=error, status=status)
