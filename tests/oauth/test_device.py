"""The device flow (RFC 8628): a program without a browser, and the person who answers for it elsewhere."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from airegistry.core.documents import Document
from airegistry.core.limits import Limiter
from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.clients import ClientChange
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.login.device_requests import ALPHABET, DeviceRequests
from airegistry.oauth.model import CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT, Client
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import AccessTokens
from airegistry.oauth.tokens.device_grant import DeviceAuthorization, DeviceGrant
from airegistry.oauth.tokens.keys import SigningKeys
from airegistry.oauth.tokens.person_grants import PersonGrants
from airegistry.oauth.tokens.token_endpoint import GrantHandler, TokenEndpoint
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryStore
from tests.oauth.browsing import ALLOW, DENY, XSS, Browser, Page, Web, build_web
from tests.oauth.issuing import REDIRECT, RESOURCE, SECRET_KEY, URL

pytestmark = pytest.mark.anyio
GRANTS = [CODE_GRANT, REFRESH_GRANT, DEVICE_GRANT]
Json = dict[str, Any]


@dataclass
class ByName:
    """Takes a client at its word, as public ones are."""

    web: Web

    async def authenticate(self, request: Request, form: Form) -> Client:
        client = await self.web.clients.find(form.need("client_id"))
        if client is None:
            raise OAuthError("invalid_client", "not known", status=401)
        return client


@dataclass
class Device:
    """A program that can only ask; its address is another one than the person's."""

    http: httpx2.AsyncClient
    client_id: str = "cli"
    code: str = ""

    async def begin(self, **changes: str) -> Json:
        form = {"client_id": self.client_id, "scope": "mcp", "resource": RESOURCE, **changes}
        said = (await self.http.post("/device_authorization", data=form)).json()
        self.code = said.get("device_code", "")
        return dict(said)

    async def ask(self, **changes: str) -> Json:
        form = {"grant_type": DEVICE_GRANT, "device_code": self.code, "client_id": self.client_id, **changes}
        return dict((await self.http.post("/token", data=form)).json())


async def device_web() -> Web:
    """The pages, the endpoints of devices, and two clients that may use them."""
    web = await build_web()
    keys = SigningKeys(web.store, FernetCipher([SECRET_KEY]), web.clock)
    await keys.open()
    tokens = AccessTokens(keys, web.store, web.clock, URL)
    persons = PersonGrants(web.authorizations, tokens, web.audit)
    grant = DeviceGrant(web.devices, web.authorizations, persons, web.audit)
    limiter = Limiter(web.clock, burst=30, seconds=60, what="requests")
    asked = ByName(web)
    begin = DeviceAuthorization(asked, web.devices, Resources(URL), limiter, web.audit, URL)
    unlimited = Limiter(web.clock, burst=1000, seconds=1, what="requests for tokens")
    handlers: dict[str, GrantHandler] = {**persons.handlers(), DEVICE_GRANT: grant}
    web.app.router.routes.extend([*begin.routes(), *TokenEndpoint(asked, handlers, unlimited, web.audit).routes()])
    for name in ("cli", "other"):
        change = ClientChange(client_name=name, redirect_uris=[REDIRECT], grant_types=GRANTS)
        await web.clients.put(SYSTEM, name, change)
    return web


def device(web: Web, client_id: str = "cli") -> Device:
    transport = httpx2.ASGITransport(app=web.app, client=("198.51.100.7", 1))
    return Device(httpx2.AsyncClient(transport=transport, base_url=URL), client_id)


async def typed(browser: Browser, code: str) -> Page:
    return await browser.submit(await browser.get("/device"), "/device", user_code=code)


async def consent_of(browser: Browser, code: str) -> Page:
    """The consent page of somebody who is signed in and typed the code."""
    return await browser.follow(await typed(browser, code))


async def test_a_person_elsewhere_allows_it_and_the_device_has_its_tokens_once() -> None:
    web = await device_web()
    tool = device(web)
    begun = await tool.begin(scope="mcp offline_access")
    assert begun["verification_uri"] == f"{URL}/device"
    assert begun["verification_uri_complete"] == f"{URL}/device?user_code={begun['user_code']}"
    assert re.fullmatch(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", begun["user_code"])
    assert (begun["expires_in"], begun["interval"]) == (600, 5)
    assert (await tool.ask())["error"] == "authorization_pending"

    async with web.browser() as browser:
        page = await browser.get("/device", user_code=begun["user_code"])
        assert page.form("/device")["user_code"] == begun["user_code"], "filled in, and still to be sent"
        login = await browser.submit(page, "/device")
        request = login.response.headers["location"].partition("request=")[2]
        page = await browser.follow(await browser.login(request=request))
        assert "Allow cli to use this registry?" in page.text
        assert f"The device shows {begun['user_code']}" in page.text
        assert "started it there yourself" in page.text
        web.clock.pass_(5)
        assert (await tool.ask())["error"] == "authorization_pending", "nothing is allowed by looking"
        done = await browser.submit(page, "/consent", **ALLOW)
        assert done.status == 200
        assert "The device is connected" in done.text

    web.clock.pass_(5)
    held = await tool.ask()
    assert (held["token_type"], held["scope"]) == ("Bearer", "mcp offline_access")
    renewed = await tool.http.post(
        "/token", data={"grant_type": "refresh_token", "refresh_token": held["refresh_token"], "client_id": "cli"}
    )
    assert renewed.json()["scope"] == "mcp offline_access"
    web.clock.pass_(5)
    assert (await tool.ask())["error"] == "invalid_grant"
    assert [(event.subject, event.asset) for event in await web.events("consent:grant")] == [("user:ann", "cli")]
    minted = (await web.events("token:mint"))[-1]
    assert (minted.subject, minted.target, minted.outcome) == ("user:ann", RESOURCE, "ok")


async def test_a_refusal_is_told_to_the_device() -> None:
    web = await device_web()
    tool = device(web)
    code = (await tool.begin())["user_code"]
    async with web.browser() as browser:
        await browser.login()
        done = await browser.submit(await consent_of(browser, code), "/consent", **DENY)
        assert "Nothing was allowed" in done.text
    assert (await tool.ask())["error"] == "access_denied"


async def test_the_person_is_asked_for_each_device_however_often_it_was_allowed() -> None:
    web = await device_web()
    async with web.browser() as browser:
        await browser.login()
        for _ in range(2):
            code = (await device(web).begin())["user_code"]
            page = await consent_of(browser, code)
            assert "Allow cli" in page.text
            await browser.submit(page, "/consent", **ALLOW)


async def test_a_device_that_asks_too_fast_is_told_to_slow_down() -> None:
    web = await device_web()
    tool = device(web)
    await tool.begin()
    said = [(await tool.ask())["error"]]
    for seconds in (4, 5, 10, 4):
        web.clock.pass_(seconds)
        said.append((await tool.ask())["error"])
    pending, slow = "authorization_pending", "slow_down"
    assert said == [pending, slow, slow, slow, slow], "each that comes too soon adds five seconds"
    web.clock.pass_(25)
    assert (await tool.ask())["error"] == pending


async def test_the_interval_is_counted_over_replicas_and_after_a_restart() -> None:
    web = await device_web()
    here = DeviceRequests(web.store, web.clock, interval=2)
    code, _ = await here.start("cli", ["mcp"], RESOURCE)
    said = list[str]()
    for seconds in (0, 1, 6, 7, 12):
        web.clock.pass_(seconds)
        another = DeviceRequests(web.store, web.clock, interval=2)
        with pytest.raises(OAuthError) as refused:
            await another.collect(code, "cli")
        said.append(f"{refused.value.error} {refused.value.message}")
    assert [each.split()[0] for each in said] == [
        "authorization_pending", "slow_down", "slow_down", "slow_down", "slow_down",
    ], said  # fmt: skip
    assert [each.split()[-2] for each in said[1:]] == ["7", "12", "17", "22"]
    web.clock.pass_(22)
    with pytest.raises(OAuthError, match="not answered yet"):
        await here.collect(code, "cli")


async def test_whoever_never_stops_asking_is_not_written_down_for_ever() -> None:
    web = await device_web()
    devices = DeviceRequests(web.store, web.clock)
    code, _ = await devices.start("cli", ["mcp"], RESOURCE)
    for _ in range(150):
        with pytest.raises(OAuthError):
            await devices.collect(code, "cli")
    (document,) = [each async for each in web.store.find("device_requests")]
    assert document.version < 130


class Crossed(MemoryStore):
    """Has a device ask at another replica whenever a request is about to be written."""

    crossing: Callable[[], Awaitable[None]] | None = None

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        crossing, self.crossing = self.crossing, None
        if crossing is not None:
            await crossing()
        return await super().put(collection, key, body, expect=expect)


async def test_an_answer_is_not_lost_to_a_question_at_the_same_time() -> None:
    web = await device_web()
    store = Crossed()
    here, there = DeviceRequests(store, web.clock), DeviceRequests(store, web.clock)
    device_code, user_code = await here.start("cli", ["mcp"], RESOURCE)
    request = await here.of_person(user_code)
    assert request is not None

    async def asks() -> None:
        with pytest.raises(OAuthError, match="not answered yet"):
            await there.collect(device_code, "cli")

    store.crossing = asks
    assert await here.answer(request.id, None)
    web.clock.pass_(5)
    with pytest.raises(OAuthError, match="the person refused"):
        await there.collect(device_code, "cli")


async def test_what_nobody_answers_is_over_after_ten_minutes_and_forgotten_then() -> None:
    web = await device_web()
    tool = device(web)
    code = (await tool.begin())["user_code"]
    async with web.browser() as browser:
        await browser.login()
        late = await consent_of(browser, code)
        web.clock.pass_(601)
        assert (await tool.ask())["error"] == "expired_token"
        assert (await typed(browser, code)).status == 400
        assert (await browser.submit(late, "/consent", **ALLOW)).status == 400
    assert await web.devices.sweep() == 1
    assert (await tool.ask())["error"] == "invalid_grant"


async def test_a_code_is_for_the_client_that_began() -> None:
    web = await device_web()
    tool = device(web)
    code = (await tool.begin())["user_code"]
    async with web.browser() as browser:
        await browser.login()
        await browser.submit(await consent_of(browser, code), "/consent", **ALLOW)
    thief = device(web, "other")
    thief.code = tool.code
    assert (await thief.ask())["error"] == "invalid_grant"
    assert (await tool.ask(resource=f"{URL}/elsewhere/mcp"))["error"] == "invalid_target"


async def test_a_client_that_is_not_registered_for_devices_gets_no_code() -> None:
    web = await device_web()
    assert (await device(web, "app").begin())["error"] == "unauthorized_client"
    assert (await device(web, "nobody").begin())["error"] == "invalid_client"
    assert (await device(web).begin(resource="https://elsewhere.test/mcp"))["error"] == "invalid_target"
    assert (await device(web).begin(scope='m"'))["error"] == "invalid_scope"


async def test_codes_cannot_be_guessed() -> None:
    web = await device_web()
    async with web.browser() as browser:
        for _ in range(10):
            page = await typed(browser, "BBBB-BBBB")
            assert "No device waits for this code" in page.text
        assert (await typed(browser, "BBBB-BBBB")).status == 429
    async with web.browser("192.0.2.99") as another:
        assert (await typed(another, "BBBB-BBBB")).status == 400


@pytest.mark.parametrize("typing", ["{0}{1}", " {0} {1} ", "{0}.{1}", "{0}-{1}"])
async def test_a_code_is_known_however_it_is_typed(typing: str) -> None:
    web = await device_web()
    code = (await device(web).begin())["user_code"].lower().split("-")
    async with web.browser() as browser:
        assert (await typed(browser, typing.format(*code))).status == 303


async def test_a_code_in_the_address_is_only_filled_in_and_nothing_else_is_shown_of_it() -> None:
    web = await device_web()
    async with web.browser() as browser:
        page = await browser.get("/device", user_code=XSS)
        assert page.form("/device")["user_code"] == ""
        forged = await browser.post("/device", {"user_code": "BBBB-BBBB", "csrf": "x"})
        assert forged.status == 403


async def test_what_another_browser_typed_is_not_answered_here() -> None:
    web = await device_web()
    code = (await device(web).begin())["user_code"]
    async with web.browser() as one, web.browser() as other:
        await one.login()
        await other.login("bob")
        page = await consent_of(one, code)
        assert (await other.get("/consent", request=page.form("/consent")["request"])).status == 403


async def test_the_first_answer_counts() -> None:
    web = await device_web()
    tool = device(web)
    code = (await tool.begin())["user_code"]
    async with web.browser() as one, web.browser() as other:
        await one.login()
        await other.login("bob")
        pages = [await consent_of(browser, code) for browser in (one, other)]
        assert (await one.submit(pages[0], "/consent", **ALLOW)).status == 200
        assert (await other.submit(pages[1], "/consent", **ALLOW)).status == 400
    assert "access_token" in await tool.ask()
    assert {event.subject for event in await web.events("token:mint")} == {"user:ann"}


async def test_whoever_is_switched_off_meanwhile_gives_nothing() -> None:
    web = await device_web()
    tool = device(web)
    code = (await tool.begin())["user_code"]
    async with web.browser() as browser:
        await browser.login("bob")
        await browser.submit(await consent_of(browser, code), "/consent", **ALLOW)
    await web.directory.put(SYSTEM, "bob", active=False)
    assert (await tool.ask())["error"] == "invalid_grant"


async def test_no_code_lies_in_the_store() -> None:
    web = await device_web()
    tool = device(web)
    code = (await tool.begin())["user_code"]
    kept = str([document async for document in web.store.find("device_requests")])
    assert tool.code not in kept
    assert code.replace("-", "") not in kept


async def test_the_oldest_gives_way_when_there_are_too_many() -> None:
    web = await device_web()
    devices = DeviceRequests(web.store, web.clock, most=2)
    codes = []
    for _ in range(3):
        codes.append((await devices.start("cli", ["mcp"], RESOURCE))[1])
        web.clock.pass_(1)
    assert [await devices.of_person(code) is not None for code in codes] == [False, True, True]
