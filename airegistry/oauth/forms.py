"""What OAuth and login requests carry: forms, read strictly, and errors, answered as RFC 6749 has them."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from airegistry.core.errors import AirError

MAX_FORM = 65_536
BODY_SECONDS = 20.0
"""Within which the body of a request has arrived, as its head must have: nobody needs a token to send one slowly."""
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class OAuthError(AirError):
    """A refusal in OAuth's own words: `error` (RFC 6749 section 5.2 and others) and a sentence."""

    code = "invalid"

    def __init__(
        self, error: str, message: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.error = error
        self.status = status
        self.headers = headers or {}

    def response(self) -> JSONResponse:
        """The answer of an endpoint that answers in JSON."""
        body = {"error": self.error, "error_description": self.message}
        return JSONResponse(body, self.status, {**NO_STORE, **self.headers})


class Form:
    """Parameters of a request; each may be given once (RFC 6749 section 3.2), and an empty one counts as left out."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        """A parameter, None when it was left out."""
        return self._values.get(name) or None

    def need(self, name: str) -> str:
        """A parameter that must be there.

        Raises:
            OAuthError: it is not.
        """
        value = self.get(name)
        if value is None:
            raise OAuthError("invalid_request", f"{name} is missing")
        return value

    def scopes(self) -> list[str]:
        """The `scope` parameter as a list without repetitions."""
        return list(dict.fromkeys((self.get("scope") or "").split()))


def parse_form(text: str) -> Form:
    """Parameters in the form encoding.

    Raises:
        OAuthError: they are malformed, or one is given twice.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), encoding="utf-8", errors="strict")
    except ValueError:
        raise OAuthError("invalid_request", "the parameters are not form-encoded") from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise OAuthError("invalid_request", "a parameter is given twice")
    if any("\0" in value for value in values.values()):
        raise OAuthError("invalid_request", "a parameter holds a NUL")
    return Form(values)


async def read_form(request: Request) -> Form:
    """The form a request carries as its body, at most 64 KiB.

    Raises:
        OAuthError: it is no form, too long or malformed.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "the body must be application/x-www-form-urlencoded")
    try:
        return parse_form((await read_body(request)).decode("utf-8"))
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", "the parameters are not UTF-8") from None


async def read_body(request: Request, limit: int = MAX_FORM, *, seconds: float = BODY_SECONDS) -> bytes:
    """The body of a request, at most `limit` bytes.

    Raises:
        OAuthError: it is longer, ends early, or takes longer than `seconds`.
    """
    body = bytearray()
    try:
        with anyio.fail_after(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise OAuthError("invalid_request", f"the body is longer than {limit} bytes", status=413)
    except TimeoutError:
        raise OAuthError(
            "invalid_request", "the body took too long to arrive", status=408, headers={"connection": "close"}
        ) from None
    except ClientDisconnect:  # nobody hears the answer, and it is no error of ours to log
        raise OAuthError("invalid_request", "the body ended early") from None
    return bytes(body)
