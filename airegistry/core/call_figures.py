"""What is told of calls through the gateway: how many, how long, of what, and how they ended."""

from airegistry.core.assets import Agent, Server
from airegistry.core.grants import ASKS
from airegistry.core.ports import AnyAsset
from airegistry.core.telemetry import Telemetry

DURATION = "airegistry.gateway.call.duration"
_OF_TOOLS = frozenset(("tools/call", *ASKS))


class CallFigures:
    """Tells telemetry of each call as it ends. Names that nobody registered are not told: callers choose them."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry if telemetry.on else None
        self._duration = telemetry.histogram(DURATION, "kind", "path", "tool", "decision", "outcome")

    def note(
        self, asset: AnyAsset | None, method: str, name: str | None, seconds: float, *, decision: str, outcome: str
    ) -> None:
        """A call has ended that took so long."""
        if self._telemetry is None:
            return
        kind, path = ("", "") if asset is None else (asset.kind, asset.path)
        tool = name or ""
        if method not in _OF_TOOLS or not tool or (decision == "deny" and not _offers(asset, tool)):
            tool = ""
        self._duration(seconds, (kind, path, tool, decision, outcome))
        self._telemetry.annotate({"airegistry.decision": decision, "airegistry.outcome": outcome})


def _offers(asset: AnyAsset | None, name: str) -> bool:
    """Whether something has a tool, or a skill, of a name."""
    if isinstance(asset, Server):
        return any(tool.name == name for tool in asset.tools)
    return isinstance(asset, Agent) and any(skill.id == name for skill in asset.skills)
