"""Measures search on the set beside this file and writes the figures into the pages: `python -m benchmarks.search`."""

import anyio

from airegistry.cli.search_eval import Progress
from airegistry.evaluation.corpus import read_corpus, read_queries
from airegistry.evaluation.report import rows_of
from airegistry.evaluation.run import evaluated
from airegistry.settings import Settings
from benchmarks.search.figures import CORPUS, PAGES, QUERIES, checksum, filled, parts


async def main() -> None:
    """Evaluate with the default embedder and fill in the measured parts."""
    documents, queries = read_corpus(CORPUS), read_queries(QUERIES)
    settings = Settings(embedder=Settings.model_fields["embedder"].default)
    found = await evaluated(documents, queries, settings, Progress())
    made = parts(rows_of(found.systems, documents, queries))
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8"), made, checksum()), encoding="utf-8")
    print(made["overall"])


if __name__ == "__main__":
    anyio.run(main)
