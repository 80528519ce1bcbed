"""Opens the driver of a source by its kind."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

from airegistry.core.errors import Invalid
from airegistry.core.sources import Source, SourceConfig, SourceKind
from airegistry.egress.guard import Guard


class Driver(Protocol):
    """What a module of this package offers for its kind of source. Its `Options` and `Secrets` are checked by it."""

    def check(self, config: SourceConfig) -> None:
        """Return when the configuration can be used; raise `Invalid` with its `field` when it cannot."""
        ...

    def open(self, config: SourceConfig) -> AbstractAsyncContextManager[Source]:
        """The source, for one pass."""
        ...


class Drivers:
    """The drivers of all kinds, each made when it is first used. Fills `core.sources.SourceDrivers`."""

    def __init__(self, guard: Guard, makers: Mapping[SourceKind, Callable[[Guard], Driver]] | None = None) -> None:
        self._guard = guard
        self._makers = MAKERS if makers is None else makers
        self._made: dict[SourceKind, Driver] = {}

    def check(self, config: SourceConfig) -> None:
        """See `SourceDrivers`."""
        self._of(config.kind).check(config)

    def open(self, config: SourceConfig) -> AbstractAsyncContextManager[Source]:
        """See `SourceDrivers`."""
        return self._of(config.kind).open(config)

    def _of(self, kind: SourceKind) -> Driver:
        if kind not in self._made:
            if kind not in self._makers:
                raise Invalid(
                    f"there is no source of kind {kind!r}; there are: {', '.join(self._makers)}", field="kind"
                )
            self._made[kind] = self._makers[kind](self._guard)
        return self._made[kind]


def _peers(guard: Guard, registry: str = "") -> Driver:
    from airegistry.sources.peer import Peers  # see MAKERS

    return Peers(guard, registry)


def _asor(guard: Guard) -> Driver:
    from airegistry.sources.asor import Asor  # see MAKERS

    return Asor(guard)


def _agentcore(guard: Guard, machine: bool = False) -> Driver:
    from airegistry.sources.agentcore import agent_core  # see MAKERS

    return agent_core(guard, machine=machine)


def _agentcore_registry(guard: Guard, machine: bool = False) -> Driver:
    from airegistry.sources.agentcore_registry import agent_core_registry  # see MAKERS

    return agent_core_registry(guard, machine=machine)


def _skills(guard: Guard) -> Driver:
    from airegistry.sources.skills import GitSkills  # see MAKERS

    return GitSkills(guard)


def _mcp_registry(guard: Guard) -> Driver:
    from airegistry.sources.mcp_registry import McpRegistry  # see MAKERS

    return McpRegistry(guard)


MAKERS: Mapping[SourceKind, Callable[[Guard], Driver]] = {
    "mcp-registry": _mcp_registry,
    "asor": _asor,
    "agentcore": _agentcore,
    "agentcore-registry": _agentcore_registry,
    "peer": _peers,
    "skills": _skills,
}
"""A driver's module is imported by its maker: who has no such source pays nothing for it."""


def makers(*, aws_machine_credentials: bool, registry: str = "") -> Mapping[SourceKind, Callable[[Guard], Driver]]:
    """The makers, those of AWS with whether the link-local services of the machine may be asked for credentials, that
    of peers with the id of this `registry`."""
    return {
        **MAKERS,
        "peer": partial(_peers, registry=registry),
        "agentcore": partial(_agentcore, machine=aws_machine_credentials),
        "agentcore-registry": partial(_agentcore_registry, machine=aws_machine_credentials),
    }
