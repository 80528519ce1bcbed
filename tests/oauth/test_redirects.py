"""Which redirect URIs may be registered, and which of them a request may name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.oauth.clients.redirects import ApplicationType, allowed, check, derived_type
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import Client
from tests.core.wiring import NOON


def client(*uris: str, application_type: ApplicationType = "native") -> Client:
    return Client(
        client_id="c", origin="registered", redirect_uris=[*uris], application_type=application_type, created_at=NOON
    )


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:33418/callback",
        "http://127.0.0.1/",
        "http://localhost:8765",
        "http://[::1]:9000/cb?tenant=1",
        "https://vscode.dev/redirect",
        "https://127.0.0.1:8443/cb",
        "com.example.app:/oauth2redirect",
        "cursor://anysphere.cursor-retrieval/oauth/user-abc/callback",
        "vscode://vscode.github-authentication/did-authenticate",
        "https://xn--bcher-kva.example/cb",
        "https://app.example/a%2Fb",
    ],
)
def test_native_clients_register_loopback_private_schemes_and_https(uri: str) -> None:
    check(uri, "native")


@pytest.mark.parametrize("uri", ["https://claude.ai/api/mcp/auth_callback", "https://app.example:8443/cb?tenant=1"])
def test_web_clients_register_https(uri: str) -> None:
    check(uri, "web")


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/cb",
        "http://localhost:3000/cb",
        "https://localhost/cb",
        "https://app.localhost/cb",
        "https://127.0.0.2/cb",
        "https://[::1]/cb",
        "com.example.app:/cb",
        "cursor://host/cb",
    ],
)
def test_web_clients_are_reached_over_https_beyond_loopback_alone(uri: str) -> None:
    with pytest.raises(OAuthError) as refusal:
        check(uri, "web")
    assert refusal.value.error == "invalid_redirect_uri"


REFUSED = [
    "",
    "/callback",
    "callback",
    "//evil.example/cb",
    "http://app.example/cb",
    "http://127.0.0.2/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://localhost.evil.example/cb",
    "http://app.localhost/cb",
    "http://localhost./cb",
    "http://LOCALHOST/cb",
    "http://0.0.0.0/cb",
    "http://[::ffff:127.0.0.1]/cb",
    "http://2130706433/cb",
    "https://2130706433/cb",
    "https://0x7f.1/cb",
    "https://0177.0.0.1/cb",
    "https://1.2.3.4.5/cb",
    "https://[0:0:0:0:0:0:0:1]/cb",
    "https://app.example./cb",
    "https://user@evil.example/cb",
    "https://app.example@evil.example/cb",
    "https://user:pass@app.example/cb",
    "https://app.example\\@evil.example/cb",
    "https://app.example\\evil.example/cb",
    "https:\\\\app.example/cb",
    "https:/app.example/cb",
    "https:app.example",
    "https:///cb",
    "https://app.example/cb#fragment",
    "https://app.example/cb#",
    "https://*.example/cb",
    "https://app.example/*",
    "http://localhost:*/cb",
    "http://localhost:99999/cb",
    "http://localhost:0/cb",
    "https://app.example/\r\nset-cookie: a=b",
    "https://app.example/%0d%0aset-cookie",
    "https://app.example/%00",
    "https://app.example/%7f",
    "https://app.example/%zz",
    "https://app.example/a b",
    "https://app.example/\x00",
    "https://app.example/\t",
    " https://app.example/",
    "https://bücher.example/cb",
    "https://аpp.example/cb",  # a Cyrillic letter
    "https://app。example/cb",
    "https://app%2eexample/cb",
    "https://app.example/../cb",
    "https://app.example/a/%2e%2E/cb",
    "https://app.example/./cb",
    "https://app.example/<script>",
    'https://app.example/"',
    "https://app.example/cb?code=mine",
    "https://app.example/cb?a=1&iss=https://evil.example",
    "https://app.example/cb?%73tate=1",
    "javascript:alert(1)",
    "JavaScript://app.example/%61lert(1)",
    "data:text/html,hi",
    "file:///etc/passwd",
    "vbscript:x",
    "about:blank",
    "blob:https://app.example/1",
    "view-source:https://app.example",
    "ftp://app.example/cb",
    "ws://app.example/cb",
    "intent://cb",
    "mailto:a@app.example",
    "ms-msdt:/id",
    "ms-anything:x",
    "urn:ietf:wg:oauth:2.0:oob",
    "com.example.app://user@host/cb",
    "com.example.app://[/cb",
    "com.example.app:",
    "1app:/cb",
    f"https://app.example/{'a' * 2048}",
]


@pytest.mark.parametrize("uri", REFUSED)
def test_uris_that_browsers_and_servers_may_read_differently_are_refused(uri: str) -> None:
    for application_type in ("native", "web"):
        with pytest.raises(OAuthError) as refusal:
            check(uri, application_type)
        assert refusal.value.error == "invalid_redirect_uri"
        assert refusal.value.message.isprintable()
        assert len(refusal.value.message) < 400


def refusal_of(uri: str) -> OAuthError | None:
    try:
        check(uri, "native")
    except OAuthError as refusal:
        return refusal
    return None


@given(st.text(max_size=60) | st.text("htps:/.@\\#?%*[]012lc", max_size=40))
def test_whatever_is_asked_for_is_accepted_or_refused_in_oauths_words(uri: str) -> None:
    refusal = refusal_of(uri)
    if refusal is not None:
        assert refusal.error == "invalid_redirect_uri"
    else:
        assert uri.isascii()
        assert not {*"#\\*\r\n @"} & {*uri.partition("?")[0].partition("//")[2].partition("/")[0]}


def test_the_type_of_a_client_that_names_none_follows_from_its_uris() -> None:
    assert derived_type(["https://app.example/cb"]) == "web"
    for native in ("http://localhost/cb", "https://localhost/cb", "com.example.app:/cb", "nonsense"):
        assert derived_type(["https://app.example/cb", native]) == "native"


def test_a_request_names_a_registered_uri_exactly() -> None:
    registered = client("https://app.example/cb", "com.example.app:/cb", application_type="native")
    assert allowed(registered, "https://app.example/cb")
    assert allowed(registered, "com.example.app:/cb")
    for other in (
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example:443/cb",
        "https://APP.example/cb",
        "https://app.example/cb/../cb",
        "https://evil.example/cb",
        "https://app.example.evil.example/cb",
        "com.example.app:/other",
        "",
    ):
        assert not allowed(registered, other)


def test_the_port_of_a_native_clients_loopback_uri_may_vary_and_nothing_else() -> None:
    registered = client("http://127.0.0.1/cb", "http://localhost:1234/x?tenant=1", "http://[::1]")
    for same in (
        "http://127.0.0.1:50000/cb",
        "http://localhost/x?tenant=1",
        "http://localhost:9/x?tenant=1",
        "http://[::1]:80/",
        "http://[::1]:4000",
    ):
        assert allowed(registered, same), same
    for other in (
        "http://localhost:50000/cb",
        "http://127.0.0.1:50000/other",
        "http://127.0.0.1:50000/cb?x=1",
        "http://127.0.0.1:50000/cb#f",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://127.0.0.1:50000@evil.example/cb",
        "https://127.0.0.1:50000/cb",
        "http://localhost:1234/x?tenant=2",
        "http://127.0.0.2:50000/cb",
        "http://127.0.0.1:5\\0/cb",
    ):
        assert not allowed(registered, other), other


def test_a_web_client_has_no_ports_to_choose() -> None:
    registered = client("http://127.0.0.1/cb", application_type="web")
    assert not allowed(registered, "http://127.0.0.1:50000/cb")
