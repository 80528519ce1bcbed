"""One caller's look into one index: what is found, and what is called nearly as was typed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from airegistry.core.answers import STRONG, Found, Hit, absolute, is_called, reasons, typed_names
from airegistry.core.assets import Server
from airegistry.core.indexing import Indexing
from airegistry.core.ports import Match, Vectors
from airegistry.core.ranking import parts_of
from airegistry.core.sight import Sight, named_by

SUGGESTED = 5


@dataclass(frozen=True, slots=True)
class Query:
    """Words, and where there are any their vectors: that of all of them, then those of their parts."""

    text: str
    vector: Vectors | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked of one index on behalf of one caller. Its methods block.

    `facets` are names with the values of which one must be there. `popularity` puts equally good matches in order.
    """

    indexing: Indexing
    sight: Sight
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    explain: bool = False
    popularity: Callable[[str], int] | None = None

    def queries(self, texts: Iterable[str]) -> list[Query]:
        """Texts with their vectors."""
        embeds, embedding = self.indexing.embeds, self.indexing.embedding
        return [Query(text, embedding.queries([text, *parts_of(text)]) if embeds else None) for text in texts]

    def find(self, query: Query, kinds: frozenset[str] | None, limit: int) -> Found:
        """The best `limit` matches of some kinds, or of all."""
        matches, total = self.indexing.index.search(
            query.text, query.vector, allowed=self.sight.mask, mask_key=self.sight.key, kinds=kinds,
            facets=self.facets or None, limit=limit, explain=self.explain,
        )  # fmt: skip
        if (popular := self.popularity) is not None:  # a document without its tools has no id of an asset: it counts 0
            matches = sorted(matches, key=lambda match: (-match.score, -popular(match.id)))
        return Found([hit for match in matches if (hit := self._hit(match, query)) is not None], total)

    def suggestions(self, query: str, kinds: frozenset[str] | None) -> list[str]:
        """Names that are nearly what was typed, the nearest first."""
        found = [each for typed in typed_names(query) for each in self._nearby(typed, kinds)]
        return list(dict.fromkeys(name for _, name in sorted(found)))[:SUGGESTED]

    def _hit(self, match: Match, query: Query) -> Hit | None:
        """What a match is of; None when it went away meanwhile."""
        name, tool_name = named_by(match.id)
        asset, tool = self.indexing.assets.get(name), None
        if asset is None:
            return None
        if tool_name is not None:
            tools = asset.tools if isinstance(asset, Server) else []
            tool = next((each for each in tools if each.name == tool_name), None)
            if tool is None:
                return None
        good = absolute(match)
        if is_called(asset, tool, query.text):  # in a small registry no word is rare enough to tell that
            good = max(good, STRONG)
        return Hit(asset, tool, match.score, good, reasons(match, asset) if self.explain else ())

    def _nearby(self, typed: str, kinds: frozenset[str] | None) -> list[tuple[int, str]]:
        """Names near a typed one with their distance; none when something of that very name is seen."""
        found: dict[str, int] = {}
        for distance, name, holder in self.indexing.names.near(typed):
            asked_for = name not in found and (kinds is None or holder.partition("/")[0] in kinds)
            if asked_for and self.sight.shows(holder):
                if distance == 0:
                    return []
                found[name] = distance
        return [(distance, name) for name, distance in found.items()]
