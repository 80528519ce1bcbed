"""Cookies of the login pages, and the proof that a form came from one of them (CSRF)."""

import contextlib
import hmac
import secrets
from typing import Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Conflict
from airegistry.core.ports import Cipher

CookieName = Literal["session", "browser", "onward"]
PREFIX = "__Host-airegistry-"
PLAIN = "airegistry-"
COLLECTION = "csrf"


class Cookies:
    """Sets and reads cookies that scripts cannot see and other hosts cannot set (RFC 6265bis `__Host-`).

    Where the public URL is http, which is loopback alone, each cookie is set once more without `Secure`: clients that
    are no browsers do not send the other one over http.
    """

    def __init__(self, url: str) -> None:
        self._names = (PREFIX,) if url.startswith("https://") else (PREFIX, PLAIN)

    def get(self, request: HTTPConnection, name: CookieName) -> str | None:
        """The value of a cookie."""
        given = [pair.strip(" \t") for line in request.headers.getlist("cookie") for pair in line.split(";")]
        for prefix in self._names:
            # To the letter: parsers that trim more let other hosts set what only looks like a `__Host-` cookie.
            found = [value for key, _, value in (pair.partition("=") for pair in given) if key == prefix + name]
            if len(found) == 1 and found[0]:
                return found[0]
        return None

    def set(self, response: Response, name: CookieName, value: str, *, max_age: int | None = None) -> None:
        """Have the browser keep a value, for `max_age` seconds or until it is closed."""
        for prefix in self._names:
            response.set_cookie(
                prefix + name, value, max_age=max_age, path="/", secure=prefix == PREFIX, httponly=True, samesite="lax"
            )

    def delete(self, response: Response, name: CookieName) -> None:
        """Have the browser forget a value."""
        for prefix in self._names:
            response.delete_cookie(prefix + name, path="/", secure=prefix == PREFIX, httponly=True, samesite="lax")


class Csrf:
    """Makes and checks the hidden field of every form: it fits one browser or session, and one purpose."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, holder: str, purpose: str) -> str:
        """The field for a browser or session (its cookie's value) and a purpose, as in `consent:REQUEST`."""
        return hmac.new(self._key, f"{holder}\0{purpose}".encode(), "sha256").hexdigest()

    def fits(self, given: str | None, holder: str, purpose: str) -> bool:
        """Whether a field is the one this holder was given."""
        return given is not None and hmac.compare_digest(given.encode(), self.token(holder, purpose).encode())


async def open_csrf(store: DocumentStore, cipher: Cipher) -> Csrf:
    """The CSRF key of a registry, made when there is none; the same in every process over one store."""
    found = await store.get(COLLECTION, "key")
    if found is None:
        with contextlib.suppress(Conflict):  # another process was first
            await store.put(COLLECTION, "key", {"key": cipher.encrypt(secrets.token_hex(32))}, expect=0)
        return await open_csrf(store, cipher)
    return Csrf(bytes.fromhex(cipher.decrypt(str(found.body["key"]))))
