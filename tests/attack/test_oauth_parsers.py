"""Nonsense at the public endpoints of the authorization server: refused in a sentence, never an error of ours."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from airegistry.oauth.forms import OAuthError, read_body
from tests.support.registry import Registry, serving
from tests.support.rounds import examples

PUBLIC_KEY = {"kty": "RSA", "n": "_" * 341 + "w", "e": "AQAB"}
NATIVE = {"redirect_uris": ["http://127.0.0.1/cb"]}
FORM = "application/x-www-form-urlencoded"
WORDS = st.sampled_from(
    "code S256 none dyn- dyn-x https://[::1 https://a/.. :// mcp a.b.c e30.e30.e30 authorization_code refresh_token "
    "client_credentials urn:ietf:params:oauth:client-assertion-type:jwt-bearer eyJhbGciOltdfQ.eyJzdWIiOlsxXX0.x".split()
)
TEXTS = WORDS | st.text(max_size=80) | st.binary(max_size=40)
NAMES = st.sampled_from(
    "client_id redirect_uri response_type state scope resource code_challenge code_challenge_method prompt request "
    "response_mode grant_type code code_verifier refresh_token token client_secret client_assertion "
    "client_assertion_type assertion subject_token subject_token_type audience".split()
)
FORMS = st.lists(st.tuples(NAMES, TEXTS), max_size=12, unique_by=lambda pair: pair[0])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
METADATA = st.dictionaries(
    st.sampled_from(
        "client_name redirect_uris grant_types response_types token_endpoint_auth_method application_type jwks "
        "jwks_uri client_uri logo_uri scope".split()
    ),
    JSON,
)
MANY = settings(max_examples=examples(300), deadline=None)


class Strangers:
    """Anonymous requests, each from another address, so that no limit ends the attack."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.http = httpx2.Client(base_url=registry.url, timeout=30, trust_env=False)
        self._sent = 0

    def ask(self, method: str, path: str, content: bytes = b"", kind: str = FORM) -> httpx2.Response:
        """A request, which must not be answered with an error of the registry's own."""
        self._sent += 1
        source = f"192.0.{self._sent // 250 % 250}.{self._sent % 250 + 1}"
        headers = {"x-forwarded-for": source, "content-type": kind}
        answer = self.http.request(method, path, content=content, headers=headers)
        assert answer.status_code < 500, (method, path, content, answer.text)
        return answer

    def silent(self) -> bool:
        """Whether the log has no traceback."""
        return "Traceback" not in self.registry.process.output()


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strangers]:
    with serving(tmp_path_factory.mktemp("strangers"), {"AIREGISTRY_TRUSTED_PROXIES": "127.0.0.1"}) as registry:
        made = Strangers(registry)
        yield made
        made.http.close()


def test_no_parameters_break_authorize(strangers: Strangers) -> None:
    made = strangers.ask("POST", "/register", json.dumps(NATIVE).encode(), "application/json").json()
    good = {"client_id": made["client_id"], "response_type": "code", "code_challenge_method": "S256",
            "code_challenge": "a" * 43}  # fmt: skip

    @MANY
    @given(FORMS, st.booleans())
    def attack(pairs: list[tuple[str, str | bytes]], known: bool) -> None:
        query = urlencode({**(good if known else {}), **dict(pairs)}, errors="surrogatepass")
        strangers.ask("GET", f"/authorize?{query}")
        strangers.ask("POST", "/authorize", query.encode())

    attack()
    assert strangers.silent()


@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect", "/login", "/consent", "/logout/corp"])
def test_no_form_breaks_an_endpoint(strangers: Strangers, path: str) -> None:
    @settings(max_examples=examples(100), deadline=None)
    @given(FORMS.map(lambda pairs: urlencode(pairs, errors="surrogatepass").encode()) | st.binary(max_size=100))
    def attack(form: bytes) -> None:
        strangers.ask("POST", path, form)

    attack()
    assert strangers.silent()


@pytest.mark.parametrize("path", ["/login", "/consent", "/login/corp", "/callback/corp", "/login/%00", "/callback/%ff"])
def test_no_query_breaks_a_page(strangers: Strangers, path: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(["request", "state", "code", "error", "iss"]), TEXTS)
    def attack(name: str, value: str | bytes) -> None:
        strangers.ask("GET", f"{path}?{urlencode({name: value}, errors='surrogatepass')}")

    attack()
    assert strangers.silent()


def test_no_metadata_break_the_registration(strangers: Strangers) -> None:
    @MANY
    @given(METADATA.map(lambda found: json.dumps({**NATIVE, **found}).encode()) | st.binary(max_size=100))
    def attack(body: bytes) -> None:
        strangers.ask("POST", "/register", body, "application/json")

    attack()
    assert strangers.silent()


@pytest.mark.parametrize("member", ["kid", "alg"])
def test_half_of_a_surrogate_pair_in_a_key_is_refused(strangers: Strangers, member: str) -> None:
    """No store can keep it."""
    for text, status in (("RS256", 201), ("\ud800", 400)):
        keys = {"keys": [{**PUBLIC_KEY, member: text}]}
        body = json.dumps({**NATIVE, "token_endpoint_auth_method": "private_key_jwt", "jwks": keys}).encode()
        assert strangers.ask("POST", "/register", body, "application/json").status_code == status
    assert strangers.silent()


@contextmanager
def half_sent(registry: Registry, path: str, kind: str) -> Iterator[socket.socket]:
    """A connection with a request whose body has begun."""
    port = urlsplit(registry.url).port or 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {kind}\r\nContent-Length: 99\r\n\r\n"
        connection.sendall(head.encode() + b"a=")
        yield connection


@pytest.mark.parametrize("path", ["/token", "/register", "/login", "/consent", "/authorize", "/account/password"])
def test_who_hangs_up_in_the_middle_of_a_body_fills_no_log(strangers: Strangers, path: str) -> None:
    kind = "application/json" if path == "/register" else FORM
    with half_sent(strangers.registry, path, kind):
        strangers.ask("GET", "/healthz")  # the registry has read what was sent before
    strangers.ask("GET", "/healthz")
    assert strangers.silent()


@pytest.mark.anyio
async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> dict[str, object]:
        await anyio.sleep_forever()
        raise AssertionError

    request = Request({"type": "http", "method": "POST", "headers": []}, never)
    with anyio.fail_after(5), pytest.raises(OAuthError) as refusal:
        await read_body(request, seconds=0.01)
    assert refusal.value.status == 408
    assert refusal.value.headers["connection"] == "close"


def test_bodies_and_heads_have_an_end(strangers: Strangers) -> None:
    for path, most in (("/token", 65_536), ("/register", 8192), ("/login", 65_536), ("/logout/corp", 65_536)):
        kind = "application/json" if path == "/register" else FORM
        assert strangers.ask("POST", path, b"a" * (most + 1), kind).status_code == 413, path
