"""Limits, and what is counted against them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.calls import Guarded
from airegistry.core.errors import RateLimited
from airegistry.core.limits import Bucket, whole_seconds
from airegistry.core.quotas import Limit, Quotas
from tests.core import wiring
from tests.core.wiring import NOON
from tests.support.rounds import examples

WEATHER = Server(path="weather", name="weather", url="https://weather.test/mcp")
MAPS = Server(path="maps", name="maps", url="https://maps.test/mcp")
PLANNER = Agent(path="planner", name="planner", url="https://planner.test")
BUNDLE = VirtualServer(path="bundle", name="bundle")


class Desk:
    """Quotas at a moment that tests move."""

    def __init__(self, *limits: Limit) -> None:
        self.now = 0.0
        self.quotas = Quotas()
        self.quotas.replace(limits, self.now)

    def call(
        self, subject: str = "user:ann", asset: Guarded = WEATHER, name: str | None = "forecast",
        method: str = "tools/call", via: VirtualServer | None = None,
    ) -> bool:  # fmt: skip
        """Whether a call is let in."""
        applied = self.quotas.resolved(subject, asset, method, name, via, self.now)
        try:
            applied.check(self.now, stream=False)
        except RateLimited:
            return False
        applied.take(stream=False)
        return True


def limit(name: str = "few", calls: int | None = 1, /, **fields: object) -> Limit:
    return Limit.model_validate({"name": name, "calls": calls, **fields})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "a b", "calls": 1}, "pattern"),
        ({"calls": None}, "one of calls, concurrent and streams"),
        ({"calls": 0}, "greater than or equal to 1"),
        ({"calls": -1}, "greater than or equal to 1"),
        ({"seconds": 0}, "greater than 0"),
        ({"seconds": math.inf}, "finite"),
        ({"burst": 0}, "greater than or equal to 1"),
        ({"calls": None, "concurrent": 1, "burst": 2}, "a burst is of calls"),
        ({"subjects": []}, "at least 1"),
        ({"tools": [""]}, "at least 1"),
        ({"assets": ["*"] * 101}, "at most 100"),
        ({"per": ["day"]}, "caller"),
        ({"concurrent": 0}, "greater than or equal to 1"),
        ({"streams": -3}, "greater than or equal to 1"),
        ({"unknown": 1}, "Extra inputs"),
    ],
    ids=str,
)
def test_a_limit_that_cannot_be_meant_is_none(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Limit.model_validate({"name": "few", "calls": 1, **wrong})


def test_a_path_may_carry_its_slash() -> None:
    assert limit(assets=["/weather"]).assets == ["weather"]


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({}, {"tools/call", "prompts/get", "resources/read", "completion/complete"}),
        ({"methods": ["tools/*"]}, {"tools/call", "tools/list"}),
        (
            {"methods": ["*"]},
            {"tools/call", "prompts/get", "resources/read", "completion/complete", "tools/list", "ping"},
        ),
    ],
)
def test_calls_count_and_lists_and_handshakes_only_where_that_is_said(
    fields: dict[str, object], counted: set[str]
) -> None:
    methods = ("tools/call", "prompts/get", "resources/read", "completion/complete", "tools/list", "ping")
    for method in methods:
        desk = Desk(limit(**fields))
        desk.call(method=method)
        assert desk.call(method=method) is (method not in counted), method


def test_every_message_to_an_agent_counts_and_its_card_does_not() -> None:
    desk = Desk(limit())
    assert [desk.call(asset=PLANNER, method="card", name=None) for _ in range(3)] == [True] * 3
    assert [desk.call(asset=PLANNER, method="message/send", name=None) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("fields", "spared"),
    [
        ({"subjects": ["user:*"]}, {"subject": "token:ci"}),
        ({"assets": ["weather"]}, {"asset": MAPS}),
        ({"assets": ["server/*"]}, {"asset": PLANNER}),
        ({"tools": ["fore*"]}, {"name": "archive"}),
        ({"tools": ["fore*"], "methods": ["*"]}, {"name": None, "method": "tools/list"}),
    ],
)
def test_a_limit_holds_for_what_its_globs_name(fields: dict[str, object], spared: dict[str, object]) -> None:
    desk = Desk(limit(per=[], **fields))
    assert desk.call()
    assert not desk.call()
    assert desk.call(**spared)  # type: ignore[arg-type]  # members of `call`, as each case gives them
    assert desk.call(**spared)  # type: ignore[arg-type]


def test_what_per_names_is_counted_apart() -> None:
    others = [{"subject": "user:bob"}, {"asset": MAPS}, {"name": "archive"}]
    for per, apart in (
        ([], [False, False, False]),
        (["caller"], [True, False, False]),
        (["asset"], [False, True, False]),
        (["tool"], [False, True, True]),  # a tool is one of its server: others have one of that name
        (["tool", "caller"], [True, True, True]),
    ):
        desk = Desk(limit(per=per))
        assert desk.call()
        assert [desk.call(**other) for other in others] == apart, per  # type: ignore[arg-type]


def test_a_limit_on_a_virtual_server_holds_for_calls_through_it() -> None:
    desk = Desk(limit(assets=["bundle"], per=["asset"]))
    assert desk.call()
    assert [desk.call(via=BUNDLE), desk.call(asset=MAPS, via=BUNDLE)] == [True, False]
    assert desk.call()


def test_what_one_limit_refuses_takes_nothing_from_the_others() -> None:
    desk = Desk(limit("narrow", 1), limit("wide", 3))
    assert [desk.call() for _ in range(5)] == [True, False, False, False, False]
    desk.quotas.replace([limit("wide", 3)], desk.now)
    assert [desk.call() for _ in range(3)] == [True, True, False]


def test_a_refusal_names_the_limit_that_takes_longest_and_how_long() -> None:
    desk = Desk(limit("minute", 1, seconds=60), limit("day", 1, seconds=86_400))
    assert desk.call()
    desk.now = 20.0
    applied = desk.quotas.resolved("user:ann", WEATHER, "tools/call", "forecast", None, desk.now)
    with pytest.raises(RateLimited, match="limit 'day': 1 calls in 86400 s") as refused:
        applied.check(desk.now, stream=False)
    assert refused.value.retry_after == 86_380
    desk.now += refused.value.retry_after
    assert desk.call()


def test_a_changed_limit_goes_on_counting_and_one_counted_otherwise_begins_anew() -> None:
    desk = Desk(limit(calls=3, seconds=3600))
    assert [desk.call() for _ in range(2)] == [True, True]
    desk.quotas.replace([limit(calls=4, seconds=3600)], desk.now)
    assert [desk.call() for _ in range(3)] == [True, True, False]
    desk.quotas.replace([limit(calls=1, seconds=3600)], desk.now)
    assert not desk.call()
    desk.quotas.replace([limit(calls=1, seconds=3600, per=["asset"])], desk.now)
    assert [desk.call() for _ in range(2)] == [True, False]


def test_a_limit_that_gains_or_loses_its_rate_goes_on() -> None:
    desk = Desk(limit(calls=None, concurrent=5))
    assert [desk.call() for _ in range(2)] == [True, True]
    desk.quotas.replace([limit(calls=1, concurrent=5)], desk.now)
    assert [desk.call() for _ in range(2)] == [True, False]
    desk.quotas.replace([limit(calls=None, concurrent=5)], desk.now)
    assert [desk.call() for _ in range(3)] == [True, True, False]  # five under way


def test_long_counts_are_kept_and_go_on_where_they_would_have_been() -> None:
    day = limit("day", 24, seconds=86_400)
    desk = Desk(day, limit("minute", 100))
    assert all(desk.call() for _ in range(24))
    kept = desk.quotas.kept(desk.now, NOON)
    assert kept.keys() == {"day"}
    later = Desk(day)
    later.quotas.restore("day", kept["day"], 0.0, wiring.NOON.replace(hour=14))  # two hours on: two calls
    assert [later.call() for _ in range(3)] == [True, True, False]


def test_a_clock_that_was_set_back_gives_nothing_and_takes_nothing() -> None:
    day = limit("day", 2, seconds=86_400)
    desk = Desk(day)
    assert desk.call()
    kept = desk.quotas.kept(desk.now, NOON)["day"]
    later = Desk(day)
    later.quotas.restore("day", kept, 0.0, NOON.replace(year=2020))
    assert [later.call() for _ in range(2)] == [True, False]


def test_what_was_kept_of_a_limit_that_is_gone_or_short_by_now_counts_for_nothing() -> None:
    day = limit("day", 1, seconds=86_400)
    desk = Desk(day)
    assert desk.call()
    kept = desk.quotas.kept(desk.now, NOON)["day"]
    later = Desk(limit("day", 1, seconds=60))
    later.quotas.restore("day", kept, 0.0, NOON)
    later.quotas.restore("gone", kept, 0.0, NOON)
    assert later.call()


def test_memory_is_bounded_and_what_is_under_way_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.quotas.MAX_METERS", 100)
    monkeypatch.setattr("airegistry.core.quotas.MAX_RESOLVED", 50)
    desk = Desk(limit(concurrent=1, seconds=1e6))
    assert desk.call("first")  # stays under way
    for number in range(300):
        applied = desk.quotas.resolved(f"user:{number}", WEATHER, "tools/call", "forecast", None, 0.0)
        applied.take(stream=False)
        applied.give_back(stream=False)
    assert len(desk.quotas._meters) <= 100
    assert not desk.call("first")


@settings(max_examples=examples(200), deadline=None)
@given(
    calls=st.integers(1, 50), seconds=st.floats(0.5, 1e5), burst=st.integers(1, 60),
    steps=st.lists(st.floats(0, 1e4), min_size=1, max_size=60),
)  # fmt: skip
def test_no_more_passes_than_the_burst_and_what_came_since(
    calls: int, seconds: float, burst: int, steps: list[float]
) -> None:
    bucket, now, passed = Bucket(float(burst), calls / seconds, 0.0), 0.0, 0
    for step in steps:
        now += step
        while not (wait := bucket.wait(now)):
            bucket.take()
            passed += 1
        assert passed <= burst + now * calls / seconds + 1e-6 * (1 + len(steps))
        now += whole_seconds(wait)
        assert bucket.wait(now) == 0.0  # who waits as told is let in


def test_what_is_not_used_up_any_more_is_not_kept() -> None:
    desk = Desk(limit("day", 2, seconds=86_400))
    assert desk.call()
    desk.now += 86_400
    assert desk.quotas.kept(desk.now, NOON)["day"].used == {}
