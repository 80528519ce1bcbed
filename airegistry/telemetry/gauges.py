"""Figures that are read when they are sent: what waits, what is open, how old things are, what the process takes."""

import os
import resource
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from airegistry import open_files
from airegistry.core.assets import Health, Kind
from airegistry.core.breaker import CircuitState
from airegistry.core.federation import Federation
from airegistry.core.ports import Clock
from airegistry.core.protection import Guards
from airegistry.core.quarantine import Cut
from airegistry.core.search import Search
from airegistry.core.services import Services
from airegistry.telemetry.acts import WatchedAudit
from airegistry.telemetry.figures import Figures, Key

KINDS: tuple[Kind, ...] = get_args(Kind)
_MEMORY, _FILES = Path("/proc/self/statm"), "/proc/self/fd"
_PAGE = resource.getpagesize()
Values = Mapping[Key, float]


def watch(
    figures: Figures, services: Services, clock: Clock, *, connections: Callable[[], int], lag: Callable[[], float]
) -> None:
    """Have the figures of a registry read. `connections` counts those to backends; `lag` is how far it is behind."""
    audit, approvals, standing = services.audit, services.approvals, _Standing(services.search)
    assert isinstance(audit, WatchedAudit)
    one: Mapping[str, Callable[[], float]] = {
        "airegistry.audit.waiting": lambda: audit.waiting,
        "airegistry.index.waiting": lambda: services.search.late.waiting,
        "airegistry.webhook.waiting": lambda: services.webhooks.waiting,
        "airegistry.approvals.waiting": lambda: approvals.waiting,
        "airegistry.gateway.connections": connections,
        "airegistry.store.lag": lag,
    }
    for name, read in one.items():
        figures.watch(name, read)
    figures.watch_each("airegistry.catalog.assets", standing.assets)
    figures.watch_each("airegistry.catalog.health", standing.health)
    figures.watch_each("airegistry.gateway.circuits", lambda: _circuits(services.guards))
    figures.watch_each("airegistry.gateway.quarantined", lambda: _cut_off(services.guards))
    figures.watch_each("airegistry.sync.age", lambda: _ages(services.federation, clock))
    figures.watch_each("airegistry.sync.failures", lambda: _failures(services.federation))
    _watch_process(figures, clock)


class _Standing:
    """How many assets there are of each kind, and how many backends of each health: counted once for both."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._health: Counter[str] = Counter()

    def assets(self) -> Values:
        """By kind; whoever asks for this counts them."""
        every = list(self._search.indexing.assets.sketches.values())
        held = Counter(each.kind for each in every)
        self._health = Counter(each.health for each in every if each.has_endpoint and each.enabled)
        return {(kind,): held[kind] for kind in KINDS}

    def health(self) -> Values:
        """By health, of those that are switched on."""
        return {(health,): self._health[health] for health in get_args(Health)}


def _circuits(guards: Guards) -> Values:
    held, _ = guards.standing()
    return {(state,): held.get(state, 0) for state in get_args(CircuitState) if state != "closed"}


def _cut_off(guards: Guards) -> Values:
    _, held = guards.standing()
    return {(kind,): held.get(kind, 0) for kind in get_args(Cut)}


def _ages(federation: Federation, clock: Clock) -> Values:
    """Seconds since each source was passed over well; since it was added, where it never was."""
    states = {record.name: federation.sources.state(record) for record in federation.sources.records()}
    now = clock.now()
    return {(name,): (now - (state.succeeded or state.since)).total_seconds() for name, state in states.items()}


def _failures(federation: Federation) -> Values:
    sources = federation.sources
    return {(record.name,): sources.state(record).failures for record in sources.records()}


def _watch_process(figures: Figures, clock: Clock) -> None:
    """What every process has, by the names of the semantic conventions; what this system does not tell is left out."""
    began = clock.monotonic()
    figures.watch("process.uptime", lambda: clock.monotonic() - began)
    figures.watch_each("process.cpu.time", _cpu)
    if _MEMORY.exists():
        figures.watch("process.memory.usage", lambda: int(_MEMORY.read_text().split()[1]) * _PAGE)
        figures.watch("process.unix.file_descriptor.count", lambda: len(os.listdir(_FILES)))
        figures.watch("airegistry.process.file_descriptor.limit", open_files.limit)


def _cpu() -> Values:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {("user",): used.ru_utime, ("system",): used.ru_stime}
