"""What goes back to a client by way of the browser: a code or an error, always with `state` and `iss` (RFC 9207)."""

from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from airegistry.oauth.forms import OAuthError
from airegistry.oauth.login import wording
from airegistry.oauth.login.render import page
from airegistry.oauth.login.visitors import see_other
from airegistry.oauth.model import Client


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

    def unasked(self, client: Client, redirect_uri: str, state: str | None, error: OAuthError) -> Response:
        """The error response to a request on which no person has decided anything.

        Anybody may have made the client, and with it a link of ours that leads anywhere: so the browser is sent on by
        itself only where an administrator said so, or no further than the person's own device (RFC 9700 4.11.2).
        """
        answer = self.error(redirect_uri, state, error)
        if client.origin == "registered" or wording.stays_here(redirect_uri):
            return answer
        return page(
            "link", "This request cannot be answered", status=400, heading="This request cannot be answered",
            text=f"{wording.shown(client.name)} was allowed nothing: {error.message}. Go on if you came from there.",
            href=answer.headers["location"], label=f"Go on to {wording.destination(redirect_uri)}",
        )  # fmt: skip

    def _answer(self, redirect_uri: str, state: str | None, params: dict[str, str]) -> RedirectResponse:
        given = {} if state is None else {"state": state}
        return see_other(with_query(redirect_uri, {**params, **given, "iss": self._issuer}))


def with_query(uri: str, params: dict[str, str]) -> str:
    """A redirect URI with parameters added to those it has. It is not taken apart, so any scheme survives."""
    glue = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return f"{uri}{glue}{urlencode(params)}"
