"""Clients that are described by a document: what is fetched, what is believed, and where no packet goes."""

from collections.abc import Mapping

import anyio
import pytest

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.json_http import Answer
from airegistry.oauth.clients import client_documents as module
from airegistry.oauth.clients.client_documents import ClientDocuments
from airegistry.oauth.clients.redirects import allowed
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import CLIENT_GRANT, CODE_GRANT, REFRESH_GRANT
from tests.core.wiring import FakeClock
from tests.oauth.documents import URL, document, refused

pytestmark = pytest.mark.anyio


class Web:
    """Answers by URL, one after the other, the last one again and again; what has none is down. `asked` has the
    URLs with the `if-none-match` sent."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = {URL: list(answers)}
        self.asked: list[tuple[str, str | None]] = []
        self.gate = anyio.Event()
        self.gate.set()

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int) -> Answer:
        self.asked.append((url, (headers or {}).get("if-none-match")))
        await self.gate.wait()
        answers = self.answers.get(url) or [UpstreamFailed(f"{url} is down")]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        assert len(answer.body) <= limit
        return answer


def ok(body: bytes | None = None, **headers: str) -> Answer:
    return answered({name.replace("_", "-"): value for name, value in headers.items()}, body)


def answered(headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    return Answer(200, {"content-type": "application/json", **headers}, document() if body is None else body)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_a_document_describes_a_client(clock: FakeClock) -> None:
    client = await ClientDocuments(Web(ok()), clock).find(URL)
    assert (client.client_id, client.origin, client.name) == (URL, "document", "Claude Code")
    assert (client.confidential, client.application_type) == (False, "native")
    assert client.grant_types == [CODE_GRANT, REFRESH_GRANT]
    assert allowed(client, "http://localhost:50123/callback")
    assert not allowed(client, "http://localhost:50123/other")


async def test_a_document_may_name_keys_and_never_gives_itself_anything(clock: FakeClock) -> None:
    body = document(
        token_endpoint_auth_method="private_key_jwt", jwks_uri="https://app.example/keys", groups=["administrators"],
        grant_types=[CODE_GRANT, CLIENT_GRANT], origin="registered", scopes=["all"], scope="mcp:admin",
    )  # fmt: skip
    client = await ClientDocuments(Web(ok(body)), clock).find(URL)
    assert (client.jwks_uri, client.grant_types) == ("https://app.example/keys", [CODE_GRANT])
    assert (client.groups, client.scopes, client.origin) == ([], [], "document")


@pytest.mark.parametrize(
    "body",
    [
        document("https://app.example/oauth/client.json/"),
        document("https://APP.example/oauth/client.json"),
        document("https://evil.example/oauth/client.json"),
        document(client_id=None),
        document(client_secret="s"),
        document(client_secret_expires_at=0),
        document(token_endpoint_auth_method="client_secret_post"),
        document(token_endpoint_auth_method="client_secret_basic"),
        document(token_endpoint_auth_method="client_secret_jwt"),
        document(token_endpoint_auth_method="private_key_jwt"),
        document(redirect_uris=None),
        document(redirect_uris=[]),
        document(redirect_uris=["http://localhost:*/callback"]),
        document(redirect_uris=["http://evil.example/callback"]),
        document(redirect_uris=["javascript:alert(1)"]),
        document(response_types=["token"]),
        document(grant_types=[CLIENT_GRANT]),
        document()[:-1] + b', "client_id": "https://app.example/oauth/client.json"}',
        b"[]",
        b"<html>",
        b"",
    ],
)
async def test_a_document_that_is_anothers_or_against_the_rules_is_refused(clock: FakeClock, body: bytes) -> None:
    with pytest.raises(OAuthError):
        await ClientDocuments(Web(ok(body)), clock).find(URL)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(201, {"content-type": "application/json"}, document()),
        Answer(302, {"content-type": "application/json", "location": "https://evil.example/"}, document()),
        Answer(304, {"content-type": "application/json"}, document()),
        Answer(404, {"content-type": "application/json"}, document()),
        Answer(500, {"content-type": "application/json"}, document()),
        Answer(200, {"content-type": "text/html"}, document()),
        Answer(200, {"content-type": "application/jsonp"}, document()),
        Answer(200, {}, document()),
        UpstreamFailed("app.example: the answer is too long"),
        Invalid("app.example is or resolves to an address that is not public"),
    ],
)
async def test_only_a_plain_answer_with_json_is_read(clock: FakeClock, answer: Answer | Exception) -> None:
    said = await refused(ClientDocuments(Web(answer), clock))
    assert "not public" not in said
    assert "too long" not in said


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"])
async def test_json_of_any_sort_is_json(clock: FakeClock, kind: str) -> None:
    assert await ClientDocuments(Web(ok(content_type=kind)), clock).find(URL)


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example",
        "https://app.example/",
        "https://app.example//a",
        "https://app.example?x=/a",
        "https://app.example/client.json#f",
        "https://app.example/client.json?",
        "https://app.example/client.json?a=1?b=2",
        "https://app.example/client.json?u=https://x",
        "https://app.example/a/../client.json",
        "https://app.example/./client.json",
        "https://app.example/%2e%2e/client.json",
        "https://app.example/%zz/client.json",
        "https://app.example/a%2F..%2Fclient.json",
        "https://user@app.example/client.json",
        "https://user:pass@app.example/client.json",
        "https://app.example\\@evil.example/client.json",
        "https://app.example:99999/client.json",
        "https://bücher.example/client.json",
        "https:///client.json",
        "http://app.example/client.json",
        "http://127.0.0.1:8000/client.json",
        "HTTPS://app.example/client.json",
        "ftp://app.example/client.json",
        "file:///etc/passwd",
        "https://app.example/<a>",
        "https://app.example/a b",
        f"https://app.example/{'a' * 2048}",
    ],
)
async def test_a_url_that_could_be_read_in_two_ways_is_not_fetched(clock: FakeClock, url: str) -> None:
    web = Web(ok())
    await refused(ClientDocuments(web, clock), url)
    assert web.asked == []


@pytest.mark.parametrize("url", ["https://app.example/c?v=1", "https://app.example:8443/c", "https://app.example/~a/c"])
async def test_a_url_may_have_a_port_and_a_plain_query(clock: FakeClock, url: str) -> None:
    web = Web()
    web.answers[url] = [ok(document(url))]
    assert (await ClientDocuments(web, clock).find(url)).client_id == url


async def test_only_documents_of_trusted_hosts_are_fetched(clock: FakeClock) -> None:
    web = Web(ok())
    web.answers["https://a.corp.example/c"] = [ok(document("https://a.corp.example/c"))]
    documents = ClientDocuments(web, clock, hosts=["app.example", "*.CORP.example"])
    assert await documents.find(URL)
    assert await documents.find("https://a.corp.example/c")
    asked = len(web.asked)
    for url in ("https://corp.example/c", "https://app.example.evil.example/c", "https://evil.example/app.example"):
        assert "not trusted" in await refused(documents, url)
    assert len(web.asked) == asked


async def test_no_trusted_host_switches_documents_off(clock: FakeClock) -> None:
    """Trap 15: an installation without a way to the internet must not advertise them."""
    web = Web(ok())
    documents = ClientDocuments(web, clock, hosts=[])
    assert not documents.offered
    assert ClientDocuments(web, clock).offered
    assert "not admitted" in await refused(documents)
    assert web.asked == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 3600),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=5"}, 60),
        ({"cache-control": "max-age=0"}, 60),
        ({"cache-control": "no-store, max-age=600"}, 60),
        ({"cache-control": "no-cache"}, 60),
        ({"cache-control": "max-age=31536000"}, 86_400),
        ({"cache-control": "max-age=never"}, 3600),
    ],
)
async def test_a_document_is_believed_as_long_as_its_host_says_within_bounds(
    clock: FakeClock, headers: Mapping[str, str], seconds: int
) -> None:
    web = Web(answered(headers))
    documents = ClientDocuments(web, clock)
    await documents.find(URL)
    clock.pass_(seconds - 1)
    await documents.find(URL)
    assert len(web.asked) == 1
    clock.pass_(1)
    await documents.find(URL)
    assert len(web.asked) == 2


async def test_a_document_that_did_not_change_is_not_sent_again(clock: FakeClock) -> None:
    unchanged = Answer(304, {"cache-control": "max-age=120"}, b"")
    web = Web(ok(etag='"1"', cache_control="max-age=60"), unchanged, unchanged, ok(document(client_name="New")))
    documents = ClientDocuments(web, clock)
    for seconds, name in ((0, "Claude Code"), (60, "Claude Code"), (119, "Claude Code"), (1, "Claude Code")):
        clock.pass_(seconds)
        assert (await documents.find(URL)).name == name
    clock.pass_(120)
    assert (await documents.find(URL)).name == "New"
    assert [etag for _, etag in web.asked] == [None, '"1"', '"1"', '"1"']


async def test_a_client_that_its_host_takes_back_ends(clock: FakeClock) -> None:
    web = Web(ok(), Answer(404, {"content-type": "application/json"}, b"{}"), UpstreamFailed("down"))
    documents = ClientDocuments(web, clock)
    await documents.find(URL)
    clock.pass_(3600)
    await refused(documents)
    clock.pass_(11)
    await refused(documents)
    assert len(web.asked) == 3


async def test_a_known_client_outlives_an_outage_of_its_host_by_a_day(clock: FakeClock) -> None:
    web = Web(ok(), UpstreamFailed("down"))
    documents = ClientDocuments(web, clock)
    await documents.find(URL)
    clock.pass_(3600)
    assert await documents.find(URL)
    assert await documents.find(URL)
    assert len(web.asked) == 2  # nobody waits for the same time-out again and again
    clock.pass_(10)
    assert await documents.find(URL)
    assert len(web.asked) == 3
    clock.pass_(86_400)
    await refused(documents)


async def test_a_known_client_whose_host_now_leads_inside_is_refused_at_once(clock: FakeClock) -> None:
    documents = ClientDocuments(Web(ok(), Invalid("not public")), clock)
    await documents.find(URL)
    clock.pass_(3600)
    await refused(documents)


async def test_a_refusal_is_remembered_for_ten_seconds(clock: FakeClock) -> None:
    web = Web(UpstreamFailed("down"), ok())
    documents = ClientDocuments(web, clock)
    await refused(documents)
    clock.pass_(9)
    await refused(documents)
    assert len(web.asked) == 1
    clock.pass_(1)
    assert await documents.find(URL)


async def test_a_hundred_requests_at_once_are_one_fetch(clock: FakeClock) -> None:
    web = Web(ok())
    web.gate = anyio.Event()
    documents = ClientDocuments(web, clock)
    found: list[str] = []

    async def find() -> None:
        found.append((await documents.find(URL)).name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(find)
            await anyio.wait_all_tasks_blocked()
            web.gate.set()
    assert found == ["Claude Code"] * 100
    assert len(web.asked) == 1


async def test_a_hundred_requests_at_once_share_a_refusal(clock: FakeClock) -> None:
    web = Web(UpstreamFailed("down"))
    documents = ClientDocuments(web, clock)
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(refused, documents)
    assert len(web.asked) == 1


async def test_whoever_waits_is_served_when_the_first_gives_up(clock: FakeClock) -> None:
    web = Web(ok())
    web.gate = anyio.Event()
    documents = ClientDocuments(web, clock)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            with anyio.move_on_after(0.01):
                await documents.find(URL)
            tasks.start_soon(documents.find, URL)
            await anyio.wait_all_tasks_blocked()
            web.gate.set()
    assert len(web.asked) == 2
    assert await documents.find(URL)
    assert len(web.asked) == 2


async def test_one_host_is_not_asked_without_end(clock: FakeClock) -> None:
    web = Web(ok(cache_control="max-age=60"))
    documents = ClientDocuments(web, clock)
    await documents.find(URL)
    for turn in range(29):
        await refused(documents, f"https://app.example/{turn}")
    with pytest.raises(OAuthError) as refusal:
        await documents.find("https://app.example/more")
    assert (refusal.value.error, refusal.value.status) == ("temporarily_unavailable", 429)
    assert int(refusal.value.headers["retry-after"]) >= 1
    assert len(web.asked) == 30
    await refused(documents, "https://other.example/more")
    assert len(web.asked) == 31


async def test_who_exhausts_a_host_does_not_lock_out_its_known_client(clock: FakeClock) -> None:
    web = Web(ok(cache_control="max-age=60"))
    documents = ClientDocuments(web, clock)
    await documents.find(URL)
    clock.pass_(60)
    for turn in range(30):
        await refused(documents, f"https://app.example/{turn}")
    assert await documents.find(URL)


async def test_memory_is_bounded_and_refusals_push_no_client_out(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CLIENTS", 2)
    monkeypatch.setattr(module, "MAX_FAILURES", 2)
    urls = [f"https://h{n}.example/c" for n in range(3)]
    web = Web()
    web.answers |= {url: [ok(document(url))] for url in urls}
    documents = ClientDocuments(web, clock)
    for url in (*urls[:2], *(f"https://bad{n}.example/c" for n in range(5))):
        if url in urls:
            await documents.find(url)
        else:
            await refused(documents, url)
    await documents.find(urls[0])
    asked = len(web.asked)
    await documents.find(urls[2])  # pushes out the one used longest ago
    await documents.find(urls[0])
    assert len(web.asked) == asked + 1
    await documents.find(urls[1])
    assert len(web.asked) == asked + 2
