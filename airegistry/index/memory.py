"""The index in this process's memory: BM25F and vectors over numpy arrays, exact for whatever a caller may see."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import nsmallest
from threading import Lock

import numpy as np
import numpy.typing as npt

from airegistry.core.embedding import Whole, whole
from airegistry.core.ports import IndexDocument, Mask, Match, Vectors
from airegistry.core.ranking import Numbers, QueryView, Scores, fuse, heads, least_of_best, tokens, view, with_parts
from airegistry.index.arrays import Arrays
from airegistry.index.directory import Directory
from airegistry.index.grants import Grants
from airegistry.index.lexical import Lexical, read
from airegistry.index.vectors import Close, VectorTable

Allowed = Callable[[Sequence[str]], Mask]
Facets = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was granted by a moment: slots by their number, of which `fresh` were asked about just now."""

    moment: int
    granted: Mask
    fresh: Numbers


@dataclass(frozen=True, slots=True)
class Query:
    """A query in the forms that the legs take: of the vectors the first is its own, the others are of its parts."""

    view: QueryView
    vectors: Vectors | None


class MemoryIndex:
    """A `SearchIndex`. One lock guards it, and is never held while the caller's `allowed` runs.

    A search answers as an index would that holds nothing but the documents it may look at: document counts,
    the rarity of words, lengths and the extremes of both legs are theirs alone. Equal scores are ordered by id.

    A visible document takes part when it holds a word of the query or, where there is a vector, has vectors
    itself: no cosine tells near misses from matches, so weak matches are returned and left to their score.
    The number of matches counts all of these, so it is the same for every limit.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._directory = Directory()
        self._lexical = Lexical()
        self._vectors = VectorTable()
        self._grants = Grants()

    def __len__(self) -> int:
        return len(self._directory)

    @property
    def changes(self) -> int:
        """Grows with every document that is put or removed, but for what is put again as it was restored."""
        return self._directory.changes

    def put(self, document: IndexDocument) -> None:
        """Add or replace one document.

        Raises:
            ValueError: its vectors are not as long as those in the index.
        """
        if document.content and self._placed(document, document.content):
            return
        vectors = whole(document.vectors)
        # Whoever has no vectors for what is not known has another document, whatever it says.
        content = document.content if len(document.vectors) else b""
        content = content or digest(document.fields, vectors)
        if self._placed(document, content):
            return
        words = read(document.fields)
        with self._lock:
            self._vectors.check(vectors)
            slot = self._place(document, content)
            self._lexical.put(slot, words)
            self._vectors.put(slot, vectors)

    def knows(self, document_id: str, content: bytes) -> bool:
        """Whether a document of this content was put, be it before the start."""
        with self._lock:
            return self._directory.content(document_id) == content

    def label(self, document_id: str, facets: Mapping[str, str | Sequence[str]]) -> None:
        """Replace the facets of one document and nothing else; nothing happens when there is none."""
        with self._lock:
            self._directory.label(document_id, facets)

    def bind(self, ids: Sequence[str], content: bytes) -> None:
        """Say that these documents, that of an asset first, are all that is made of a content."""
        with self._lock:
            self._directory.bind(ids, content)

    def put_again(self, document_id: str, content: bytes) -> Sequence[str] | None:
        """Put again the documents that were bound to a content before the start; their ids, None where they were
        not."""
        with self._lock:
            slots = self._directory.put_again(document_id, content)
            for slot in slots:
                self._grants.forget(slot)
            return [self._directory.id(slot) for slot in slots] or None

    def remove(self, document_id: str) -> None:
        """Remove one document; nothing happens when there is none."""
        with self._lock:
            self._remove(document_id)

    def forget_dormant(self) -> None:
        """Remove what was restored and nobody has put again."""
        with self._lock:
            self._forget_dormant()

    def search(
        self,
        query: str,
        vector: Vectors | None,
        *,
        allowed: Allowed | None = None,
        mask_key: Hashable | None = None,
        kinds: frozenset[str] | None = None,
        facets: Facets | None = None,
        limit: int = 10,
        explain: bool = False,
    ) -> tuple[list[Match], int]:
        """The best matches and how many visible documents matched at all."""
        asked = None if allowed is None else self._ask(allowed, mask_key, kinds, facets)
        prepared = Query(view(query), None if vector is None else np.atleast_2d(vector))
        with self._lock:
            return self._answer(prepared, self._visible(asked, mask_key, kinds, facets), max(0, limit), explain)

    def tally(
        self, named: Mapping[str, Collection[str]], *, allowed: Allowed, mask_key: Hashable | None,
        kinds: frozenset[str], facets: Facets,
    ) -> tuple[list[str], dict[str, dict[str, int]]]:  # fmt: skip
        """The visible documents that pass, and how many bear each value of some facets; see `KeptIndex`."""
        asked = self._ask(allowed, mask_key, kinds, None)
        with self._lock:
            visible = self._visible(asked, mask_key, kinds, None)
            passing, counts = self._directory.tally(visible, named, facets)
            return [self._directory.id(slot) for slot in np.flatnonzero(passing).tolist()], counts

    def dump(self) -> Arrays:
        """All of it as arrays, to be restored in another process."""
        with self._lock:
            self._forget_dormant()
            return self._directory.dump() | self._lexical.dump() | self._vectors.dump()

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "MemoryIndex":
        """What was dumped, dormant: a document is found again when it is put, which costs little if it is the same.

        Raises:
            KeyError: an array is missing.
            ValueError: arrays do not fit each other.
            IndexError: so.
        """
        found = cls()
        found._directory = Directory.restored(arrays)
        found._lexical = Lexical.restored(arrays)
        found._vectors = VectorTable.restored(arrays)
        return found

    def _placed(self, document: IndexDocument, content: bytes) -> bool:
        """Put again what is there already, if it is."""
        with self._lock:
            if self._directory.content(document.id) != content:
                return False
            self._place(document, content)
            return True

    def _place(self, document: IndexDocument, content: bytes) -> int:
        slot = self._directory.put(document.id, document.kind, document.facets, content)
        self._grants.forget(slot)
        return slot

    def _remove(self, document_id: str) -> None:
        slot = self._directory.remove(document_id)
        if slot is not None:
            self._lexical.remove(slot)
            self._vectors.remove(slot)
            self._grants.forget(slot)

    def _forget_dormant(self) -> None:
        for document_id in self._directory.dormant():
            self._remove(document_id)
        self._directory.forget_bonds()

    def _ask(
        self, allowed: Allowed, key: Hashable | None, kinds: frozenset[str] | None, facets: Facets | None
    ) -> _Asked:
        """What the caller is granted among what passes the filters; asked is only what is not remembered."""
        with self._lock:
            moment = self._directory.moment
            chosen = self._directory.select(kinds, facets)
            granted = np.zeros(len(chosen), np.bool_)
            if key is not None:
                granted, unknown = self._grants.granted(key, len(chosen))
                chosen &= unknown
            fresh = np.flatnonzero(chosen)
            ids = [self._directory.id(slot) for slot in fresh.tolist()]
        if ids:
            granted[fresh] = allowed(ids)
        return _Asked(moment, granted, fresh)

    def _visible(
        self, asked: _Asked | None, key: Hashable | None, kinds: frozenset[str] | None, facets: Facets | None
    ) -> Mask:
        """What may be looked at, by slot."""
        visible = self._directory.select(kinds, facets)
        if asked is not None:
            self._keep_granted(visible, asked, key)
        return visible

    def _keep_granted(self, visible: Mask, asked: _Asked, key: Hashable | None) -> None:
        """Leave what was granted and is the same document still."""
        size = len(asked.granted)
        visible[size:] = False
        visible[:size] &= asked.granted & (self._directory.came[:size] <= asked.moment)
        if key is not None and len(asked.fresh):
            same = asked.fresh[self._directory.last_put[asked.fresh] <= asked.moment]
            self._grants.note(key, same, asked.granted[same], len(visible))

    def _answer(self, query: Query, visible: Mask, limit: int, explain: bool) -> tuple[list[Match], int]:
        """Score what is visible, choose the best, and say why."""
        slots = np.flatnonzero(visible)
        terms = self._lexical.terms(query.view, visible)
        words, coverage = self._lexical.scores(terms, visible)
        lexical = words[slots]
        cosine = None if query.vectors is None else self._cosines(query, visible, words, coverage)[slots]
        scores = fuse(cosine, lexical, coverage)
        matched = np.flatnonzero(lexical > 0 if cosine is None else (lexical > 0) | ~np.isnan(cosine))
        best = matched[self._best(slots[matched], scores[matched], limit)]
        shown = {term: term for term in terms} | _shown(query.view.text) if explain else {}
        matches = []
        for place, slot in zip(best.tolist(), slots[best].tolist(), strict=True):
            dense = 0.0 if cosine is None or np.isnan(cosine[place]) else float(cosine[place])
            said = self._lexical.words(slot, shown) if explain else ()
            head, part = self._close(query, slot)
            name = self._directory.id(slot)
            matches.append(Match(name, float(scores[place]), float(lexical[place]), dense, said, part, head))
        return matches, len(matched)

    def _cosines(self, query: Query, visible: Mask, words: Scores, coverage: float) -> Scores:
        """The cosine of each visible slot with the query, for the best ones so far with the query's parts as well."""
        cosines = self._nearness(query, 0, visible)
        if query.vectors is not None and len(query.vectors) > 1:
            slots = np.flatnonzero(visible)
            best = slots[heads(fuse(cosines[slots], words[slots], coverage))]
            chosen = np.zeros_like(visible)
            chosen[best] = True
            parts = [self._nearness(query, number, chosen)[best] for number in range(1, len(query.vectors))]
            cosines[best] = with_parts(cosines[best], parts)
        return cosines

    def _nearness(self, query: Query, number: int, visible: Mask) -> Scores:
        """The cosine of each visible slot with one of the query's vectors, NaN where it has none; see `VectorTable`."""
        assert query.vectors is not None
        return self._vectors.cosines(query.vectors[number], visible)

    def _close(self, query: Query, slot: int) -> Close:
        """How close a slot is to the query."""
        return (None, None) if query.vectors is None else self._vectors.close(query.vectors[0], slot)

    def _best(self, slots: Numbers, scores: Scores, limit: int) -> list[int]:
        """The places of the best scores, best first, of equal ones the first by id."""

        def name(place: int) -> str:
            return self._directory.id(int(slots[place]))

        if not limit:
            return []
        if len(scores) <= limit:
            chosen = list(range(len(scores)))
        else:
            worst = least_of_best(scores, limit)
            chosen = np.flatnonzero(scores > worst).tolist()
            chosen += nsmallest(limit - len(chosen), np.flatnonzero(scores == worst).tolist(), key=name)
        return sorted(chosen, key=lambda place: (-scores[place], name(place)))


def digest(fields: Mapping[str, str], vectors: Whole) -> bytes:
    """Equal for documents of equal words and vectors."""
    found = blake2b(repr(sorted(fields.items())).encode("utf-8", "surrogatepass"), digest_size=16)
    found.update(vectors.tobytes())
    return found.digest()


def _shown(query: str) -> dict[str, str]:
    """How each term of a query is shown: as the word that was typed, where that is one term."""
    shown: dict[str, str] = {}
    for word in query.split():
        found = tokens(word)
        for term in found:
            shown.setdefault(term, word.strip("\"'.,:;!?()[]").lower() if len(found) == 1 else term)
    return shown
