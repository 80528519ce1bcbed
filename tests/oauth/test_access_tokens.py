"""Access tokens: what they say, everything that makes one worthless, and revocation that outlives a restart."""

import base64
import hashlib
import hmac
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey

from airegistry.core.documents import Json
from airegistry.oauth.tokens.access_tokens import MAX_TTL, STREAM_TTL, AccessTokens, Issued
from airegistry.oauth.tokens.keys import GRACE, RETIRED_FOR, SigningKeys
from airegistry.stores.cipher import FernetCipher
from tests.core.wiring import NOON
from tests.oauth.issuing import RESOURCE, SECRET_KEY, URL, Issuer, build_issuer

pytestmark = pytest.mark.anyio
ELSEWHERE = f"{URL}/billing/mcp"


@pytest.fixture
async def issuer() -> Issuer:
    return await build_issuer()


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def decoded(segment: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return value


def signed(issuer: Issuer, typ: str = "at+jwt", **changes: Any) -> str:
    """A token under the issuer's own key, right but for the changes; None takes a claim out."""
    claims = {**decoded(issuer.mint()[0].split(".")[1]), **changes}
    return issuer.keys.sign({name: value for name, value in claims.items() if value is not None}, typ)


def refused(issuer: Issuer, token: str) -> bool:
    return (issuer.tokens.read(token, RESOURCE), issuer.tokens.opened(token)) == (None, None)


async def test_a_token_says_what_it_was_minted_for(issuer: Issuer) -> None:
    token, issued = issuer.mint(authorization="a1", actor="client:robot", auth_time=NOON, amr=["pwd", "otp"])
    header, payload, _ = token.split(".")
    now = int(NOON.timestamp())
    assert decoded(header) == {"alg": "ES256", "typ": "at+jwt", "kid": decoded(header)["kid"]}
    assert decoded(payload) == {
        "iss": URL, "sub": "user:ann", "aud": RESOURCE, "client_id": "app", "iat": now, "exp": now + 600,
        "jti": issued.jti, "scope": "deploy mcp", "grant_id": "a1", "act": {"sub": "client:robot"}, "auth_time": now,
        "amr": ["pwd", "otp"],
    }  # fmt: skip
    assert issuer.tokens.read(token, RESOURCE) == issued
    assert issued == Issued(
        subject="user:ann", client_id="app", scopes=frozenset({"mcp", "deploy"}), resource=RESOURCE,
        authorization="a1", jti=issued.jti, issued_at=now, expires_at=now + 600, actor="client:robot",
    )  # fmt: skip


async def test_a_token_of_a_machine_names_no_family(issuer: Issuer) -> None:
    token, issued = issuer.mint(subject="client:robot", client_id="robot")
    assert issued.authorization is None
    assert set(decoded(token.split(".")[1])) == {"iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope"}
    assert issuer.tokens.read(token, RESOURCE) == issued


async def test_a_token_names_everybody_who_acts_and_the_groups_its_subject_came_with(issuer: Issuer) -> None:
    token, issued = issuer.mint(
        subject="issuer:ci:job", actor="client:last", earlier_actors=["client:first"], groups=["b", "a"]
    )
    claims = decoded(token.split(".")[1])
    assert claims["act"] == {"sub": "client:last", "act": {"sub": "client:first"}}
    assert claims["groups"] == ["a", "b"]
    assert issuer.tokens.read(token, RESOURCE) == issued
    assert (issued.actor, issued.earlier_actors) == ("client:last", ("client:first",))
    assert issued.groups == {"a", "b"}


async def test_each_token_has_its_own_id(issuer: Issuer) -> None:
    assert issuer.mint()[1].jti != issuer.mint()[1].jti


async def test_a_token_for_one_resource_is_refused_at_another(issuer: Issuer) -> None:
    token, _ = issuer.mint()
    assert issuer.tokens.read(token, ELSEWHERE) is None
    assert issuer.tokens.read(token, f"{RESOURCE}/") is None
    assert issuer.tokens.read(token, RESOURCE) is not None  # the first refusal is not remembered
    assert issuer.tokens.read(token, ELSEWHERE) is None  # nor is the success


async def test_an_audience_of_several_is_refused(issuer: Issuer) -> None:
    assert refused(issuer, signed(issuer, aud=[RESOURCE]))
    assert refused(issuer, signed(issuer, aud=[RESOURCE, ELSEWHERE]))


async def test_a_token_ends_with_its_time(issuer: Issuer) -> None:
    token, _ = issuer.mint()
    issuer.clock.pass_(599)
    assert issuer.holds(token)
    issuer.clock.pass_(1)
    assert not issuer.holds(token)
    assert issuer.tokens.read(token, None) is None


async def test_an_expired_token_never_seen_before_is_refused(issuer: Issuer) -> None:
    token, _ = issuer.mint()
    issuer.clock.pass_(600)
    assert not issuer.holds(token)


async def test_no_token_is_minted_for_longer_than_a_day(issuer: Issuer) -> None:
    _, issued = issuer.mint(ttl=10 * MAX_TTL)
    assert issued.expires_at - issued.issued_at == MAX_TTL


async def test_a_stream_outlives_its_tokens_expiry_by_a_day_but_not_its_revocation(issuer: Issuer) -> None:
    (token, issued), (other, _) = issuer.mint(), issuer.mint()
    issuer.clock.pass_(600 + STREAM_TTL - 1)
    assert issuer.tokens.opened(token) == issued
    await issuer.tokens.revoke_jti(issued)
    assert issuer.tokens.opened(token) is None
    assert issuer.tokens.opened(other) is not None
    issuer.clock.pass_(1)
    assert issuer.tokens.opened(other) is None


async def test_alg_none_is_refused(issuer: Issuer) -> None:
    header, payload, signature = issuer.mint()[0].split(".")
    for alg in ("none", "None", "NONE"):
        unsigned = encoded({**decoded(header), "alg": alg})
        assert refused(issuer, f"{unsigned}.{payload}.")
        assert refused(issuer, f"{unsigned}.{payload}.{signature}")


async def test_hs256_under_the_public_key_is_refused(issuer: Issuer) -> None:
    published: dict[str, str] = orjson.loads(orjson.dumps(issuer.keys.jwks()))["keys"][0]
    public = ECKey.import_key({name: published[name] for name in ("kty", "crv", "x", "y")})
    header, payload, _ = issuer.mint()[0].split(".")
    for secret in (public.as_pem(private=False), public.as_der(private=False), orjson.dumps(published)):
        signing = f"{encoded({**decoded(header), 'alg': 'HS256'})}.{payload}"
        mac = hmac.new(secret, signing.encode(), hashlib.sha256).digest()
        assert refused(issuer, f"{signing}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


@pytest.mark.parametrize("kid", ["someone-else", "", None, 7, ["x"], {"x": 1}])
async def test_a_kid_that_is_none_of_ours_is_refused(issuer: Issuer, kid: object) -> None:
    header, payload, signature = issuer.mint()[0].split(".")
    assert refused(issuer, f"{encoded({**decoded(header), 'kid': kid})}.{payload}.{signature}")


@pytest.mark.parametrize("more", [{"jwk": {}}, {"jku": "https://evil.test"}, {"crit": ["x"], "x": 1}, {"b64": False}])
async def test_a_header_that_says_more_than_ours_is_refused(issuer: Issuer, more: dict[str, object]) -> None:
    header, payload, signature = issuer.mint()[0].split(".")
    assert refused(issuer, f"{encoded({**decoded(header), **more})}.{payload}.{signature}")


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/at+jwt", "AT+JWT", "oauth-id-jag+jwt", "logout+jwt", ""])
async def test_what_was_signed_as_something_else_is_no_access_token(issuer: Issuer, typ: str) -> None:
    assert refused(issuer, signed(issuer, typ))


@pytest.mark.parametrize("iss", [f"{URL}/", "https://other.test", "", None])
async def test_another_issuer_is_refused(issuer: Issuer, iss: str | None) -> None:
    assert refused(issuer, signed(issuer, iss=iss))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_a_token_of_the_future_is_refused_beyond_a_minute(issuer: Issuer, claim: str) -> None:
    now = int(NOON.timestamp())
    soon: dict[str, Any] = {claim: now + 60}
    later: dict[str, Any] = {claim: now + 61}
    assert not refused(issuer, signed(issuer, **soon))
    assert refused(issuer, signed(issuer, **later))


@pytest.mark.parametrize("claim", ["sub", "aud", "client_id", "iat", "exp", "jti", "scope"])
async def test_a_token_without_one_of_its_claims_is_refused(issuer: Issuer, claim: str) -> None:
    without: dict[str, Any] = {claim: None}
    assert refused(issuer, signed(issuer, **without))


@pytest.mark.parametrize(
    "change", [{"exp": "9999999999"}, {"exp": True}, {"sub": 1}, {"scope": ["mcp"]}, {"act": "client:x"}, {"extra": 1}]
)
async def test_a_claim_of_another_form_is_refused(issuer: Issuer, change: dict[str, Any]) -> None:
    assert refused(issuer, signed(issuer, **change))


@pytest.mark.parametrize("change", [{"sub": "user:bob"}, {"scope": "mcp mcp:admin"}, {"exp": 9999999999}])
async def test_tampered_claims_are_refused(issuer: Issuer, change: dict[str, Any]) -> None:
    token, _ = issuer.mint()
    assert issuer.holds(token)  # the true one is remembered, which must not help the false one
    header, payload, signature = token.split(".")
    assert refused(issuer, f"{header}.{encoded({**decoded(payload), **change})}.{signature}")


async def test_any_changed_character_makes_a_token_worthless(issuer: Issuer) -> None:
    token, _ = issuer.mint()
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        assert refused(issuer, token[:place] + other + token[place + 1 :])


async def test_base64_that_is_not_canonical_is_refused(issuer: Issuer) -> None:
    token, _ = issuer.mint()
    header, payload, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(signature[-1])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = signature[:-1] + alphabet[last + 1]  # the same 64 bytes, as the last bits do not count
    assert base64.urlsafe_b64decode(twin + "==") == base64.urlsafe_b64decode(signature + "==")
    for segments in (
        (header, payload, twin), (header, payload, f"{signature}=="), (f"{header}=", payload, signature),
        (header, f"{payload[:9]}\n{payload[9:]}", signature), (header, payload, signature.replace("-", "+") + "+"),
    ):  # fmt: skip
        assert refused(issuer, ".".join(segments))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "airr_x.y",
        "\0.\0.\0",
        "\u00e9.\u00e9.\u00e9",
        "W10.e30.AAAA",
        "x" * 100_000,
    ],
)
async def test_what_is_no_token_at_all_is_refused(issuer: Issuer, token: str) -> None:
    assert refused(issuer, token)


async def test_a_token_of_more_than_8_kib_is_refused_though_it_is_signed_well(issuer: Issuer) -> None:
    fits, _ = issuer.mint(scopes=["s" * 5000])
    large, _ = issuer.mint(scopes=["s" * 7000])
    assert len(fits) < 8192 < len(large)
    assert issuer.holds(fits)
    assert refused(issuer, large)


async def test_a_remembered_token_ends_with_the_key_that_signed_it(issuer: Issuer) -> None:
    token, _ = issuer.mint()
    await issuer.keys.rotate()
    issuer.clock.pass_(60)
    assert issuer.holds(token)
    [number, _] = [document.key async for document in issuer.store.find("signing_keys")]
    await issuer.store.delete("signing_keys", number)  # an operator throws a stolen key away
    await issuer.keys.refresh()
    assert not issuer.holds(token)


async def test_tokens_hold_across_a_rotation_until_they_end(issuer: Issuer) -> None:
    token, _ = issuer.mint(ttl=MAX_TTL)
    await issuer.keys.rotate()
    issuer.clock.pass_(GRACE.total_seconds())
    following, _ = issuer.mint()
    await issuer.keys.refresh()
    assert decoded(token.split(".")[0])["kid"] != decoded(following.split(".")[0])["kid"]
    assert issuer.holds(token)
    assert issuer.holds(following)
    assert RETIRED_FOR.total_seconds() > MAX_TTL + STREAM_TTL


class Counting(SigningKeys):
    """Keys that count the signatures they check."""

    checked = 0

    def verify(self, token: str, typ: str) -> Json:
        self.checked += 1
        return super().verify(token, typ)


async def test_a_token_is_verified_once_while_it_is_among_those_used_last(issuer: Issuer) -> None:
    keys = Counting(issuer.store, FernetCipher([SECRET_KEY]), issuer.clock)
    await keys.open()
    tokens = AccessTokens(keys, issuer.store, issuer.clock, URL, max_cached=2)
    first, second, third = (issuer.mint()[0] for _ in range(3))
    for token in (first, second, first, first, second, first):
        assert tokens.read(token, RESOURCE)
    assert keys.checked == 2
    assert tokens.read(third, RESOURCE)  # in the place of the second
    assert tokens.read(first, RESOURCE)
    assert keys.checked == 3
    assert tokens.read(second, RESOURCE)
    assert keys.checked == 4
