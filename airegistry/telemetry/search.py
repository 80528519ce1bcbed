"""Search, watched: the search, the vectors it makes and the look into the index are spans, and are timed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from airegistry.core.answers import Found
from airegistry.core.look import Look, Query
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.search import Facets, Search
from airegistry.core.telemetry import OFF, Telemetry


@dataclass(frozen=True, slots=True)
class WatchedLook(Look):
    """A look that is told of."""

    telemetry: Telemetry = OFF

    def queries(self, texts: Iterable[str]) -> list[Query]:
        """See `Look`."""
        if not self.indexing.embeds:
            return Look.queries(self, texts)
        asked, began = list(texts), perf_counter()
        with self.telemetry.span("embed", {"texts": len(asked)}):
            made = Look.queries(self, asked)
        self.telemetry.record("airegistry.embed.duration", perf_counter() - began)
        return made

    def find(self, query: Query, kinds: frozenset[str] | None, limit: int) -> Found:
        """See `Look`."""
        with self.telemetry.span("index") as span:
            found = Look.find(self, query, kinds, limit)
            span.set({"airegistry.results": found.total})
        return found


class WatchedSearch(Search):
    """See `Search`."""

    telemetry: Telemetry

    async def find(
        self, who: Principal, query: str, *, kinds: Iterable[str] | None = None, tags: Sequence[str] | None = None,
        facets: Facets | None = None, include_disabled: bool = False, limit: int = 10, explain: bool = False,
    ) -> Found:  # fmt: skip
        """See `Search`."""
        with self._watched("assets") as results:
            found = await super().find(
                who, query, kinds=kinds, tags=tags, facets=facets, include_disabled=include_disabled, limit=limit,
                explain=explain,
            )  # fmt: skip
            results.append(len(found.hits))
        return found

    async def find_by_kind(
        self, who: Principal, query: str, kinds: Iterable[str], *, tags: Sequence[str] | None = None,
        facets: Facets | None = None, include_disabled: bool = False, limit: int = 10, explain: bool = False,
    ) -> dict[str, Found]:  # fmt: skip
        """See `Search`."""
        with self._watched("kinds") as results:
            found = await super().find_by_kind(
                who, query, kinds, tags=tags, facets=facets, include_disabled=include_disabled, limit=limit,
                explain=explain,
            )  # fmt: skip
            results.append(sum(len(each.hits) for each in found.values()))
        return found

    async def find_tools(
        self, who: Principal, task: str, *, limit: int = 5, explain: bool = False,
        unfit: Callable[[AnyAsset], bool] = lambda asset: False,
    ) -> Found:  # fmt: skip
        """See `Search`."""
        with self._watched("tools") as results:
            found = await super().find_tools(who, task, limit=limit, explain=explain, unfit=unfit)
            results.append(len(found.hits))
        return found

    @contextmanager
    def _watched(self, what: str) -> Iterator[list[int]]:
        """Around a search, which says how much it shows."""
        results, began = list[int](), perf_counter()
        with self.telemetry.span("search", {"search": what}) as span:
            yield results
            span.set({"airegistry.results": results[0]})
        self.telemetry.record("airegistry.search.duration", perf_counter() - began, search=what)
        self.telemetry.record("airegistry.search.results", results[0], search=what)

    async def _look(self, who: Principal, facets: Facets, include_disabled: bool, explain: bool) -> Look:
        look = await super()._look(who, facets, include_disabled, explain)
        return WatchedLook(look.indexing, look.sight, look.facets, look.explain, look.popularity, self.telemetry)
