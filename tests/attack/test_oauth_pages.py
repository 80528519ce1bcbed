"""What pages and their answers can be abused for, by people who registered a client or planted a cookie."""

import json
import tracemalloc
from collections.abc import Mapping

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request

from airegistry.core.assets import Json
from airegistry.core.errors import RateLimited
from airegistry.core.limits import Limiter
from airegistry.core.principals import SYSTEM
from airegistry.egress.json_http import Answer
from airegistry.oauth.clients.client_auth import ClientAuthenticator
from airegistry.oauth.clients.client_documents import ClientDocuments
from airegistry.oauth.clients.clients import Clients
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.login.answers import Answers
from airegistry.oauth.login.authorize import Authorize
from airegistry.oauth.login.cookies import Cookies, Csrf
from airegistry.oauth.login.visitors import Visitors
from airegistry.oauth.login.wording import shown, stays_here
from airegistry.oauth.model import Session
from airegistry.oauth.replay import Replay
from airegistry.oauth.resources import Resources
from tests.oauth import proving
from tests.oauth.browsing import (
    DENY,
    DOCUMENT,
    LOOPBACK,
    Web,
    allow,
    answer,
    asked,
    build_web,
    consent,
    document,
    request_of,
)
from tests.oauth.issuing import REDIRECT, URL, VERIFIER

pytestmark = pytest.mark.anyio
EVIL = "https://evil.test/landing"
BAD_REQUESTS = [
    {"response_type": "token"},
    {"code_challenge": None},
    {"resource": "https://x.test"},
    {"prompt": "none"},
]


async def stranger(web: Web, redirect_uri: str, name: str = "") -> str:
    """A client that registered itself."""
    metadata: Json = {"redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none", "client_name": name}
    made, _ = await web.clients.register(metadata, source="192.0.2.66")
    return made.client_id


@pytest.mark.parametrize("bad", BAD_REQUESTS)
@pytest.mark.parametrize("uri", [EVIL, EVIL.replace("https", "HTTPS")])
async def test_a_link_of_ours_leads_nobody_to_an_address_that_a_stranger_registered(
    bad: dict[str, str | None], uri: str
) -> None:
    """RFC 9700 section 4.11.2: /authorize with a mistake in it would be an open redirector."""
    web = await build_web()
    client_id = await stranger(web, uri, name="Bank <b>")
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked(client_id=client_id, redirect_uri=uri, **bad))
        assert page.status == 400
        assert "location" not in page.response.headers
        assert "Go on to evil.test" in page.text
        (link,) = page.parsed.links
        assert link.startswith(f"{uri}?error=")
        assert "state=s+t%26%3D" in link


async def test_nor_does_a_page_that_finds_nothing_to_ask() -> None:
    web = await build_web()
    client_id = await stranger(web, EVIL)
    for more in ({"scope": "of-nobody"}, {"prompt": "none"}):
        async with web.browser() as browser:
            await browser.login()
            page = await consent(browser, client_id=client_id, redirect_uri=EVIL, **more)
            assert (page.status, "location" in page.response.headers) == (400, False)


async def test_mistakes_of_documents_of_strangers_are_told_on_a_page_too() -> None:
    web = await build_web()
    web.documents.clients[DOCUMENT] = document(EVIL)
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked(client_id=DOCUMENT, redirect_uri=EVIL, response_type="token"))
        assert page.status == 400


async def test_what_a_person_decided_and_what_stays_on_the_device_goes_back_by_itself() -> None:
    web = await build_web()
    far, near = await stranger(web, EVIL), await stranger(web, LOOPBACK)
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser, client_id=far, redirect_uri=EVIL)
        told = answer(await browser.submit(page, "/consent", **DENY), EVIL)
        assert told["error"] == "access_denied"
        assert (await allow(browser, client_id=far, redirect_uri=EVIL)).keys() == {"code"}
        bad = asked(client_id=near, redirect_uri=LOOPBACK, response_type="token")
        assert answer(await browser.get("/authorize", **bad), LOOPBACK)["error"] == "unsupported_response_type"


def test_an_address_does_not_stay_on_the_device_for_being_spelled_in_capitals() -> None:
    assert not stays_here("HTTPS://evil.test/cb")
    assert stays_here("com.example.app:/cb")


@pytest.mark.parametrize("blank", ["\u3164", "\u115f", "\uffa0", "\u2800"])
def test_a_name_of_letters_that_look_like_nothing_is_shown_as_odd(blank: str) -> None:
    assert blank not in shown(f"Trusted{blank}App")


@pytest.mark.parametrize(
    "cookie",
    [
        b"\xa0__Host-airegistry-session=planted",
        b"a=b; \x85__Host-airegistry-session=planted",
        b"\x1f__Host-airegistry-session=planted",
        b"__Host-airegistry-session\xa0=planted",
        b"__Host-airegistry-session=planted; __Host-airegistry-session=own",
        b"=__host-airegistry-session=planted",
    ],
)
def test_what_another_host_could_set_is_no_host_cookie(cookie: bytes) -> None:
    """Browsers keep `__Host-` from others to the letter; a parser that trims more than they do undoes that."""
    request = Request({"type": "http", "headers": [(b"cookie", cookie)]})
    assert Cookies("https://r.test").get(request, "session") is None


async def session_of(web: Web) -> Session:
    """Ann's newest session."""
    return (await web.sessions.of_user("ann"))[0]


@pytest.mark.parametrize("end", ["password", "log out", "remove"])
async def test_a_code_that_was_being_made_while_the_persons_logins_ended_is_worth_nothing(end: str) -> None:
    """Whoever has a stolen session asks for codes without pause: one of them is written just after the others ended."""
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        request = request_of(await browser.get("/authorize", **asked()))
        wanted = await web.pending.find(request, browser.cookie("browser"))
        stolen = await session_of(web)
        web.clock.pass_(1)
        if end == "password":
            await web.directory.set_password(SYSTEM, "ann", "another long passphrase")
        elif end == "log out":
            await web.directory.log_out(SYSTEM, "ann")
        else:
            await web.directory.remove(SYSTEM, "ann")
            await web.directory.put(SYSTEM, "ann", password="another long passphrase")
        code = await web.authorizations.code(wanted, subject="user:ann", scopes=["mcp"], session=stolen)
        with pytest.raises(OAuthError, match="ended"):
            await web.redeem(code)


async def test_a_refresh_token_from_before_does_not_outlive_a_crash_in_the_middle_of_the_end() -> None:
    """No listener runs here, as if the process had died after the new password was written."""
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        code = (await allow(browser))["code"]
        client = await web.clients.find("app")
        assert client is not None
        form = Form({"code_verifier": VERIFIER, "redirect_uri": REDIRECT})
        _, refresh = await web.authorizations.redeem(code, client, form)
        assert refresh is not None
        web.clock.pass_(1)
        await web.directory.set_password(SYSTEM, "ann", "another long passphrase")
        with pytest.raises(OAuthError, match="ended"):
            await web.authorizations.refresh(refresh, client, Form({}))


class Fetches:
    """Documents that describe clients, whatever the URL; `asked` were."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int) -> Answer:
        self.asked.append(url)
        body = {"client_id": url, "redirect_uris": [LOOPBACK], "token_endpoint_auth_method": "none"}
        return Answer(200, {"content-type": "application/json"}, json.dumps(body).encode())


@pytest.mark.parametrize("endpoint", ["authorize", "token"])
async def test_one_address_does_not_use_up_the_fetches_of_client_documents(endpoint: str) -> None:
    """All addresses together have 300 a minute: whoever takes them shuts out everybody whose client is not cached."""
    web, http = await build_web(), Fetches()
    clients = Clients(web.store, web.access, web.audit, web.clock, ClientDocuments(http, web.clock))
    replay = Replay(web.store, web.clock)
    door = ClientAuthenticator(clients, URL, f"{URL}/token", proving.Published(), replay, web.clock)
    visitors = Visitors(Cookies(URL), Csrf(b"k"), web.sessions, URL)
    limiter = Limiter(web.clock, burst=1000, seconds=60, what="requests")
    page = Authorize(clients, web.pending, Resources(URL), visitors, Answers(URL), limiter)

    async def ask(number: int, source: str) -> bool:
        url = f"https://host-{number}.test/client.json"
        if endpoint == "authorize":
            transport = ASGITransport(app=Starlette(routes=page.routes()), client=(source, 1))
            async with AsyncClient(transport=transport, base_url=URL) as browser:
                asked_for = {"client_id": url, "redirect_uri": LOOPBACK}
                return (await browser.get("/authorize", params=asked_for)).status_code == 303
        request = Request({"type": "http", "method": "POST", "headers": [], "client": (source, 1)})
        try:
            return (await door.authenticate(request, Form({"client_id": url}))).client_id == url
        except OAuthError as refusal:
            return refusal.status != 429

    assert [await ask(number, "192.0.2.66") for number in range(320)].count(True) == 30
    assert len(http.asked) == 30
    assert await ask(400, "192.0.2.1")


async def test_names_that_strangers_make_up_take_no_room() -> None:
    door = await proving.opened()
    tracemalloc.start()
    try:
        for number in range(500):
            with pytest.raises((OAuthError, RateLimited)):
                await door.enter({"client_id": f"{number:04}".ljust(2000, "\u4e00"), "client_secret": "x"})
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 625_000, "500 names of 2,000 letters are 2 MB"


async def test_a_form_of_ours_is_sent_by_browsers_with_our_origin() -> None:
    """Fetch standard: a form of a page with `no-referrer` goes out with `Origin: null`, which is refused as foreign."""
    web = await build_web()
    async with web.browser() as browser:
        pages = [await browser.get("/login")]
        page = await consent(browser)
        pages += [page, await browser.submit(page, "/login", username="ann", password="wrong")]
        await browser.login()
        pages += [await consent(browser), await browser.get("/logout")]
        pages += [await browser.get("/account/password"), await browser.get("/account/second-factor")]
    for page in pages:
        assert page.parsed.actions, page.text
        assert page.response.headers["referrer-policy"] == "same-origin"
