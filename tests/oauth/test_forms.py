"""Forms are read strictly."""

import pytest
from starlette.requests import Request
from starlette.types import Message

from airegistry.oauth.forms import MAX_FORM, OAuthError, parse_form, read_form

pytestmark = pytest.mark.anyio


def request(body: bytes, kind: bytes = b"application/x-www-form-urlencoded", chunk: int = 1000) -> Request:
    parts = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]

    async def receive() -> Message:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    scope = {"type": "http", "method": "POST", "path": "/token", "headers": [(b"content-type", kind)]}
    return Request(scope, receive)


async def test_a_form_is_read() -> None:
    form = await read_form(request(b"grant_type=a%20b&scope=x+y+x&empty=", b"Application/X-WWW-Form-Urlencoded; a=b"))
    assert form.need("grant_type") == "a b"
    assert form.scopes() == ["x", "y"]
    assert form.get("empty") is None
    assert form.get("absent") is None


async def test_an_empty_body_is_an_empty_form() -> None:
    form = await read_form(request(b""))
    assert form.scopes() == []
    with pytest.raises(OAuthError, match="code is missing") as refused:
        form.need("code")
    assert refused.value.error == "invalid_request"


@pytest.mark.parametrize("text", ["a=1&a=2", "a=1&b", "a=%ff", "a=%00", "&", "a=1&&b=2"])
def test_a_malformed_or_repeated_parameter_is_refused(text: str) -> None:
    with pytest.raises(OAuthError) as refused:
        parse_form(text)
    assert (refused.value.error, refused.value.status) == ("invalid_request", 400)


@pytest.mark.parametrize("kind", [b"application/json", b"multipart/form-data; boundary=x", b"text/plain", b""])
async def test_another_content_type_is_refused(kind: bytes) -> None:
    with pytest.raises(OAuthError, match="x-www-form-urlencoded"):
        await read_form(request(b"a=1", kind))


async def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(OAuthError, match="UTF-8"):
        await read_form(request(b"a=\xff"))


async def test_a_form_that_is_too_long_is_refused_before_its_end() -> None:
    with pytest.raises(OAuthError) as refused:
        await read_form(request(b"a=" + b"x" * MAX_FORM))
    assert refused.value.status == 413


def test_a_refusal_answers_as_oauth_has_it() -> None:
    answer = OAuthError("invalid_client", "who?", status=401, headers={"www-authenticate": "Basic"}).response()
    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["www-authenticate"] == "Basic"
    assert bytes(answer.body) == b'{"error":"invalid_client","error_description":"who?"}'
