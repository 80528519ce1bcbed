"""Requests and answers: validators, pages, bodies of every wrong kind, methods, and who may ask."""

import json

import anyio
import pytest
from starlette.types import Message

from airegistry.rest.api.answers import written
from airegistry.rest.api.reading import MAX_BODY
from tests.rest.api_world import HIDDEN, World

pytestmark = pytest.mark.anyio
JSON = {"content-type": "application/json"}


async def test_without_a_token_nothing_is_answered(world: World) -> None:
    for method, path in [("GET", "/servers"), ("POST", "/servers"), ("GET", "/openapi.json"), ("GET", "/events")]:
        answer = await world.ask(method, path, who=None)
        assert answer.status_code == 401
        assert "resource_metadata=" in answer.headers["www-authenticate"]


async def test_what_is_hidden_reads_as_what_is_absent(world: World) -> None:
    hidden = await world.ask("GET", f"/servers/{HIDDEN}", who="restricted")
    absent = await world.ask("GET", "/servers/absent", who="restricted")
    assert (hidden.status_code, hidden.text.replace(HIDDEN, "absent")) == (404, absent.text)
    assert HIDDEN not in (await world.ask("GET", f"/search?query={HIDDEN}", who="restricted")).text
    assert (await world.ask("GET", f"/servers/{HIDDEN}")).status_code == 200


async def test_a_tag_stays_while_nothing_changes_and_answers_304(world: World) -> None:
    first = await world.ask("GET", "/servers/mail")
    tag = first.headers["etag"]
    for condition in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await world.ask("GET", "/servers/mail", headers={"if-none-match": condition})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await world.ask("GET", "/servers/mail", headers={"if-none-match": '"x"'})).json() == first.json()
    await world.ask("PATCH", "/servers/mail", json={"tags": ["one"]})
    changed = await world.ask("GET", "/servers/mail", headers={"if-none-match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("/servers/mail", {"tags": ["a"]}),
        ("/agents/planner", {"tags": ["a"]}),
        ("/skills/folding", {"tags": ["a"]}),
        ("/entities/rain", {"tags": ["a"]}),
    ],
)
async def test_a_change_of_what_was_read_is_made_and_a_later_one_of_it_is_412(
    world: World, place: str, changes: dict[str, object]
) -> None:
    tag = (await world.ask("GET", place)).headers["etag"]
    made = await world.ask("PATCH", place, json=changes, headers={"if-match": tag})
    assert made.status_code == 200, made.text
    late = await world.ask("PATCH", place, json={"tags": ["late"]}, headers={"if-match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "conflict")
    assert (await world.get(place))["tags"] == ["a"]
    anew = await world.ask("PATCH", place, json={"tags": []}, headers={"if-match": made.headers["etag"]})
    assert anew.status_code == 200


async def test_of_two_who_write_what_both_have_read_one_is_412(world: World) -> None:
    for _ in range(5):
        tag = (await world.ask("GET", "/servers/mail")).headers["etag"]
        got: dict[str, int] = {}

        async def write(word: str, tag: str = tag, got: dict[str, int] = got) -> None:
            answer = await world.ask("PATCH", "/servers/mail", json={"tags": [word]}, headers={"if-match": tag})
            got[word] = answer.status_code

        async with anyio.create_task_group() as group:
            for word in ("left", "right"):
                group.start_soon(write, word)
        assert sorted(got.values()) == [200, 412]
        won = next(word for word, status in got.items() if status == 200)
        assert (await world.get("/servers/mail"))["tags"] == [won]


async def test_what_changes_by_itself_is_no_reason_for_412(world: World) -> None:
    tag = (await world.ask("GET", "/servers/mail")).headers["etag"]
    assert (await world.ask("PUT", "/servers/mail/rating", json={"stars": 3})).status_code == 200
    assert (await world.ask("GET", "/servers/mail")).headers["etag"] != tag
    answer = await world.ask("PATCH", "/servers/mail", json={"tags": []}, headers={"if-match": tag})
    assert answer.status_code == 200


async def test_an_asset_is_deleted_as_it_was_read_or_not_at_all(world: World) -> None:
    await world.server("going")
    tag = (await world.ask("GET", "/servers/going")).headers["etag"]
    await world.ask("PATCH", "/servers/going", json={"tags": ["x"]})
    assert (await world.ask("DELETE", "/servers/going", headers={"if-match": tag})).status_code == 412
    tag = (await world.ask("GET", "/servers/going")).headers["etag"]
    assert (await world.ask("DELETE", "/servers/going", headers={"if-match": tag})).status_code == 200
    assert (await world.ask("DELETE", "/servers/going", headers={"if-match": tag})).status_code == 404


async def test_a_condition_that_cannot_be_held_is_refused(world: World) -> None:
    answer = await world.ask("PUT", "/groups/x", json={"scopes": []}, headers={"if-match": '"x"'})
    assert (answer.status_code, answer.json()["field"]) == (400, "If-Match")


async def test_pages_follow_their_links_to_the_end(world: World) -> None:
    paths: list[str] = []
    at: str | None = "/servers?limit=1&detail=brief"
    while at is not None:
        answer = await world.ask("GET", at)
        paths += [each["path"] for each in answer.json()["services"]]
        link = answer.headers.get("link")
        assert (link is None) == (answer.json()["next_cursor"] is None)
        at = None if link is None else link.removeprefix("</api/v1").partition(">")[0]
        assert link is None or (link.endswith('; rel="next"') and "detail=brief" in link)
    assert paths == sorted(paths)
    assert len(paths) == len((await world.get("/servers"))["services"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b'"text"', JSON, 400),
        (b"null", JSON, 400),
        (b"\xff", JSON, 400),
        (b'{"name":"\\ud800"}', JSON, 400),
        (b'{"name":NaN}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"metadata":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, JSON, 400),
        (b'{"name":1' + b"0" * 5_000 + b"}", JSON, 400),
        (b'{"nobody":"knows"}', JSON, 400),
        (b"", JSON, 400),
        (b"{}", {}, 415),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": "application/merge-patch+json"}, 415),
        (b"{}", {**JSON, "content-encoding": "gzip"}, 415),
        (b"name=x", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b'{"name":"' + b"x" * MAX_BODY + b'"}', JSON, 413),
    ],
)
async def test_a_body_that_is_none_is_refused(
    world: World, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await world.ask("POST", "/servers", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, "invalid"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_integer_that_cannot_be_kept_is_refused(world: World) -> None:
    body = json.dumps({"metadata": {"big": 2**100}}).encode()
    changed = await world.ask("PATCH", "/servers/mail", content=body, headers=JSON)
    assert (changed.status_code, changed.json()["code"]) == (400, "invalid")


def test_integers_of_any_size_are_answered_as_they_are() -> None:
    assert written({"b": 2**100, "a": "ü"}) == b'{"a":"\xc3\xbc","b":%d}' % (2**100)


@pytest.mark.parametrize(
    ("path", "field"),
    [("/servers?nobody=x", "nobody"), ("/servers?limit=x", "limit"), ("/servers?limit=1&limit=2", "limit"),
     ("/servers?limit=0", "limit"), ("/search", "query"), ("/servers?cursor=%00", None)],
)  # fmt: skip
async def test_a_query_that_does_not_fit_is_refused(world: World, path: str, field: str | None) -> None:
    answer = await world.ask("GET", path)
    assert answer.status_code == 400
    assert answer.json().get("field") == field or field is None


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/servers", "GET, POST"), ("POST", "/servers/weather", "DELETE, GET, PATCH"), ("POST", "/events", "GET"),
     ("DELETE", "/openapi.json", "GET"), ("GET", "/federation/assets", "POST"), ("PUT", "/federation/changes", "GET")],
)  # fmt: skip
async def test_another_method_is_405_and_told_which_there_are(
    world: World, method: str, path: str, allowed: str
) -> None:
    answer = await world.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/servers/", "/servers//tools", "/servers/weather/nothing", "/tools/a", "/federation"]
)
async def test_a_path_that_is_none_is_404(world: World, path: str) -> None:
    answer = await world.ask("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_slash_in_an_argument_is_part_of_it(world: World) -> None:
    answer = await world.ask("DELETE", "/clients/https%3A%2F%2Fapp.test%2Fid")
    assert (answer.status_code, "'https://app.test/id'" in answer.json()["detail"]) == (404, True)


async def test_a_path_with_a_slash_before_it_is_held_as_it_was_read_too(world: World) -> None:
    tag = (await world.ask("GET", "/servers/%2Fmail")).headers["etag"]
    for status in (200, 412):
        answer = await world.ask("PATCH", "/servers/%2Fmail", json={"tags": ["slash"]}, headers={"if-match": tag})
        assert answer.status_code == status


async def test_a_body_that_breaks_off_is_answered_by_nothing_and_no_error(world: World) -> None:
    sent: list[Message] = []
    token = f"Bearer {world.tokens['admin']}".encode()
    headers = [(b"host", b"127.0.0.1"), (b"authorization", token), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/servers", "raw_path": b"/api/v1/servers",
        "query_string": b"", "headers": headers, "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await world.app.asgi(scope, receive, send)
    assert sent == []


async def test_a_head_is_a_get_without_its_body(world: World) -> None:
    answer = await world.ask("HEAD", "/servers/weather")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == (await world.ask("GET", "/servers/weather")).headers["etag"]
