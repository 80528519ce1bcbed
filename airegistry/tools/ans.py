"""Names of the Agent Name Service on agents and servers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.ans import AnsLinks, Linkable
from airegistry.core.assets import AnsStatus
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Path, Shape

LinkKind = Annotated[Literal["agent", "server"], Field(description="What the name is put on.")]


class BadgeShape(Shape):
    """The name of an asset: `verified`, `failed` (a clear no), `stale` (was verified, cannot be asked for long), or
    `unknown` (never answered); since when, and why if it is not well."""

    kind: str
    path: str
    name: str
    status: AnsStatus
    since: datetime
    why: str = ""
    checked_at: datetime | None = None


class AnsTools:
    """Tools for whoever may change an agent or server."""

    def __init__(self, links: AnsLinks) -> None:
        self._links = links

    @tool("Link a name of the Agent Name Service", idempotent=True, open_world=True)
    async def link_ans(
        self, kind: LinkKind, path: Path,
        name: Annotated[str, Field(max_length=300, description="As in ans://v1.0.0.agent.example.com.")],
    ) -> BadgeShape:  # fmt: skip
        """Put a name of the Agent Name Service on an agent or server and look it up; the answer is its badge, which is
        looked up again every few hours and shown with the asset as `ans`."""
        return _shape(await self._links.link(current_principal(), kind, path, name))

    @tool("Take a name of the Agent Name Service off", destructive=True, idempotent=True)
    async def unlink_ans(self, kind: LinkKind, path: Path) -> Done:
        """Take the name of the Agent Name Service off an agent or server, and its badge with it."""
        await self._links.unlink(current_principal(), kind, path)
        return Done()

    @tool("Look a name of the Agent Name Service up", idempotent=True, open_world=True)
    async def verify_ans(self, kind: LinkKind, path: Path) -> BadgeShape:
        """Look the name of an agent or server up now, and say what its badge is."""
        return _shape(await self._links.verify(current_principal(), kind, path))


def _shape(asset: Linkable) -> BadgeShape:
    assert asset.ans is not None  # or there would have been an error
    badge = asset.ans.model_dump(include={"name", "status", "since", "why", "checked_at"})
    return BadgeShape(kind=asset.kind, path=asset.path, **badge)
