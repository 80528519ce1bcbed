"""How backends are."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.assets import Agent, Server
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Path, Shape


class HealthShape(Shape):
    """How a backend is. `circuit` is `closed`, `open` (it is left alone) or `half_open` (one call tries it).

    `held` are tools that changed since they were approved, and how: they are not called until that is approved.
    """

    kind: str
    path: str
    health: str
    circuit: str
    checked_at: datetime | None = None
    latency_ms: float | None = None
    error: str | None = None
    held: dict[str, str] = Field(default_factory=dict)


class HealthTools:
    """Tools that ask backends how they are."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Check a backend now", open_world=True, idempotent=True)
    async def check_health(
        self, path: Path, kind: Annotated[Literal["server", "agent"], Field(description="What it is.")] = "server"
    ) -> HealthShape:
        """Ask an MCP server or an A2A agent now whether it answers and whether its tools are as approved.

        All are checked about once a minute anyhow, and lists show the outcome. You may ask ten times a minute.
        """
        who = current_principal()
        asset = await self._services.health.check(who, kind, path)
        shown = self._services.catalog.part(who, asset)
        assert isinstance(shown, Server | Agent)  # what has been checked
        report = shown.health_report
        return HealthShape(
            kind=shown.kind, path=shown.path, health=shown.health, circuit=self._services.vitals.circuit(asset) or "",
            checked_at=report.checked_at, latency_ms=report.latency_ms, error=report.error,
            held=getattr(shown, "held", {}),
        )  # fmt: skip
