"""Cookies of the login pages, and what guards their forms."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from airegistry.core.documents import Json
from airegistry.core.tokens import digest
from airegistry.oauth.login.cookies import COLLECTION, Cookies, Csrf, open_csrf
from airegistry.stores.cipher import open_cipher
from airegistry.stores.memory import MemoryStore

pytestmark = pytest.mark.anyio


def having(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})


def test_a_cookie_is_bound_to_the_host_and_out_of_reach_of_scripts() -> None:
    answer = Response()
    Cookies("https://r.test").set(answer, "session", "abc", max_age=60)
    (cookie,) = answer.headers.getlist("set-cookie")
    assert cookie.startswith("__Host-airegistry-session=abc;")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly", "max-age=60", "path=/", "samesite=lax", "secure",
    }  # fmt: skip


def test_over_http_on_loopback_clients_that_are_no_browsers_get_one_they_send_back() -> None:
    answer = Response()
    Cookies("http://127.0.0.1:8080").set(answer, "browser", "abc")
    host, plain = answer.headers.getlist("set-cookie")
    assert host.startswith("__Host-airegistry-browser=abc;")
    assert "Secure" in host
    assert plain.startswith("airegistry-browser=abc;")
    assert "Secure" not in plain
    assert "HttpOnly" in plain


def test_the_bound_cookie_comes_before_the_plain_one_and_the_plain_one_counts_on_loopback_alone() -> None:
    both = having("airegistry-session=planted; __Host-airegistry-session=own")
    plain = having("airegistry-session=planted")
    assert Cookies("http://127.0.0.1:8080").get(both, "session") == "own"
    assert Cookies("http://127.0.0.1:8080").get(plain, "session") == "planted"
    assert Cookies("https://r.test").get(plain, "session") is None
    assert Cookies("https://r.test").get(having("other=1"), "session") is None


def test_forgetting_clears_what_was_set() -> None:
    answer = Response()
    Cookies("http://127.0.0.1:8080").delete(answer, "session")
    assert all('=""' in cookie and "Max-Age=0" in cookie for cookie in answer.headers.getlist("set-cookie"))


def test_a_field_fits_its_holder_and_purpose_alone() -> None:
    csrf = Csrf(b"k" * 32)
    field = csrf.token("browser", "login")
    assert csrf.fits(field, "browser", "login")
    assert not csrf.fits(field, "another", "login")
    assert not csrf.fits(field, "browser", "consent")
    assert not csrf.fits(field[:-1], "browser", "login")
    assert not csrf.fits(None, "browser", "login")
    assert not csrf.fits("ü", "browser", "login")
    assert not Csrf(b"l" * 32).fits(field, "browser", "login")


async def test_processes_over_one_store_share_the_key_and_it_lies_there_sealed() -> None:
    store, cipher = MemoryStore(), open_cipher(None)
    first, second = await open_csrf(store, cipher), await open_csrf(store, cipher)
    assert second.fits(first.token("browser", "login"), "browser", "login")
    kept = [document.body async for document in store.find(COLLECTION)]
    sealed: Json = kept[0]
    assert bytes.fromhex(cipher.decrypt(str(sealed["key"]))) not in str(sealed).encode()


def test_what_is_kept_of_a_secret_is_not_the_secret() -> None:
    assert digest("secret") != digest("Secret")
    assert "secret" not in digest("secret")
