"""Which requests are sent again, and after what pause."""

from collections.abc import Callable, Sequence

import httpx2
import pytest
from airegistry_client import Registry, Retries
from airegistry_client.errors import (
    Conflict,
    Internal,
    RateLimited,
    Refused,
    RegistryError,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)
from airegistry_client.retries import asked_pause
from airegistry_client.transport import Reply

QUICK = Retries(first=0.001, longest=0.002, patience=0.5)
Answer = httpx2.Response | type[httpx2.TransportError]


def problem(status: int, code: str, **headers: str) -> httpx2.Response:
    body = {"type": "about:blank", "title": "-", "status": status, "code": code, "detail": f"it is {code}"}
    return httpx2.Response(status, json=body, headers={"content-type": "application/problem+json", **headers})


class Script:
    """Answers one thing after the other, the last one for ever; keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(request)
        if isinstance(answer, type):
            raise answer("it broke off")
        return answer

    def registry(self, retries: Retries = QUICK) -> Registry:
        return Registry(
            "http://registry", "t", http=httpx2.Client(transport=httpx2.MockTransport(self)), retries=retries
        )


HEALTH = httpx2.Response(200, json={"status": "ok", "version": "1", "assets": 1, "backends": {}})
TOKEN = httpx2.Response(201, json={"id": "1", "token": "t", "name": "n", "expires_at": "2026-11-21T00:00:00Z"})
ASSET = httpx2.Response(
    200,
    json={
        "kind": "server", "path": "a", "name": "a", "description": "", "enabled": True, "tags": [], "stage": "draft",
        "visibility": "public", "health": "unknown", "version": "1",
    },
)  # fmt: skip
Act = Callable[[Registry], object]


def read(registry: Registry) -> object:
    return registry.health()


def create(registry: Registry) -> object:
    return registry.tokens.create("n")


def change(registry: Registry) -> object:
    return registry.servers.update("a", {"description": "b"})


def call(registry: Registry) -> object:
    return registry.mcp.call("a", "look")


@pytest.mark.parametrize(
    ("act", "answers", "times"),
    [
        (read, [httpx2.ReadError, problem(503, "internal"), HEALTH], 3),
        (read, [httpx2.Response(502), httpx2.Response(504), HEALTH], 3),
        (create, [httpx2.ReadError, TOKEN], 2),
        (create, [problem(409, "conflict", **{"retry-after": "0"}), TOKEN], 2),
        (create, [problem(429, "rate_limited", **{"retry-after": "0"}), TOKEN], 2),
        (change, [httpx2.ConnectError, problem(429, "rate_limited"), ASSET], 3),
    ],
)
def test_what_cannot_be_done_twice_by_that_is_sent_again(act: Act, answers: Sequence[Answer], times: int) -> None:
    script = Script(*answers)
    act(script.registry())
    assert len(script.asked) == times


@pytest.mark.parametrize(
    ("act", "answer", "error"),
    [
        (read, problem(502, "upstream_failed"), UpstreamFailed),
        (read, problem(500, "internal"), Internal),
        (create, problem(409, "conflict"), Conflict),
        (change, httpx2.ReadError, Unreachable),
        (change, httpx2.ReadTimeout, TimedOut),
        (change, problem(503, "internal"), Internal),
        (call, httpx2.ReadError, Unreachable),
        (call, problem(503, "upstream_failed"), UpstreamFailed),
    ],
)
def test_what_is_final_or_may_have_been_done_is_not_sent_again(
    act: Act, answer: Answer, error: type[RegistryError]
) -> None:
    script = Script(answer)
    with pytest.raises(error):
        act(script.registry())
    assert len(script.asked) == 1


def test_a_create_has_one_name_however_often_it_is_sent() -> None:
    script = Script(httpx2.ReadError, httpx2.ReadError, TOKEN)
    registry = script.registry()
    create(registry)
    first = {request.headers["idempotency-key"] for request in script.asked}
    create(registry)
    assert len(first) == 1
    assert script.asked[-1].headers["idempotency-key"] not in first


def test_nothing_is_tried_for_ever() -> None:
    script = Script(problem(503, "internal"))
    with pytest.raises(Internal):
        read(script.registry())
    assert len(script.asked) == QUICK.attempts
    once = Script(httpx2.ConnectError)
    with pytest.raises(Unreachable):
        read(once.registry(Retries(attempts=1)))
    assert len(once.asked) == 1


def test_a_wait_that_is_too_long_is_the_callers_to_decide_on() -> None:
    script = Script(problem(429, "rate_limited", **{"retry-after": "3600"}))
    with pytest.raises(RateLimited) as limited:
        read(script.registry())
    assert limited.value.retry_after == 3600
    assert len(script.asked) == 1


def test_a_code_that_this_client_does_not_know_is_kept() -> None:
    with pytest.raises(Refused) as refused:
        read(Script(problem(418, "teapot")).registry())
    assert (refused.value.code, refused.value.status, type(refused.value)) == ("teapot", 418, Refused)


def test_pauses_grow_to_a_bound_and_are_cut_by_chance() -> None:
    retries = Retries(attempts=7, first=1, longest=8)
    for most, pause in zip([1, 2, 4, 8, 8, 8], retries.pauses(), strict=True):
        assert most / 2 <= pause <= most
    assert [*retries.pauses()] != [*retries.pauses()]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
    ],
)
def test_the_pause_that_is_asked_for_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert asked_pause(Reply(429, {"retry-after": value}, b"")) == seconds
