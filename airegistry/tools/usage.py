"""What is used, and how well that goes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.assets import Kind
from airegistry.core.errors import Invalid
from airegistry.core.services import Services
from airegistry.core.usage import BOUNDS
from airegistry.core.usage_views import USED, AssetUsage, Figures
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Limit, Shape


class UsageRow(Shape):
    """Calls of an asset, or of its tool, by a caller or in a period of that name: `of` says which.

    Half of the calls took at most `p50_ms`, 95 of 100 at most `p95_ms`; null is above all bounds. The histogram counts
    up to each bound of `buckets_ms`, and last what is above.
    """

    of: Literal["asset", "tool", "caller", "period"]
    name: str
    calls: int
    errors: int
    average_ms: float | None = None
    p50_ms: int | None = None
    p95_ms: int | None = None
    histogram: list[int] = Field(default_factory=list)
    last: datetime | None = None


class UsageAnswer(Shape):
    """Usage since some days ago: assets as `kind/path`, or what there is of one."""

    rows: list[UsageRow]
    buckets_ms: list[int] = Field(default_factory=lambda: list(BOUNDS))


class UsageTools:
    """Tools that tell what is used."""

    def __init__(self, services: Services) -> None:
        self._usage = services.usage

    @tool("See what is used", read_only=True)
    async def get_usage(
        self,
        path: Annotated[str | None, Field(description="One asset, by tool, caller and day; else many.")] = None,
        kind: Annotated[Kind | None, Field(description="Its kind, `server` if left out; or the kinds of many.")] = None,
        view: Annotated[
            Literal["popular", "recent", "unused", "errors", "slow", "periods"],
            Field(description="Of many: most calls, latest, none, most errors, slowest; or all together by period."),
        ] = "popular",
        days: Annotated[int, Field(ge=1, le=366, description="How far back.")] = 30,
        hourly: Annotated[
            bool, Field(description="For one asset, or `periods`: by the hour, of the last days.")
        ] = False,
        limit: Limit = 20,
    ) -> UsageAnswer:
        """How often assets are called through the registry, how many calls fail, and how long they take.

        You see assets and tools that you are shown anyhow. Who else calls them is for whoever may read the audit trail.
        """
        who = current_principal()
        if path is None:
            kinds = USED if kind is None else (kind,)
            if view == "periods":
                periods = await self._usage.periods(who, kinds=kinds, days=days, hourly=hourly)
                return UsageAnswer(rows=_rows("period", periods))
            if hourly:
                raise Invalid("by the hour there is the usage of one asset, or of all: name a path", field="hourly")
            found = await self._usage.view(who, view, kinds=kinds, days=days, limit=limit)
            return UsageAnswer(rows=[_whole(each) for each in found])
        one = await self._usage.of(who, kind or "server", path.removeprefix("/"), days=days, hourly=hourly)
        return UsageAnswer(
            rows=[_whole(one), *_rows("tool", one.tools), *_rows("caller", one.callers), *_rows("period", one.periods)]
        )


def _whole(usage: AssetUsage) -> UsageRow:
    row = _row("asset", f"{usage.asset.kind}/{usage.asset.path}", usage.total)
    return row.model_copy(update={"last": usage.last})


def _rows(of: Literal["tool", "caller", "period"], figures: Mapping[str, Figures]) -> list[UsageRow]:
    return [_row(of, name, each) for name, each in figures.items()]


def _row(of: Literal["asset", "tool", "caller", "period"], name: str, figures: Figures) -> UsageRow:
    return UsageRow(
        of=of, name=name, calls=figures.calls, errors=figures.errors, average_ms=figures.average_ms,
        p50_ms=figures.within(0.5), p95_ms=figures.within(0.95), histogram=[*figures.histogram],
    )  # fmt: skip
