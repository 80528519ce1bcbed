"""Circuit breakers."""

import pytest

from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.breaker import FAILURES, LONGEST_REST, Breakers
from airegistry.core.calls import Outcome
from airegistry.core.errors import BackendResting, UpstreamFailed
from airegistry.core.telemetry import NoTelemetry
from tests.core.wiring import FakeClock

WEATHER = Server(path="weather", name="weather", url="https://weather.test/mcp")


class Counters(NoTelemetry):
    """Telemetry that remembers what was counted."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, value: int = 1, **attributes: str) -> None:
        self.counted.append((name, attributes))

    def record(self, name: str, value: float, **attributes: str) -> None:
        raise AssertionError(name)


class Circuit:
    """The breakers of a fresh registry, and calls through them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.counters = Counters()
        self.breakers = Breakers(self.clock, self.counters)

    def call(self, outcome: Outcome, asset: Server | Agent = WEATHER) -> None:
        """A call that is let through and ends so."""
        probe = self.begin(asset)
        self.breakers.settle(asset, outcome, probe=probe)

    def begin(self, asset: Server | Agent = WEATHER) -> bool:
        now = self.clock.monotonic()
        probe = self.breakers.check(asset, now)
        if probe:
            self.breakers.probe(asset, now)
        return probe

    def fail(self, times: int = FAILURES) -> None:
        for _ in range(times):
            self.call("upstream_failed")

    def rest(self) -> float:
        """How long callers are told to wait."""
        with pytest.raises(BackendResting, match="server 'weather' failed too often") as refused:
            self.begin()
        return refused.value.retry_after


def test_five_failures_in_a_row_open_it() -> None:
    circuit = Circuit()
    circuit.fail(FAILURES - 1)
    assert circuit.breakers.state(WEATHER) == "closed"
    circuit.fail(1)
    assert circuit.breakers.state(WEATHER) == "open"
    assert circuit.rest() == 5


@pytest.mark.parametrize("answer", ["ok", "tool_error", "error"])
def test_an_answer_of_any_sort_begins_the_count_anew(answer: Outcome) -> None:
    circuit = Circuit()
    circuit.fail(FAILURES - 1)
    circuit.call(answer)
    circuit.fail(FAILURES - 1)
    assert circuit.breakers.state(WEATHER) == "closed"


def test_a_cancelled_call_says_nothing_of_the_backend() -> None:
    circuit = Circuit()
    circuit.fail(FAILURES - 1)
    circuit.call("cancelled")
    circuit.fail(1)
    assert circuit.breakers.state(WEATHER) == "open"


def test_after_its_rest_one_call_tries_and_the_others_wait() -> None:
    circuit = Circuit()
    circuit.fail()
    circuit.clock.pass_(5)
    assert circuit.breakers.state(WEATHER) == "half_open"
    assert circuit.begin()
    assert [circuit.rest() for _ in range(3)] == [1, 1, 1]


def test_a_probe_that_succeeds_closes_it() -> None:
    circuit = Circuit()
    circuit.fail()
    circuit.clock.pass_(5)
    circuit.call("ok")
    assert circuit.breakers.state(WEATHER) == "closed"
    assert not circuit.breakers
    assert [attributes["state"] for _, attributes in circuit.counters.counted] == ["open", "closed"]


def test_a_probe_that_fails_doubles_the_rest_up_to_a_minute() -> None:
    circuit = Circuit()
    circuit.fail()
    rests = []
    for _ in range(6):
        rests.append(circuit.rest())
        circuit.clock.pass_(rests[-1])
        circuit.call("upstream_failed")
    assert rests == [5, 10, 20, 40, LONGEST_REST, LONGEST_REST]
    circuit.clock.pass_(60)
    circuit.call("ok")
    circuit.fail()
    assert circuit.rest() == 5


def test_a_probe_that_was_cancelled_leaves_its_place_to_the_next() -> None:
    circuit = Circuit()
    circuit.fail()
    circuit.clock.pass_(5)
    circuit.call("cancelled")
    assert circuit.breakers.state(WEATHER) == "half_open"
    circuit.call("ok")
    assert circuit.breakers.state(WEATHER) == "closed"


def test_a_probe_that_hangs_is_followed_by_another() -> None:
    circuit = Circuit()
    circuit.fail()
    circuit.clock.pass_(5)
    assert circuit.begin()
    circuit.clock.pass_(LONGEST_REST - 0.5)
    assert circuit.rest() == 1
    circuit.clock.pass_(0.5)
    assert circuit.begin()


def test_calls_from_before_it_opened_neither_close_it_nor_prolong_its_rest() -> None:
    circuit = Circuit()
    early = circuit.begin()
    circuit.fail()
    circuit.clock.pass_(4)
    outcomes: tuple[Outcome, ...] = ("ok", "upstream_failed")
    for outcome in outcomes:
        circuit.breakers.settle(WEATHER, outcome, probe=early)
    assert circuit.breakers.state(WEATHER) == "open"
    assert circuit.rest() == 1


@pytest.mark.parametrize(
    "other",
    [
        WEATHER.model_copy(update={"version": "2.0.0"}),
        WEATHER.model_copy(update={"url": "https://other.test/mcp"}),
        Agent(path="weather", name="weather", url="https://weather.test/mcp"),
    ],
    ids=["version", "url", "kind"],
)
def test_another_backend_has_a_circuit_of_its_own(other: Server | Agent) -> None:
    circuit = Circuit()
    circuit.fail()
    assert circuit.breakers.state(other) == "closed"
    circuit.call("ok", other)
    assert circuit.breakers.state(WEATHER) == "open"


def test_a_virtual_server_has_none_to_open() -> None:
    circuit = Circuit()
    circuit.fail()
    assert circuit.breakers.state(VirtualServer(path="weather", name="weather")) == "closed"


def test_a_resting_backend_is_one_that_failed_for_whoever_asks_no_closer() -> None:
    resting = BackendResting("it rests", retry_after=5)
    assert isinstance(resting, UpstreamFailed)
    assert (resting.code, resting.details()) == ("upstream_failed", {"retry_after": 5})
