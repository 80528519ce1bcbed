"""Limits of calls, and who or what is cut off."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from airegistry.core.protection import Guards
from airegistry.core.quarantine import Cut, Quarantine
from airegistry.core.quotas import Limit
from airegistry.core.validation import invalid
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Name, Shape

Globs = Annotated[list[str] | None, Field(description="Globs; everything when left out.")]
CutId = Annotated[
    str,
    Field(description="A caller's subject as the audit trail shows it (`user:ann`, `token:ci`), or the asset's path."),
]


class LimitsShape(Shape):
    """The limits in force."""

    limits: list[Limit]


class CutShape(Shape):
    """Who or what is cut off, since when, by whom and why."""

    kind: Cut
    id: str
    reason: str
    since: datetime
    by: str


class JustCut(CutShape):
    """What was cut off; `ended` counts the calls and streams that were under way."""

    ended: int


class CutsShape(Shape):
    """All that is cut off, the latest first."""

    quarantines: list[CutShape]


class ProtectionTools:
    """Tools for administrators of policy: how much is let through, and whose is not."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    @tool("Set a limit", destructive=True, idempotent=True, needs="policy")
    async def put_limit(
        self,
        name: Name,
        subjects: Annotated[Globs, Field(description="Callers by subject, as in `user:*`.")] = None,
        assets: Annotated[Globs, Field(description="Assets by path, or by `kind/path`.")] = None,
        tools: Annotated[Globs, Field(description="Tools, prompts, resource URIs, or skills of agents.")] = None,
        methods: Annotated[
            Globs, Field(description="Methods that count; calls and messages to agents when left out.")
        ] = None,
        per: Annotated[
            list[Literal["caller", "asset", "tool"]] | None,
            Field(description="What is counted apart; each caller when left out, all together when empty."),
        ] = None,
        calls: Annotated[int | None, Field(description="How many calls in `seconds`, evenly.")] = None,
        seconds: Annotated[float, Field(description="86400 makes a daily quota, which survives a restart.")] = 60,
        burst: Annotated[int | None, Field(description="How many of them at once; all when left out.")] = None,
        concurrent: Annotated[int | None, Field(description="How many calls under way at once.")] = None,
        streams: Annotated[int | None, Field(description="How many event streams open at once.")] = None,
        description: str = "",
    ) -> Limit:
        """Create or replace a limit on calls through the gateway, `call_tool` and agents; it holds from the next call.

        Example: {"name": "free", "subjects": ["user:*"], "per": ["caller"], "calls": 60, "seconds": 60}. What is over
        it is refused with `rate_limited` and told when to come again.
        """
        wanted = {name: value for name, value in locals().items() if name != "self" and value is not None}
        try:
            limit = Limit.model_validate(wanted)
        except ValidationError as error:
            raise invalid(error) from None
        return await self._guards.put_limit(current_principal(), limit)

    @tool("List limits", read_only=True, needs="policy")
    async def list_limits(self) -> LimitsShape:
        """All limits that administrators set, in order of name."""
        return LimitsShape(limits=self._guards.limits(current_principal()))

    @tool("Remove a limit", destructive=True, idempotent=True, needs="policy", confirm="Remove limit '{name}'?")
    async def delete_limit(self, name: Name) -> Done:
        """Remove a limit, with what was counted for it. `not_found` when there is none of this name."""
        await self._guards.delete_limit(current_principal(), name)
        return Done()

    @tool("Cut off a caller or an asset", destructive=True, idempotent=True, needs="policy")
    async def quarantine(
        self, kind: Cut, id: CutId, reason: Annotated[str, Field(description="For those who will lift it.")]
    ) -> JustCut:
        """Cut off a caller, an MCP server, an agent or a virtual server: calls and streams under way end at once, and
        new ones are refused with `quarantined` until `lift_quarantine`. It survives a restart.
        """
        made, ended = await self._guards.quarantine(current_principal(), kind, id, reason)
        return JustCut(**_fields(made), ended=ended)

    @tool("Let a caller or an asset in again", destructive=True, idempotent=True, needs="policy")
    async def lift_quarantine(self, kind: Cut, id: CutId) -> CutShape:
        """End a quarantine, so that calls pass again from now on; the answer says what it was."""
        return CutShape(**_fields(await self._guards.lift_quarantine(current_principal(), kind, id)))

    @tool("List what is cut off", read_only=True, needs="policy")
    async def list_quarantine(self) -> CutsShape:
        """Callers and assets that are cut off, since when, by whom and why; the latest first."""
        found = self._guards.quarantines(current_principal())
        return CutsShape(quarantines=[CutShape(**_fields(each)) for each in found])


def _fields(made: Quarantine) -> dict[str, object]:
    return made.model_dump()
