"""Answers of a provider, or of somebody in its place, that prove nobody: each is refused, and nobody is signed in."""

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from airegistry.core.principals import SYSTEM
from tests.oauth.providers.hostile import LEFT_OUT, Fields, Hostile, hostile, rsa
from tests.oauth.providers.op import SECRET
from tests.oauth.providers.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def evil(registry: World) -> AsyncIterator[Hostile]:
    async with hostile() as provider:
        await registry.put("evil", provider.issuer)
        yield provider


async def refused(registry: World, name: str = "evil") -> tuple[int, str]:
    """Try to log in: nobody is signed in, nobody is made, and the trail says so. Status and text of the page."""
    browser = registry.browser()
    page = await browser.login(name)
    assert await browser.session() is None
    assert registry.directory.known(f"{name}:mallory") is None
    [login] = await registry.logins()
    assert (login.asset, login.decision, login.outcome) == (name, "deny", "refused")
    return page.status_code, page.text


async def test_without_a_lie_it_signs_in(registry: World, evil: Hostile) -> None:
    session = await registry.login("evil")
    assert session.user == "evil:mallory"
    assert session.amr == ["fed"]


def unsigned(header: Fields, claims: Fields) -> str:
    """A token with `alg: none`, as RFC 7519 section 6 writes it."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "none"}, claims))
    return b".".join([*parts, b""]).decode()


class TestSignatures:
    async def test_a_token_without_a_signature_is_refused(self, registry: World, evil: Hostile) -> None:
        evil.forge = unsigned
        status, text = await refused(registry)
        assert status == 400
        assert "not accepted here" in text

    @pytest.mark.parametrize("secret", ["public key", "client secret"])
    async def test_a_token_keyed_with_what_others_know_is_refused(
        self, registry: World, evil: Hostile, secret: str
    ) -> None:
        pem = RSAKey.import_key(evil.key.as_dict()).as_pem(private=False)
        key = OctKey.import_key(base64.b64encode(pem).decode() if secret == "public key" else SECRET)

        def keyed(header: Fields, claims: Fields) -> str:
            return jwt.encode({**header, "alg": "HS256"}, claims, key, algorithms=["HS256"])

        evil.forge = keyed
        status, text = await refused(registry)
        assert (status, "HS256" in text) == (400, True)

    async def test_a_key_that_the_provider_does_not_publish_is_refused(self, registry: World, evil: Hostile) -> None:
        evil.published = dict(KeySet([rsa("another")]).as_dict())
        assert "no key of the provider" in (await refused(registry))[1].lower()

    async def test_a_foreign_key_under_the_providers_key_id_is_refused(self, registry: World, evil: Hostile) -> None:
        other = rsa("another")
        evil.forge = lambda header, claims: jwt.encode(header, claims, other, algorithms=["RS256"])
        assert "no key of the provider" in (await refused(registry))[1].lower()

    async def test_a_key_that_the_token_brings_along_is_refused(self, registry: World, evil: Hostile) -> None:
        other = rsa("another")
        evil.header = {"jwk": other.as_dict(private=False), "kid": other.kid}
        evil.forge = lambda header, claims: jwt.encode(header, claims, other, algorithms=["RS256"])
        assert "no key of the provider" in (await refused(registry))[1].lower()

    async def test_an_algorithm_that_the_metadata_does_not_name_is_refused(
        self, registry: World, evil: Hostile
    ) -> None:
        evil.key = ECKey.generate_key("P-256", auto_kid=True)
        evil.header = {"alg": "ES256"}
        assert "ES256" in (await refused(registry))[1]

    async def test_a_key_of_another_sort_than_the_algorithm_is_refused(self, registry: World, evil: Hostile) -> None:
        other = ECKey.generate_key("P-256", {"kid": str(evil.key.kid)})
        evil.published = dict(KeySet([other]).as_dict())
        assert "no key of the provider" in (await refused(registry))[1].lower()

    async def test_headers_that_are_unknown_here_are_passed_over_however_long(
        self, registry: World, evil: Hostile
    ) -> None:
        evil.header = {"x5c": ["A" * 4000], "ver": "1.0"}
        lax = JWSRegistry(strict_check_header=False)
        lax.max_header_length = 16_384
        evil.forge = lambda header, claims: jwt.encode(header, claims, evil.key, registry=lax)
        await registry.login("evil")

    async def test_a_header_that_must_be_understood_is_refused(self, registry: World, evil: Hostile) -> None:
        good = evil.forge

        def critical(header: Fields, claims: Fields) -> str:
            _, body, signature = good(header, claims).split(".")
            odd = base64.urlsafe_b64encode(json.dumps({**header, "crit": ["exp"], "exp": 1}).encode()).rstrip(b"=")
            return f"{odd.decode()}.{body}.{signature}"

        evil.forge = critical
        assert (await refused(registry))[0] == 400

    @pytest.mark.parametrize("odd", [{"typ": 7}, {"kid": 7}, {"alg": 7}, {"alg": None}])
    async def test_a_header_of_the_wrong_sort_is_refused(self, registry: World, evil: Hostile, odd: Fields) -> None:
        header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", **odd}).encode()).rstrip(b"=").decode()
        evil.forge = lambda _, claims: f"{header}.e30.AAAA"
        assert (await refused(registry))[0] == 400

    @pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "ü.ü.ü", "x" * 200_000, "e30.e30.e30"])
    async def test_what_is_no_token_is_refused(self, registry: World, evil: Hostile, token: str) -> None:
        evil.forge = lambda header, claims: token
        assert (await refused(registry))[0] == 400


WRONG: dict[str, tuple[Fields, str]] = {
    "issuer": ({"iss": "https://other.test"}, "iss"),
    "issuer with a slash": ({"iss": "{issuer}/"}, "iss"),
    "no issuer": ({"iss": LEFT_OUT}, "iss"),
    "audience": ({"aud": "another-client"}, "aud"),
    "audiences": ({"aud": ["another-client", "third"]}, "aud"),
    "no audience": ({"aud": LEFT_OUT}, "aud"),
    "nonce": ({"nonce": "of another login"}, "nonce"),
    "no nonce": ({"nonce": LEFT_OUT}, "nonce"),
    "expired": ({"exp": int(time.time()) - 61}, "exp"),
    "no expiry": ({"exp": LEFT_OUT}, "exp"),
    "expiry in words": ({"exp": "tomorrow"}, "exp"),
    "of the future": ({"iat": int(time.time()) + 3600}, "issued in the future"),
    "not yet valid": ({"nbf": int(time.time()) + 3600}, "not yet valid"),
    "no issue time": ({"iat": LEFT_OUT}, "iat"),
    "no subject": ({"sub": LEFT_OUT}, "sub"),
    "empty subject": ({"sub": ""}, "sub"),
    "subject in control characters": ({"sub": "a\nb"}, "sub"),
    "subject too long": ({"sub": "a" * 256}, "sub"),
    "subject that is a number": ({"sub": 7}, "sub"),
    "several audiences and no party": ({"aud": ["registry", "another-client"]}, "azp"),
    "another party": ({"azp": "another-client"}, "azp"),
    "another access token": ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
    "at_hash that is a number": ({"at_hash": 1}, "at_hash"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_an_id_token_with_a_claim_that_is_wrong_is_refused(registry: World, evil: Hostile, case: str) -> None:
    claims, word = WRONG[case]
    evil.claims = {k: v.replace("{issuer}", evil.issuer) if isinstance(v, str) else v for k, v in claims.items()}
    status, text = await refused(registry)
    assert status == 400
    assert word in text


async def test_times_may_be_off_by_a_minute(registry: World, evil: Hostile) -> None:
    evil.claims = {"exp": evil.now() - 50, "iat": evil.now() + 50, "nbf": evil.now() + 50}
    await registry.login("evil")


async def test_several_audiences_are_fine_when_the_party_is_this_client(registry: World, evil: Hostile) -> None:
    evil.claims = {"aud": ["registry", "another-client"], "azp": "registry"}
    await registry.login("evil")


@pytest.mark.parametrize(("use", "status"), [("id", 404), ("access", 400), (LEFT_OUT, 400)])
async def test_of_cognito_only_id_tokens_are_taken(registry: World, evil: Hostile, use: Any, status: int) -> None:
    await registry.put("cognito", evil.issuer, profile="cognito")
    evil.claims = {"token_use": use}
    assert (await registry.browser().login("cognito")).status_code == status  # 404: /account is not served here


class TestMaxAge:
    async def test_a_login_that_is_too_old_is_refused(self, registry: World, evil: Hostile) -> None:
        await registry.put("evil", evil.issuer, max_age=60)
        evil.claims = {"auth_time": evil.now() - 121}
        assert "max_age" in (await refused(registry))[1]

    @pytest.mark.parametrize("auth_time", [LEFT_OUT, "today", True])
    async def test_a_login_whose_time_is_not_told_is_refused(
        self, registry: World, evil: Hostile, auth_time: Any
    ) -> None:
        await registry.put("evil", evil.issuer, max_age=60)
        evil.claims = {"auth_time": auth_time}
        assert "auth_time" in (await refused(registry))[1]

    async def test_one_that_is_young_enough_signs_in(self, registry: World, evil: Hostile) -> None:
        await registry.put("evil", evil.issuer, max_age=60)
        assert (await registry.browser().start("evil"))["max_age"] == "60"
        evil.claims = {"auth_time": evil.now()}
        await registry.login("evil")


class TestAnswers:
    async def test_the_answer_of_another_issuer_is_refused_before_the_code_goes_anywhere(
        self, registry: World, evil: Hostile
    ) -> None:
        evil.redirect = {"iss": "https://honest.test"}
        assert "another provider" in (await refused(registry))[1]
        assert evil.asked["token"] == 0

    async def test_an_answer_without_issuer_is_refused_where_one_is_announced(
        self, registry: World, evil: Hostile
    ) -> None:
        evil.metadata = {"authorization_response_iss_parameter_supported": True}
        assert "iss" in (await refused(registry))[1]
        assert evil.asked["token"] == 0

    async def test_a_code_of_one_provider_is_refused_at_the_callback_of_another(
        self, registry: World, evil: Hostile
    ) -> None:
        await registry.put("other", evil.issuer)
        browser = registry.browser()
        state = (await browser.start("other"))["state"]
        page = await browser.callback("evil", code="a-code", state=state)
        assert page.status_code == 400
        assert "another provider" in page.text
        assert evil.asked["token"] == 0

    async def test_a_state_is_taken_once(self, registry: World, evil: Hostile) -> None:
        browser = registry.browser()
        started = await browser.start("evil")
        evil.nonce = started["nonce"]
        assert (await browser.callback("evil", code="c", state=started["state"])).status_code == 303
        again = await browser.callback("evil", code="c", state=started["state"])
        assert (again.status_code, "used already" in again.text) == (400, True)

    @pytest.mark.parametrize("params", [{}, {"state": "made-up"}, {"state": "ü" * 50, "code": "c"}])
    async def test_a_state_that_nobody_was_given_is_refused(
        self, registry: World, evil: Hostile, params: dict[str, str]
    ) -> None:
        page = await registry.browser().callback("evil", **params)
        assert page.status_code == 400
        assert await registry.logins() == []

    async def test_a_state_ends_after_ten_minutes(self, registry: World, evil: Hostile) -> None:
        browser = registry.browser()
        state = (await browser.start("evil"))["state"]
        registry.clock.pass_(601)
        assert (await browser.callback("evil", code="c", state=state)).status_code == 400
        assert evil.asked["token"] == 0

    async def test_a_login_begun_in_one_browser_is_refused_in_another(self, registry: World, evil: Hostile) -> None:
        state = (await registry.browser().start("evil"))["state"]
        for victim in (registry.browser(), registry.browser()):
            await victim.start("evil")
            page = await victim.callback("evil", code="c", state=state)
            assert page.status_code == 400
            assert await victim.session() is None
        assert evil.asked["token"] == 0

    async def test_the_providers_refusal_is_told_and_escaped(self, registry: World, evil: Hostile) -> None:
        evil.redirect = {"error": "access_denied", "error_description": "<script>no</script>", "code": LEFT_OUT}
        status, text = await refused(registry)
        assert status == 400
        assert "access_denied: &lt;script&gt;" in text

    async def test_an_answer_without_code_is_refused(self, registry: World, evil: Hostile) -> None:
        evil.redirect = {"code": LEFT_OUT}
        assert "holds no code" in (await refused(registry))[1]

    async def test_a_parameter_given_twice_is_refused(self, registry: World, evil: Hostile) -> None:
        browser = registry.browser()
        state = (await browser.start("evil"))["state"]
        page = await browser.get(f"{registry.url}/callback/evil?code=a&code=b&state={state}")
        assert page.status_code == 400


class TestTokenEndpoint:
    async def test_it_is_asked_with_the_verifier_of_the_challenge_and_the_secret_as_basic(
        self, registry: World, evil: Hostile
    ) -> None:
        await registry.login("evil")
        [form] = evil.forms
        assert form["grant_type"] == "authorization_code"
        assert len(form["code_verifier"]) >= 43
        user, _, secret = base64.b64decode(form["authorization"].removeprefix("Basic ")).decode().partition(":")
        assert user == "registry"
        assert " " not in secret  # form-encoded, RFC 6749 section 2.3.1
        assert "client_secret" not in form

    @pytest.mark.parametrize(
        ("status", "answer", "page"),
        [
            (400, {"error": "invalid_grant", "id_token": LEFT_OUT}, 400),
            (200, {"error": "bad_verification_code"}, 400),
            (401, {"error": "invalid_client"}, 502),
            (503, {"error": "down"}, 502),
            (200, {"id_token": LEFT_OUT}, 502),
            (200, {"id_token": 7}, 502),
            (200, {"access_token": LEFT_OUT}, 502),
            (200, {"access_token": "with\nbreak"}, 502),
        ],
    )
    async def test_an_answer_without_tokens_signs_nobody_in(
        self, registry: World, evil: Hostile, status: int, answer: Fields, page: int
    ) -> None:
        evil.token, evil.token_status = answer, status
        assert (await refused(registry))[0] == page


class TestUserinfo:
    async def test_it_is_asked_only_when_the_id_token_has_no_groups(self, registry: World, evil: Hostile) -> None:
        await registry.login("evil")
        assert evil.asked["userinfo"] == 0

    async def test_it_is_refused_when_it_is_about_somebody_else(self, registry: World, evil: Hostile) -> None:
        evil.claims, evil.userinfo = {"groups": LEFT_OUT}, {"sub": "alice", "groups": ["admins"]}
        assert "somebody else" in (await refused(registry))[1]

    async def test_it_does_not_overrule_what_is_signed(self, registry: World, evil: Hostile) -> None:
        evil.claims = {"groups": LEFT_OUT, "name": "Signed"}
        evil.userinfo = {"groups": ["devs"], "name": "Claimed"}
        await registry.login("evil")
        user = registry.directory.known("evil:mallory")
        assert user is not None
        assert (user.name, user.provider_groups) == ("Signed", ["devs"])


class TestMetadata:
    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "http://a$(id)/",
            "http://127.0.0.1@evil.test/",
            "http://somewhere.test/authorize",
            "https://host.test/#fragment",
            "//host.test/x",
            7,
        ],
    )
    @pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"])
    async def test_an_endpoint_that_is_no_plain_url_leads_nowhere(
        self, registry: World, evil: Hostile, member: str, url: object
    ) -> None:
        evil.metadata = {member: url}
        page = await registry.browser().get(f"{registry.url}/login/evil")
        assert (page.status_code, "location" in page.headers) == (502, False)

    @pytest.mark.parametrize("issuer", ["https://other.test", "{issuer}/", LEFT_OUT, 7])
    async def test_metadata_of_another_issuer_leads_nowhere(self, registry: World, evil: Hostile, issuer: Any) -> None:
        evil.metadata = {"issuer": issuer.replace("{issuer}", evil.issuer) if isinstance(issuer, str) else issuer}
        assert (await registry.browser().get(f"{registry.url}/login/evil")).status_code == 502

    async def test_a_private_address_is_not_asked_for_tokens(self, registry: World, evil: Hostile) -> None:
        evil.metadata = {"token_endpoint": "https://169.254.169.254/latest/meta-data"}
        assert (await refused(registry))[0] == 502

    @pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
    async def test_metadata_without_an_endpoint_signs_nobody_in(
        self, registry: World, evil: Hostile, member: str
    ) -> None:
        evil.metadata = {member: LEFT_OUT}
        assert (await registry.browser().login("evil")).status_code == 502

    async def test_an_endpoint_keeps_the_parameters_it_has(self, registry: World, evil: Hostile) -> None:
        evil.metadata = {"authorization_endpoint": f"{evil.issuer}/authorize?tenant=7"}
        assert (await registry.browser().start("evil"))["tenant"] == "7"


async def test_a_logged_in_browser_gets_a_new_session_and_loses_the_old_one(registry: World, evil: Hostile) -> None:
    browser = registry.browser()
    first = await registry.login("evil", browser=browser)
    second = await registry.login("evil", browser=browser)
    assert first.id != second.id
    assert [session.id for session in await registry.sessions.of_user("evil:mallory")] == [second.id]


async def test_a_login_leads_back_to_the_request_it_began_with(registry: World, evil: Hostile) -> None:
    page = await registry.browser().login("evil", request="req-1_A")
    assert (urlsplit(str(page.url)).path, str(page.url.query.decode())) == ("/consent", "request=req-1_A")


@pytest.mark.parametrize("request_", ["https://evil.test/", "//evil.test", "a%0d%0ab"])
async def test_what_is_no_id_of_a_request_leads_to_the_account(registry: World, evil: Hostile, request_: str) -> None:
    page = await registry.browser().login("evil", request=request_)
    assert str(page.url) == f"{registry.url}/account"


async def test_a_user_who_is_switched_off_is_not_let_in(registry: World, evil: Hostile) -> None:
    await registry.login("evil")
    await registry.directory.put(SYSTEM, "evil:mallory", active=False)
    browser = registry.browser()
    page = await browser.login("evil")
    assert (page.status_code, await browser.session()) == (403, None)
