"""What credentials may say, and that no message, repr or answer holds their secrets."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.credential_kinds import (
    FORBIDDEN,
    Bearer,
    Headers,
    headers_of,
    hide,
    origin_of,
    parsed,
    revealed,
    secrets_of,
    shown,
)
from airegistry.core.errors import Invalid, Unsupported, UpstreamFailed

SECRET = "s3cret-s3cret"  # a test's
CLIENT: Json = {"client_id": "app", "client_secret": SECRET}
KINDS: list[Json] = [
    {"kind": "none"},
    {"kind": "bearer", "token": SECRET},
    {"kind": "api_key", "header": "X-Api-Key", "value": SECRET},
    {"kind": "headers", "headers": {"X-One": SECRET, "X-Two": "with spaces inside"}},
    {"kind": "oauth_client", **CLIENT, "scope": "a b", "issuer": "https://as.test", "audience": "x", "resource": "y"},
    {
        "kind": "token_exchange",
        **CLIENT,
        "token_endpoint": "https://as.test/token",
        "auth_method": "client_secret_post",
    },
    {"kind": "per_user", **CLIENT, "scope": "mail"},
]


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: str(fields["kind"]))
def test_each_kind_is_read_and_comes_out_of_its_seal_as_it_was(fields: Json) -> None:
    credential = parsed(fields)
    assert parsed(revealed(credential)) == credential
    assert SECRET not in repr(credential) + str(credential) + str(shown(credential))
    assert (SECRET in secrets_of(credential)) is (fields["kind"] != "none")


def test_what_is_sent_has_names_in_lower_case() -> None:
    assert headers_of(Bearer.model_validate({"token": SECRET})) == {"authorization": f"Bearer {SECRET}"}
    several = parsed({"kind": "headers", "headers": {"X-One": SECRET, "x-two": "v"}})
    assert isinstance(several, Headers)
    assert headers_of(several) == {"x-one": SECRET, "x-two": "v"}
    key = parsed({"kind": "api_key", "header": "X-Api-Key", "value": SECRET})
    assert shown(key) == {"kind": "api_key", "header": "x-api-key", "value": "**********"}


@pytest.mark.parametrize(
    "name",
    [
        *sorted(FORBIDDEN), "Host", "Mcp-Session-Id", "mcp-protocol-version", "Cookie", "Proxy-Authorization",
        "X-Forwarded-For", "Sec-Fetch-Site", "", "a b", "x:y", "x\r\ny", "ü", "x" * 65,
    ],
)  # fmt: skip
def test_headers_that_say_what_a_message_is_or_that_are_none_are_refused(name: str) -> None:
    wrong: list[Json] = [
        {"kind": "api_key", "header": name, "value": SECRET}, {"kind": "headers", "headers": {name: SECRET}},
    ]  # fmt: skip
    for fields in wrong:
        with pytest.raises(Invalid) as refusal:
            parsed(fields)
        assert SECRET not in refusal.value.message


@pytest.mark.parametrize(
    "value", ["", " x", "x ", "a\r\nhost: b", "a\nb", "a\x00b", "Größe", "\u2028", "x" * 8193, "a\tb", "a\x7fb"]
)
def test_values_that_would_break_out_of_their_header_are_refused(value: str) -> None:
    wrong: list[Json] = [
        {"kind": "api_key", "header": "x-key", "value": value}, {"kind": "headers", "headers": {"x-key": value}},
        {"kind": "bearer", "token": value},
    ]  # fmt: skip
    for fields in wrong:
        with pytest.raises(Invalid) as refusal:
            parsed(fields)
        assert len(value) < 4 or value not in refusal.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"kind": "basic"}, {"kind": "bearer"}, {"kind": "bearer", "token": SECRET, "more": SECRET},
        {"kind": "bearer", "token": [SECRET]}, {"kind": "bearer", "token": {"a": SECRET}},
        {"kind": "headers", "headers": {}},
        {"kind": "headers", "headers": {f"x-{n}": "v" for n in range(17)}}, {"kind": "bearer", "token": "a b"},
        {"kind": "oauth_client", "client_id": "app"}, {"kind": "token_exchange", **CLIENT},
        {"kind": "per_user", "client_secret": SECRET}, {"kind": "oauth_client", **CLIENT, "issuer": "file:///etc/passwd"},
        {"kind": "oauth_client", **CLIENT, "token_endpoint": "javascript:alert(1)"},
        {"kind": "per_user", "issuer": "https://user@as.test"}, {"kind": "per_user", "scope": "a  b"},
        {"kind": "per_user", "scope": 'a"b'},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_without_a_word_of_what_it_held(fields: Json) -> None:
    with pytest.raises(Invalid) as refusal:
        parsed(fields)
    assert SECRET not in refusal.value.message
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.Test/mcp", "https://api.test:443"), ("http://api.test", "http://api.test:80"),
        ("https://api.test:8443?x=1", "https://api.test:8443"), ("https://api.test./mcp", "https://api.test:443"),
        ("http://[::1]:9/mcp", "http://[::1]:9"), ("HTTPS://api.test:443/", "https://api.test:443"),
    ],
)  # fmt: skip
def test_an_origin_has_one_spelling(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "ftp://a.test",
        "https://user@a.test",
        "https://a.test\\@b.test",
        "https://",
        "//a.test",
        "https://a test",
    ],
)
def test_what_is_no_address_has_no_origin(url: str | None) -> None:
    with pytest.raises(Unsupported):
        origin_of(url)


def test_what_a_server_repeats_of_a_secret_is_taken_out_of_the_message() -> None:
    error = UpstreamFailed(f"x said: Bearer {SECRET} is wrong, {SECRET}")
    hide(error, [f"Bearer {SECRET}", "is"])
    assert error.message == str(error) == "x said: *** is wrong, ***"
