"""Circuit breakers: a backend that fails again and again is left alone for a while, then tried with one call.

Closed lets all calls through. Open refuses them. Half-open lets one through, whose outcome decides. The way is per
backend: kind, path, version and URL of an asset, so a new URL or version starts afresh.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, get_args

from airegistry.core.calls import Guarded, Outcome
from airegistry.core.errors import BackendResting
from airegistry.core.limits import whole_seconds
from airegistry.core.ports import Clock
from airegistry.core.telemetry import Telemetry

FAILURES = 5
"""Calls in a row that fail before a circuit opens."""

FIRST_REST, LONGEST_REST = 5.0, 60.0
"""Seconds a circuit stays open: at first, and at most after doubling. A probe that takes longer than the longest
does not keep the next one waiting."""

CircuitState = Literal["closed", "open", "half_open"]
Key = tuple[str, str, str, str | None]
_ANSWERED: Final = frozenset(get_args(Outcome)) - {"upstream_failed", "cancelled"}


class _Circuit:
    """A backend that failed: `until` is when its rest ends, None while the circuit is closed still."""

    __slots__ = ("failures", "probed", "rest", "until")

    def __init__(self) -> None:
        self.failures = 0
        self.rest = FIRST_REST
        self.until: float | None = None
        self.probed: float | None = None

    def state(self, now: float) -> CircuitState:
        if self.until is None:
            return "closed"
        return "open" if now < self.until else "half_open"


class Breakers:
    """The circuits of all backends; only those that failed last take memory."""

    def __init__(self, clock: Clock, telemetry: Telemetry) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._circuits: dict[Key, _Circuit] = {}

    def __bool__(self) -> bool:
        """Whether any backend failed lately: if none did there is nothing to check."""
        return bool(self._circuits)

    def state(self, asset: Guarded) -> CircuitState:
        """How the circuit of a backend stands."""
        circuit = self._circuits.get(_key(asset))
        return "closed" if circuit is None else circuit.state(self._clock.monotonic())

    def states(self) -> Mapping[CircuitState, int]:
        """How many circuits are in which state, as far as any failed lately."""
        now = self._clock.monotonic()
        return Counter(circuit.state(now) for circuit in self._circuits.values())

    def check(self, asset: Guarded, now: float) -> bool:
        """Whether a call would be the probe of a half-open circuit; nothing is changed yet.

        Raises:
            BackendResting: the circuit is open, or another call is probing it.
        """
        circuit = self._circuits.get(_key(asset))
        if circuit is None or circuit.until is None:
            return False
        wait = circuit.until - now
        if wait <= 0 and circuit.probed is not None:
            wait = min(1.0, circuit.probed + LONGEST_REST - now)
        if wait > 0:
            raise BackendResting(
                f"{asset.kind} {asset.path!r} failed too often lately and is left alone for a while",
                retry_after=whole_seconds(wait),
            )
        return True

    def probe(self, asset: Guarded, now: float) -> None:
        """Have a call be the probe, as `check` said it would."""
        self._circuits[_key(asset)].probed = now

    def settle(self, asset: Guarded, outcome: Outcome, *, probe: bool) -> None:
        """Take note of how a call ended. While a circuit is not closed only its probes count."""
        key = _key(asset)
        circuit = self._circuits.get(key)
        if circuit is None:
            if outcome != "upstream_failed":
                return
            circuit = self._circuits[key] = _Circuit()
        if circuit.until is not None and not probe:
            return
        circuit.probed = None
        if outcome in _ANSWERED:
            del self._circuits[key]
            if circuit.until is not None:
                self._count(asset, "closed")
        elif outcome == "upstream_failed":
            self._failed(asset, circuit)

    def _failed(self, asset: Guarded, circuit: _Circuit) -> None:
        circuit.failures += 1
        if circuit.until is not None:
            circuit.rest = min(2 * circuit.rest, LONGEST_REST)
        elif circuit.failures < FAILURES:
            return
        circuit.until = self._clock.monotonic() + circuit.rest
        self._count(asset, "open")

    def _count(self, asset: Guarded, state: CircuitState) -> None:
        self._telemetry.count("airegistry.gateway.circuit.changes", state=state, kind=asset.kind, path=asset.path)


def _key(asset: Guarded) -> Key:
    return asset.kind, asset.path, asset.version, getattr(asset, "url", None)
