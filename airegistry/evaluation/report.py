"""The figures of an evaluation, as tables and JSON show them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from airegistry.core.assets import Json
from airegistry.evaluation.corpus import Document, Kind, Query
from airegistry.evaluation.measures import Mean, mean_of, measured
from airegistry.evaluation.run import Rankings

ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """How well one system ranked for so many queries: all documents together, or those of one kind alone."""

    system: str
    kind: str
    queries: int
    ndcg: Mean
    recall: Mean
    mrr: Mean

    def as_json(self) -> Json:
        """The row with the names that `--json` promises."""
        means = {"ndcg_at_10": self.ndcg, "recall_at_10": self.recall, "mrr": self.mrr}
        figures: Json = {name: {"mean": each.mean, "low": each.low, "high": each.high} for name, each in means.items()}
        return {"system": self.system, "kind": self.kind, "queries": self.queries, **figures}


def kinds_of(documents: Sequence[Document]) -> dict[str, int]:
    """How many documents there are of each kind, of those that there are."""
    counted = Counter(document.type for document in documents)
    return {kind: counted[kind] for kind in get_args(Kind) if counted[kind]}


def rows_of(systems: Mapping[str, Rankings], documents: Sequence[Document], queries: Sequence[Query]) -> list[Row]:
    """The rows of all systems, those of all documents first. A query without relevant documents does not count."""
    kinds = {document.id: str(document.type) for document in documents}
    slices = [ALL, *kinds_of(documents)]
    return [row for kind in slices for system in systems for row in _row(system, kind, systems[system], kinds, queries)]


def _row(
    system: str, kind: str, rankings: Rankings, kinds: Mapping[str, str], queries: Sequence[Query]
) -> Iterator[Row]:
    """One row, or none where no query has relevant documents of the kind."""

    def fits(document: str) -> bool:
        return kind in {ALL, kinds.get(document)}

    found = []
    for query in queries:
        grades = {document: grade for document, grade in query.grades.items() if fits(document)}
        if grades:
            found.append(measured([each for each in rankings.get(query.qid, ()) if fits(each)], grades))
    if found:
        ndcg, recall, mrr = (
            mean_of(values) for values in zip(*((m.ndcg, m.recall, m.mrr) for m in found), strict=True)
        )
        yield Row(system, kind, len(found), ndcg, recall, mrr)
