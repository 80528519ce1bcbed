"""/authorize: what a client may ask for, and where the answer to a bad request goes."""

from urllib.parse import urlencode

import pytest

from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.clients import ClientChange
from tests.oauth.browsing import (
    DOCUMENT,
    LOOPBACK,
    XSS,
    Browser,
    answer,
    asked,
    build_web,
    document,
    request_of,
)
from tests.oauth.issuing import REDIRECT, URL

pytestmark = pytest.mark.anyio


async def authorize(browser: Browser, **changes: str | None) -> tuple[int, dict[str, str]]:
    page = await browser.get("/authorize", **asked(**changes))
    return page.status, answer(page) if page.status == 303 else {}


async def test_a_good_request_leads_to_the_login_and_binds_it_to_the_browser() -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked())
        assert page.response.headers["location"] == f"/login?request={request_of(page)}"
        cookie = browser.cookie("browser")
        assert cookie
        assert len(cookie) >= 43
        kept = page.response.headers["set-cookie"]
        assert all(word in kept for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"))
        assert cookie not in str([each async for each in web.store.find("authorization_requests")])


async def test_a_request_by_post_is_as_good() -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.post("/authorize", asked())
        assert request_of(page)


async def test_each_request_is_kept_anew_as_clients_ask_once_before_the_browser_does() -> None:
    """The guide's trap 9: FastMCP's client GETs the URL before it opens the browser."""
    web = await build_web()
    async with web.browser() as client, web.browser() as browser:
        first = request_of(await client.get("/authorize", **asked()))
        second = request_of(await browser.get("/authorize", **asked()))
        third = request_of(await browser.get("/authorize", **asked()))
        assert len({first, second, third}) == 3
        for id_ in (second, third):
            assert (await browser.get("/login", request=id_)).status == 200
        assert (await browser.get("/login", request=first)).status == 403


BAD_CLIENTS: list[dict[str, str | None]] = [
    {"client_id": None},
    {"client_id": "nobody"},
    {"client_id": XSS},
    {"client_id": "x" * 5000},
    {"client_id": "https://unknown.test/client.json"},
    {"redirect_uri": "https://evil.test/callback"},
    {"redirect_uri": f"{REDIRECT}/"},
    {"redirect_uri": f"{REDIRECT}?x=1"},
    {"redirect_uri": f"{REDIRECT}#x"},
    {"redirect_uri": "https://app.test@evil.test/callback"},
    {"redirect_uri": "https://app.test\\@evil.test/callback"},
    {"redirect_uri": "//evil.test"},
    {"redirect_uri": "javascript:alert(1)"},
    {"redirect_uri": XSS},
    {"redirect_uri": "x" * 5000},
    {"state": "s" * 4097},
]


@pytest.mark.parametrize("bad", BAD_CLIENTS)
async def test_without_a_known_client_and_its_own_address_nobody_is_sent_anywhere(bad: dict[str, str | None]) -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked(**bad))
        assert page.status == 400
        assert "location" not in page.response.headers
        assert "evil" not in page.response.text
        assert await web.requests() == 0


BAD_REQUESTS: list[tuple[str, dict[str, str | None]]] = [
    ("invalid_request", {"response_type": None}),
    ("unsupported_response_type", {"response_type": "token"}),
    ("unsupported_response_type", {"response_type": "code id_token"}),
    ("invalid_request", {"code_challenge": None}),
    ("invalid_request", {"code_challenge": "x" * 42}),
    ("invalid_request", {"code_challenge": "x" * 129}),
    ("invalid_request", {"code_challenge": "=" * 43}),
    ("invalid_request", {"code_challenge_method": None}),
    ("invalid_request", {"code_challenge_method": "plain"}),
    ("invalid_scope", {"scope": 'mcp "'}),
    ("invalid_scope", {"scope": "mcp  deploy"}),
    ("invalid_scope", {"scope": "mcp\ndeploy"}),
    ("invalid_scope", {"scope": "ümlaut"}),
    ("invalid_scope", {"scope": "x" * 2049}),
    ("invalid_target", {"resource": "https://elsewhere.test/mcp"}),
    ("invalid_target", {"resource": f"{URL}/mcp?x=1"}),
    ("invalid_target", {"resource": f"{URL}.evil.test/mcp"}),
    ("request_not_supported", {"request": "e30.e30."}),
    ("request_uri_not_supported", {"request_uri": "https://app.test/request.jwt"}),
    ("invalid_request", {"response_mode": "fragment"}),
    ("invalid_request", {"prompt": "none login"}),
    ("invalid_request", {"prompt": "nonsense"}),
    ("login_required", {"prompt": "none"}),
]


@pytest.mark.parametrize(("error", "bad"), BAD_REQUESTS)
async def test_a_bad_request_of_a_known_client_is_answered_with_error_state_and_issuer(
    error: str, bad: dict[str, str | None]
) -> None:
    web = await build_web()
    async with web.browser() as browser:
        _, told = await authorize(browser, **bad)
        assert told.pop("error") == error
        assert told.pop("error_description")
        assert told == {}
        assert await web.requests() == 0


async def test_only_a_request_without_state_is_answered_without() -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked(state=None, scope='"'))
        assert "state=" not in page.response.headers["location"]


@pytest.mark.parametrize("name", sorted(asked()))
async def test_a_parameter_that_is_given_twice_is_refused(name: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        twice = urlencode([*asked().items(), (name, asked()[name])])
        page = await browser.get(f"/authorize?{twice}")
        assert page.status == 400
        assert "given twice" in page.text


@pytest.mark.parametrize("query", ["client_id=%ff", "client_id=%00", "client_id", "=&=", ""])
async def test_a_query_that_is_no_form_is_refused(query: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        assert (await browser.get(f"/authorize?{query}")).status == 400


async def test_the_address_may_be_left_out_when_there_is_only_one() -> None:
    web = await build_web()
    await web.clients.put(SYSTEM, "two", ClientChange(redirect_uris=[REDIRECT, "https://app.test/other"]))
    async with web.browser() as browser:
        assert request_of(await browser.get("/authorize", **asked(redirect_uri=None)))
        assert (await browser.get("/authorize", **asked(client_id="two", redirect_uri=None))).status == 400
        assert request_of(await browser.get("/authorize", **asked(client_id="two")))


@pytest.mark.parametrize(
    ("uri", "start"),
    [
        ("https://app.test/cb?tenant=1", "https://app.test/cb?tenant=1&error="),
        ("com.example.app:/cb", "com.example.app:/cb?error="),
        ("cursor://host/oauth/cb", "cursor://host/oauth/cb?error="),
        ("com.example.app:///cb?a=b", "com.example.app:///cb?a=b&error="),
    ],
)
async def test_the_answer_is_added_to_the_address_as_it_was_registered(uri: str, start: str) -> None:
    web = await build_web()
    await web.clients.put(SYSTEM, "app", ClientChange(redirect_uris=[uri]))
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked(redirect_uri=uri, prompt="none"))
        assert page.response.headers["location"].startswith(start)
        assert answer(page, uri)["error"] == "login_required"


async def test_a_native_client_may_listen_on_any_port_of_loopback() -> None:
    web = await build_web()
    web.documents.clients[DOCUMENT] = document()
    async with web.browser() as browser:
        there = LOOPBACK.replace("/callback", ":49152/callback")
        assert request_of(await browser.get("/authorize", **asked(client_id=DOCUMENT, redirect_uri=there)))


async def test_a_client_that_is_switched_off_or_of_another_grant_gets_nothing() -> None:
    web = await build_web()
    await web.clients.put(SYSTEM, "off", ClientChange(redirect_uris=[REDIRECT], active=False))
    async with web.browser() as browser:
        assert (await browser.get("/authorize", **asked(client_id="off"))).status == 400
        web.documents.clients[DOCUMENT] = document(grant_types=["client_credentials"])
        told = answer(await browser.get("/authorize", **asked(client_id=DOCUMENT, redirect_uri=LOOPBACK)), LOOPBACK)
        assert told["error"] == "unauthorized_client"
        assert told["error_description"] == "the client is not registered for the authorization code grant"


@pytest.mark.parametrize(
    ("prompt", "leads_to"), [("", "consent"), ("consent", "consent"), ("login", "login"), ("select_account", "login")]
)
async def test_who_is_signed_in_is_asked_to_sign_in_again_only_if_the_client_wants_it(
    prompt: str, leads_to: str
) -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await browser.get("/authorize", **asked(prompt=prompt))
        assert page.response.headers["location"].startswith(f"/{leads_to}?")


async def test_requests_come_so_often_from_one_address_and_no_oftener() -> None:
    web = await build_web(burst=3)
    async with web.browser("192.0.2.1") as browser, web.browser("192.0.2.2") as other:
        for _ in range(3):
            assert (await browser.get("/authorize", **asked())).status == 303
        page = await browser.get("/authorize", **asked())
        assert page.status == 429
        assert page.response.headers["retry-after"] == "20"
        assert "Wait 20 seconds" in page.text
        assert (await other.get("/authorize", **asked())).status == 303
        web.clock.pass_(20)
        assert (await browser.get("/authorize", **asked())).status == 303


async def test_of_too_many_requests_the_oldest_give_way() -> None:
    web = await build_web(most=3)
    async with web.browser() as browser:
        ids = []
        for _ in range(5):
            ids.append(request_of(await browser.get("/authorize", **asked())))
            web.clock.pass_(1)
        assert await web.requests() == 3
        assert [(await browser.get("/login", request=id_)).status for id_ in ids] == [400, 400, 200, 200, 200]


async def test_a_request_is_over_after_ten_minutes_and_is_swept() -> None:
    web = await build_web()
    async with web.browser() as browser:
        old = request_of(await browser.get("/authorize", **asked()))
        web.clock.pass_(300)
        new = request_of(await browser.get("/authorize", **asked()))
        web.clock.pass_(300)
        page = await browser.get("/login", request=old)
        assert page.status == 400
        assert "start again there" in page.text
        assert (await browser.get("/login", request=new)).status == 200
        assert await web.pending.sweep() == 1
        assert await web.requests() == 1
