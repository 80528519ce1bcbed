"""What goes back to a client by way of the browser: a code or an error, always with `state` and `iss` (RFC 9207)."""

from urllib.parse import urlencode

from starlette.responses import RedirectResponse

from airegistry.oauth.forms import OAuthError
from airegistry.oauth.login.visitors import see_other


class Answers:
    """Sends browsers back to clients. `issuer` is the exact string of the metadata."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def code(self, redirect_uri: str, state: str | None, code: str) -> RedirectResponse:
        """The authorization response (RFC 6749 section 4.1.2)."""
        return self._answer(redirect_uri, state, {"code": code})

    def error(self, redirect_uri: str, state: str | None, error: OAuthError) -> RedirectResponse:
        """The error response (RFC 6749 section 4.1.2.1)."""
        return self._answer(redirect_uri, state, {"error": error.error, "error_description": error.message})

    def _answer(self, redirect_uri: str, state: str | None, params: dict[str, str]) -> RedirectResponse:
        given = {} if state is None else {"state": state}
        return see_other(with_query(redirect_uri, {**params, **given, "iss": self._issuer}))


def with_query(uri: str, params: dict[str, str]) -> str:
    """A redirect URI with parameters added to those it has. It is not taken apart, so any scheme survives."""
    glue = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return f"{uri}{glue}{urlencode(params)}"
