"""Token exchange towards backends: the registry's own word for who is calling, which opens nothing here."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM, Principal
from airegistry.oauth.connections.subject_tokens import SECONDS, SubjectTokens
from airegistry.oauth.tokens.access_tokens import TYPE as ACCESS_TYPE
from airegistry.oauth.tokens.keys import InvalidJwt
from tests.oauth.connections.world import Desk
from tests.oauth.issuing import URL

pytestmark = pytest.mark.anyio


def claims(desk: Desk, token: str) -> dict[str, object]:
    """What a token says to whoever reads our published keys."""
    keys = KeySet.import_key_set(desk.identity.keys.jwks())  # type: ignore[arg-type]  # a JWK set, as JSON
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


async def test_the_caller_is_named_to_the_servers_issuer_for_two_minutes_under_our_published_keys(desk: Desk) -> None:
    client: Json = {"client_id": "registry", "client_secret": "s3cret", "issuer": desk.auth.url}
    await desk.identity.credentials.put(SYSTEM, "mail", {"kind": "token_exchange", **client})
    assert await desk.headers("ann") == {"authorization": "Bearer token-1"}
    assert await desk.headers("ann") == {"authorization": "Bearer token-1"}
    assert await desk.headers("bob") == {"authorization": "Bearer token-2"}
    said = [claims(desk, form["subject_token"]) for form in desk.auth.requests("/token")]
    assert [each["sub"] for each in said] == ["user:ann", "user:bob"]
    for each in said:
        assert (each["iss"], each["aud"]) == (URL, desk.auth.url)
        assert each["exp"] == int(desk.clock.now().timestamp()) + SECONDS
    assert said[0]["jti"] != said[1]["jti"]


async def test_it_is_no_token_of_this_registry(desk: Desk) -> None:
    identity = desk.identity
    token = SubjectTokens(identity.keys, desk.clock, URL).mint(desk.caller("ann"), f"{URL}/mcp")
    assert identity.tokens.read(token, None) is None
    with pytest.raises(InvalidJwt):
        identity.keys.verify(token, ACCESS_TYPE)


async def test_who_acts_for_the_caller_is_named_too(desk: Desk) -> None:
    who = Principal("user:ann", actor="client:deputy")
    token = SubjectTokens(desk.identity.keys, desk.clock, URL).mint(who, "https://as.test")
    assert claims(desk, token)["act"] == {"sub": "client:deputy"}
