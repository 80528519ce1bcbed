"""How backends are at this moment, from memory: what their last check said, and how their circuit breakers stand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airegistry.core.assets import Agent, HealthReport, Server
from airegistry.core.breaker import CircuitState
from airegistry.core.ports import AnyAsset
from airegistry.core.shelf import ref
from airegistry.core.sketches import has_endpoint

Circuits = Callable[[Server | Agent], CircuitState]


@dataclass(frozen=True, slots=True)
class Vital:
    """The last check of a backend, at this version and URL. `misses` counts the checks in a row that it failed."""

    version: str
    url: str | None
    report: HealthReport
    misses: int

    def is_of(self, asset: Server | Agent) -> bool:
        """Whether this is the backend that was checked, and not another one in its place."""
        return (self.version, self.url) == (asset.version, asset.url)


class Vitals:
    """The last check of each backend; what the store has of it is the last change."""

    def __init__(self, circuits: Circuits = lambda asset: "closed") -> None:
        self._circuits = circuits
        self._known: dict[str, Vital] = {}
        self.news: set[str] | None = None
        """The names of what was checked, where other processes are told of it."""

    def put(self, asset: Server | Agent, report: HealthReport) -> Vital:
        """Remember a check."""
        before = self._known.get(ref(asset))
        failed = before.misses if before is not None and before.is_of(asset) else 0
        misses = failed + 1 if report.error is not None else 0
        made = self._known[ref(asset)] = Vital(asset.version, asset.url, report, misses)
        if self.news is not None:
            self.news.add(ref(asset))
        return made

    def take(self, checks: Mapping[str, Vital]) -> None:
        """Remember checks that another process made, by `kind/path`."""
        self._known.update(checks)

    def all(self) -> Mapping[str, Vital]:
        """The last check of each backend, by `kind/path`."""
        return self._known

    def forget(self, name: str) -> None:
        """Know nothing more of a backend, by its `kind/path`."""
        if self._known.pop(name, None) is not None and self.news is not None:
            self.news.add(name)

    def circuit(self, asset: AnyAsset) -> CircuitState | None:
        """How its circuit breaker stands; None for what has none."""
        return self._circuits(asset) if has_endpoint(asset) else None

    def applied(self, asset: AnyAsset) -> AnyAsset:
        """An asset with its last check in place of the last change."""
        known = self._known.get(ref(asset))
        if known is None or not has_endpoint(asset) or not known.is_of(asset):
            return asset
        stored, last = asset.health_report.checked_at, known.report.checked_at
        if last is None or (stored is not None and stored > last):
            return asset
        return asset.model_copy(update={"health_report": known.report})
