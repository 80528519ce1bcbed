"""What a browser is told when something is refused or fails."""

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.core.errors import AirError, Conflict, Internal, RateLimited
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.login.visitors import Refused, in_words, paged
from tests.oauth.browsing import XSS, Page, read
from tests.oauth.issuing import URL

pytestmark = pytest.mark.anyio


async def told(error: AirError) -> Page:
    """The page that an error becomes."""

    async def fail(request: Request) -> Response:
        raise error

    app = Starlette(routes=[Route("/", paged(fail))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=URL) as http:
        return read(await http.get("/"))


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Refused("No", "Because.", status=403, headers={"x-why": "because"}), 403, "No Because."),
        (OAuthError("invalid_request", XSS), 400, XSS),
        (OAuthError("invalid_request", "too long", status=413), 413, "too long."),
        (RateLimited("too many logins", retry_after=0.2), 429, "Wait 1 second, then"),
        (Conflict("of versions"), 409, "Somebody else was faster"),
        (Internal("/secret/folder is full"), 503, "Something went wrong here"),
    ],
)
async def test_each_error_is_a_page_that_says_what_to_do(error: AirError, status: int, words: str) -> None:
    page = await told(error)
    assert page.status == status
    assert words in page.text
    assert "secret" not in page.text


async def test_headers_of_a_refusal_are_sent() -> None:
    assert (await told(Refused("No", "Because.", headers={"x-why": "because"}))).response.headers["x-why"] == "because"
    assert (await told(RateLimited("too many", retry_after=29.1))).response.headers["retry-after"] == "30"


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (900, "15 minutes")]
)
def test_times_to_wait_are_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words
