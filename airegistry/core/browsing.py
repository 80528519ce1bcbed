"""Looking through the catalog: a page of what a caller may see, and what there is to narrow it down by.

Everything is counted over what the caller may see, from the labels that the index holds: no asset is read but those on
the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, get_args

import anyio

from airegistry.core.answers import Hit
from airegistry.core.assets import Kind
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.search import Facets, Search
from airegistry.core.sight import BARE

FACETS: Final = ("type", "tags", "owner", "environment", "stage", "risk", "health", "source")
"""What answers may be narrowed by, beside their kind."""
MOST_VALUES = 50
"""Values of one facet that are counted in an answer, the most frequent ones."""
KINDS: Final = frozenset(get_args(Kind)) - {"tool"}
_TALLIED: Final = {**{name: (name,) for name in FACETS}, "kind": ("kind", "type"), "type": ("kind", "type")}
"""What is counted, and what is left aside of what is chosen meanwhile: a type is a kind of one's own."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many assets bear a value."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Browsed:
    """A page of assets, in order of path, or of matches, best first; `total` is of all pages.

    `facets` count, for `kind` and each of FACETS, what would be shown with each value in place of those chosen of it.
    """

    assets: Sequence[AnyAsset]
    total: int
    next_cursor: str | None = None
    hits: Sequence[Hit] = ()
    suggestions: Sequence[str] = ()
    facets: Mapping[str, Sequence[Count]] = field(default_factory=dict)


class Browsing:
    """Pages of the whole catalog with counts, over what search holds."""

    def __init__(self, search: Search) -> None:
        self._search = search

    async def page(
        self, who: Principal, *, kinds: Sequence[str] = (), facets: Facets | None = None,
        include_disabled: bool = False, limit: int = 50, cursor: str | None = None,
    ) -> Browsed:  # fmt: skip
        """Assets that pass the filters, in order of path.

        Raises:
            Invalid: the cursor is none of this registry's.
        """
        if cursor is not None and cursor.partition("\n")[2] not in KINDS:
            raise Invalid(f"cursor {cursor[:40]!r} is none of this registry's", field="cursor")
        chosen = _chosen(kinds, facets)
        ids, counts = await self._tally(who, chosen, include_disabled)
        return await anyio.to_thread.run_sync(partial(self._cut, ids, counts, limit, cursor))

    async def find(
        self, who: Principal, query: str, *, kinds: Sequence[str] = (), facets: Facets | None = None,
        include_disabled: bool = False, limit: int = 50,
    ) -> Browsed:  # fmt: skip
        """The best matches among those that pass the filters. What is counted is not narrowed by the query: how well
        something matches is a matter of degree."""
        wanted = [*kinds] or sorted(KINDS)
        found = await self._search.find(
            who, query, kinds=wanted, facets=facets, include_disabled=include_disabled, limit=limit, explain=True
        )
        suggested = await self._search.suggest(who, query, kinds=wanted, include_disabled=include_disabled)
        _, counts = await self._tally(who, _chosen(kinds, facets), include_disabled)
        return Browsed([hit.asset for hit in found.hits], found.total, None, found.hits, suggested, counts)

    async def _tally(
        self, who: Principal, chosen: Facets, include_disabled: bool
    ) -> tuple[list[str], dict[str, Sequence[Count]]]:
        indexing, sight = self._search.seen_by(who, include_disabled=include_disabled)
        count = partial(
            indexing.index.tally, _TALLIED, allowed=sight.mask, mask_key=sight.key, kinds=KINDS, facets=chosen
        )
        ids, counts = await anyio.to_thread.run_sync(count)
        return ids, {name: _most(values) for name, values in counts.items()}

    def _cut(self, ids: list[str], counts: Mapping[str, Sequence[Count]], limit: int, cursor: str | None) -> Browsed:
        places = sorted(map(_place, ids))
        rest = [place for place in places if cursor is None or place > _of_cursor(cursor)]
        held = self._search.indexing.assets
        assets = [asset for path, kind in rest[:limit] if (asset := held.get(f"{kind}/{path}")) is not None]
        after = "\n".join(rest[limit - 1]) if len(rest) > limit else None
        return Browsed(assets, len(ids), after, facets=counts)


def _chosen(kinds: Sequence[str], facets: Facets | None) -> Facets:
    given = {name: values for name, values in (facets or {}).items() if values}
    return {**given, **({"kind": kinds} if kinds else {})}


def _place(id_: str) -> tuple[str, str]:
    """Where an asset stands in order of path, by the id of its document."""
    kind, _, path = id_.removesuffix(BARE).partition("/")
    return path, kind


def _of_cursor(cursor: str) -> tuple[str, str]:
    path, _, kind = cursor.partition("\n")
    return path, kind


def _most(values: Mapping[str, int]) -> Sequence[Count]:
    found = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    return [Count(value, count) for value, count in found[:MOST_VALUES]]
