"""`airegistry search-eval`: how well search finds what it should, on a corpus with judged queries."""

import json as json_text
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
from cyclopts import Parameter

from airegistry.cli.client import Target, ask, items
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_json, show_table
from airegistry.cli.values import Json
from airegistry.core.errors import Invalid

if TYPE_CHECKING:
    from airegistry.evaluation.corpus import Document, Query
    from airegistry.evaluation.matching import Names
    from airegistry.evaluation.report import Row
    from airegistry.evaluation.run import Evaluation, Rankings

LONGEST = 2000
"""Characters of a query that `search_registry` takes."""
MOST = 1000
"""Results that `search_registry` gives at most."""
EVERY, BLINK = 10.0, 0.1
"""Seconds between two lines of progress, and between two updates of the one on a terminal."""


def search_eval(
    *,
    corpus: Annotated[Path, Parameter(help="File of documents: a JSON object with id, type and name a line.")],
    queries: Annotated[Path, Parameter(help="File of queries: qid, query, and relevant as {id: grade}, a line.")],
    embedder: Annotated[
        str | None, Parameter(help="Embedder, else AIREGISTRY_EMBEDDER, else minilm; `none` for words alone.")
    ] = None,
    run_out: Annotated[Path | None, Parameter(help="File to write the rankings to, as {qid: [id, ...]}.")] = None,
    url: Annotated[
        str | None,
        Parameter(
            help="Query the registry at this URL, which has the corpus already; its results are the documents of the "
            "same kind and name, of tools first those whose server's name is the server's path."
        ),
    ] = None,
    token_file: Annotated[
        Path | None, Parameter(help="File that holds the bearer token for `--url`, else AIREGISTRY_TOKEN is used.")
    ] = None,
    json: Annotated[bool, Parameter(help="Print the figures as JSON.", show_default=False)] = False,
) -> None:
    """Measure search on a corpus with judged queries, beside simpler ways to search.

    Prints NDCG@10, recall@10 and MRR with 95 % intervals. The corpus is imported into a registry in memory, which is
    gone at the end.
    """
    # The product hangs on these imports, which `--help` must not wait for.
    from airegistry.evaluation.corpus import read_corpus, read_queries
    from airegistry.evaluation.report import rows_of
    from airegistry.evaluation.run import SEARCH, evaluated
    from airegistry.settings import load

    if run_out is not None and not run_out.parent.is_dir():
        raise Usage(f"cannot write `{run_out}`: there is no such folder")
    progress = Progress()
    try:
        documents, asked = read_corpus(corpus), read_queries(queries)
        running = None if url is None else _ask_all(Target(url, token_file), documents, asked, progress)
        found = anyio.run(partial(evaluated, documents, asked, load(embedder=embedder), progress, asked=running))
    except Invalid as error:
        raise Usage(error.message) from None
    _note_oddities(documents, asked, found)
    if run_out is not None:
        _write(run_out, found.systems[SEARCH])
    rows = rows_of(found.systems, documents, asked)
    if json:
        show_json(_report(documents, asked, found, rows))
    elif rows:
        show_table(("system", "kind", "queries", "ndcg@10", "recall@10", "mrr"), [_cells(row) for row in rows])
    else:
        note("no query has relevant documents: there is nothing to measure")


class Progress:
    """Tells on stderr how far the work is: in place on a terminal, elsewhere a line now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + EVERY

    def __call__(self, what: str, done: int, total: int) -> None:
        terminal, moment = sys.stderr.isatty(), time.monotonic()
        if done < total and moment < self._next:
            return
        self._next = moment + (BLINK if terminal else EVERY)
        end = "\r" if terminal and done < total else "\n"
        print(f"{what} {done} of {total}", end=end, file=sys.stderr, flush=True)


def _ask_all(
    target: Target, documents: Sequence["Document"], queries: Sequence["Query"], progress: Progress
) -> "Rankings":
    """The rankings of a running registry."""
    from airegistry.evaluation.matching import Names
    from airegistry.evaluation.report import kinds_of

    names, kinds = Names(documents), [*kinds_of(documents)]
    rankings: dict[str, list[str]] = {}
    for number, query in enumerate(queries, 1):
        rankings[query.qid] = _ask(target, query.query[:LONGEST], kinds, names)
        progress("asked", number, len(queries))
    return rankings


def _ask(target: Target, query: str, kinds: list[str], names: "Names") -> list[str]:
    """One ranking; more results are asked for where too few of the first are documents."""
    from airegistry.evaluation.run import DEPTH, LEAST

    ranking: list[str] = []
    for limit in (DEPTH, MOST) if query else ():
        found = ask(target, "search_registry", {"query": query, "kinds": [*kinds], "limit": limit}).structured
        if not isinstance(found, dict):
            raise Refused("internal", "search_registry answered without structured content")
        results = items(found.get("results"))
        ranking = names.ids(results)[:DEPTH]
        if len(ranking) >= LEAST or len(results) < limit:
            break
    return ranking


def _note_oddities(documents: Sequence["Document"], queries: Sequence["Query"], found: "Evaluation") -> None:
    """Say what makes figures lower than they could be."""
    known = {document.id for document in documents}
    strangers = {id_ for query in queries for id_ in query.grades} - known
    if strangers:
        note(f"{len(strangers)} relevant documents are not in the corpus, among them `{min(strangers)}`")
    if found.refused:
        id_, why = next(iter(found.refused.items()))
        note(f"{len(found.refused)} documents could not be imported, among them `{id_}`: {why}")


def _write(path: Path, rankings: "Rankings") -> None:
    try:
        path.write_text(json_text.dumps({qid: [*ids] for qid, ids in rankings.items()}, indent=0), encoding="utf-8")
    except OSError as error:
        raise Usage(f"cannot write `{path}`: {error}") from None


def _report(
    documents: Sequence["Document"], queries: Sequence["Query"], found: "Evaluation", rows: Sequence["Row"]
) -> Json:
    from airegistry.evaluation.report import kinds_of

    return {
        "documents": {**kinds_of(documents)},
        "queries": len(queries),
        "judged": sum(bool(query.grades) for query in queries),
        "embedder": found.embedder,
        "import": {
            "verdicts": {**found.verdicts}, "duplicates": found.duplicates, "refused": {**found.refused},
        },
        "rows": [row.as_json() for row in rows],
    }  # fmt: skip


def _cells(row: "Row") -> list[object]:
    return [row.system, row.kind, row.queries, str(row.ndcg), str(row.recall), str(row.mrr)]
