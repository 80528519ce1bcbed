"""Tables of figures in pages, between `<!-- measured: NAME, DATA -->` and `<!-- end -->`; DATA is a checksum."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from airegistry.evaluation.report import ALL, Row

ROOT = Path(__file__).parents[2]
TRUTH = Path(__file__).parent / "truth"
CORPUS, QUERIES = TRUTH / "corpus.jsonl", TRUTH / "queries.jsonl"
PAGES = (ROOT / "README.md", ROOT / "docs" / "search.md")

_PART = re.compile(r"<!-- measured: (\w+), (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def checksum() -> str:
    """What tells this state of the committed data from others."""
    return hashlib.sha256(CORPUS.read_bytes() + QUERIES.read_bytes()).hexdigest()[:16]


def stamps(page: str) -> dict[str, str]:
    """The measured parts of a page by name, and the checksum of the data each was made from."""
    return {found[1]: found[2] for found in _PART.finditer(page)}


def filled(page: str, made: Mapping[str, str], data: str) -> str:
    """A page with every measured part as it was made from the data of this checksum."""
    return _PART.sub(lambda found: f"<!-- measured: {found[1]}, {data} -->\n\n{made[found[1]]}\n<!-- end -->", page)


def parts(rows: Sequence[Row]) -> dict[str, str]:
    """Every measured part by name: the figures over all documents, and those of each kind."""
    return {
        "overall": _table(("System", "NDCG@10", "recall@10", "MRR"), [
            (row.system, *_figures(row)) for row in rows if row.kind == ALL
        ]),
        "kinds": _table(("Documents", "Queries", "System", "NDCG@10", "recall@10", "MRR"), [
            (row.kind, str(row.queries), row.system, *_figures(row)) for row in rows if row.kind != ALL
        ]),
    }  # fmt: skip


def _figures(row: Row) -> tuple[str, str, str]:
    return str(row.ndcg), str(row.recall), str(row.mrr)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
