"""`search-eval`: a corpus and queries in, figures and rankings out."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastmcp.tools.base import ToolResult

from airegistry.cli import search_eval
from airegistry.cli.client import Target, ask
from tests.cli.conftest import Ran, Run
from tests.cli.registry import FakeRegistry, Json
from tests.support.logs import pytest_runtest_makereport  # noqa: F401  # a hook
from tests.support.registry import Registry, serving

WORDS = ("--embedder", "none")
CORPUS: list[Json] = [
    {"id": "desk", "type": "server", "name": "Weather Desk", "description": "Skies over cities.",
     "tools": [{"name": "get_forecast", "description": "Tomorrow's weather."}]},
    {"id": "desk/forecast", "type": "tool", "server": "Weather Desk", "name": "get_forecast",
     "description": "Tomorrow's weather in a city.", "schema": {"properties": {"city": {"type": "string"}}}},
    {"id": "planner", "type": "agent", "name": "Trip Planner", "description": "Plans journeys by train."},
    {"id": "invoices", "type": "skill", "name": "Filing Invoices!", "body": "# How\nPut the invoice into the ledger."},
]  # fmt: skip
QUERIES: list[Json] = [
    {"qid": "q1", "query": "get_forecast", "relevant": {"desk/forecast": 3, "desk": 1}},
    {"qid": "q2", "query": "ledger", "relevant": {"invoices": 2}},
    {"qid": "q3", "query": "kayak", "relevant": {"planner": 1}},
    {"qid": "q4", "query": "journeys"},
]


class Evaluate:
    """Runs `search-eval` over the given lines in a folder."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self.corpus, self.queries, self.out = folder / "corpus.jsonl", folder / "queries.jsonl", folder / "run.json"

    def __call__(self, corpus: Sequence[Json], queries: Sequence[Json], *options: str) -> Ran:
        for file, lines in ((self.corpus, corpus), (self.queries, queries)):
            file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        files = ("--corpus", str(self.corpus), "--queries", str(self.queries), "--run-out", str(self.out))
        return self._run("search-eval", *files, *options)

    def figures(self, corpus: Sequence[Json], queries: Sequence[Json], *options: str) -> Any:
        """What it prints as JSON when it succeeds."""
        ran = self(corpus, queries, *options, "--json")
        assert ran.status == 0, ran.err
        return json.loads(ran.out)

    @property
    def rankings(self) -> dict[str, list[str]]:
        """The rankings that were written."""
        found: dict[str, list[str]] = json.loads(self.out.read_text("utf-8"))
        return found


@pytest.fixture
def evaluate(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    monkeypatch.chdir(tmp_path)  # no airegistry.toml of this checkout
    return Evaluate(run, tmp_path)


def means(row: Json) -> tuple[float, float, float]:
    """NDCG@10, recall@10 and MRR of a row."""
    return row["ndcg_at_10"]["mean"], row["recall_at_10"]["mean"], row["mrr"]["mean"]


def test_figures_are_those_of_the_rankings(evaluate: Evaluate) -> None:
    found = evaluate.figures(CORPUS, QUERIES, *WORDS)
    assert evaluate.rankings == {"q1": ["desk/forecast", "desk"], "q2": ["invoices"], "q3": [], "q4": ["planner"]}
    assert found["documents"] == {"server": 1, "tool": 1, "agent": 1, "skill": 1}
    assert (found["queries"], found["judged"], found["embedder"]) == (4, 3, None)
    overall = [row for row in found["rows"] if row["kind"] == "all"]
    assert [row["system"] for row in overall] == ["airegistry", "lexical only"]
    for row in overall:
        assert (row["queries"], *means(row)) == (3, *[pytest.approx(2 / 3)] * 3)
        assert row["mrr"]["low"] == 0.0
        assert row["mrr"]["high"] == 1.0
    kinds = {row["kind"]: (row["queries"], *means(row)) for row in found["rows"] if row["system"] == "airegistry"}
    # of each kind alone: the server is the first server, though the tool stands before it
    assert kinds == {
        "all": (3, *[pytest.approx(2 / 3)] * 3), "server": (1, 1, 1, 1), "tool": (1, 1, 1, 1), "agent": (1, 0, 0, 0),
        "skill": (1, 1, 1, 1),
    }  # fmt: skip


def test_people_see_a_table_and_how_far_it_is(evaluate: Evaluate) -> None:
    ran = evaluate(CORPUS, QUERIES, *WORDS)
    assert ran.out.splitlines()[:2] == [
        "SYSTEM        KIND    QUERIES  NDCG@10               RECALL@10             MRR",
        "airegistry    all     3        0.667 [0.000, 1.000]  0.667 [0.000, 1.000]  0.667 [0.000, 1.000]",
    ]
    assert ran.err.splitlines() == ["imported 3 of 3", "searched 4 of 4", "compared 3 of 3"]


def test_with_an_embedder_vectors_and_the_textbook_stand_beside_it(evaluate: Evaluate) -> None:
    queries: list[Json] = [{"qid": "q", "query": "will it rain", "relevant": {"desk/forecast": 1}}]
    found = evaluate.figures(CORPUS, queries)
    systems = {row["system"]: means(row)[2] for row in found["rows"] if row["kind"] == "all"}
    assert found["embedder"]
    # no word of the query is in the corpus: only meaning finds it
    assert systems.keys() == {"airegistry", "lexical only", "vector only", "textbook hybrid"}
    assert systems["lexical only"] == 0
    assert min(systems["airegistry"], systems["vector only"], systems["textbook hybrid"]) >= 0.5
    assert sorted(evaluate.rankings["q"]) == ["desk", "desk/forecast", "invoices", "planner"]


def test_names_and_texts_that_a_registry_refuses_are_found_as_they_are(evaluate: Evaluate) -> None:
    corpus: list[Json] = [
        {"id": "long", "type": "server", "name": "quokka " * 100},
        {"id": "long tool", "type": "tool", "name": "quokka" + "x" * 500},
        {"id": "bare", "type": "skill", "name": "", "body": "quokka"},
        {"id": "hidden", "type": "agent", "name": "A", "description": "quokka\u200b facts \U000e0041"},
        {"id": "same", "type": "tool", "name": "quokka", "server": "X", "params": ["a"]},
        {"id": "same again", "type": "tool", "name": "quokka", "server": "X", "description": None},
        {"id": "tagged", "type": "skill", "name": "quokka", "tags": [str(number) for number in range(100)]},
        {"id": "twice", "type": "server", "name": "mcp", "tools": [{"name": "quokka"}, {"name": "quokka"}]},
    ]
    found = evaluate.figures(corpus, [{"qid": "q", "query": "quokka", "relevant": {"bare": 1}}], *WORDS)
    # the name of the long tool is one long word, in which no other is looked for
    assert sorted(evaluate.rankings["q"]) == sorted({str(line["id"]) for line in corpus} - {"long tool"})
    assert found["import"]["refused"] == {}
    assert found["import"]["verdicts"]["block"] == 1
    assert found["import"]["duplicates"] == 1


def test_what_is_too_large_is_named_and_the_rest_measured(evaluate: Evaluate) -> None:
    huge: Json = {"id": "huge", "type": "skill", "name": "huge", "body": "x" * 16_000_001}
    ran = evaluate([*CORPUS, huge], [{"qid": "q", "query": "ledger", "relevant": {"invoices": 1, "gone": 1}}], *WORDS)
    assert ran.status == 0
    assert "1 relevant documents are not in the corpus, among them `gone`\n" in ran.err
    assert "1 documents could not be imported, among them `huge`: " in ran.err
    assert evaluate.rankings == {"q": ["invoices"]}


def test_only_kinds_of_the_corpus_are_ranked(evaluate: Evaluate) -> None:
    evaluate([line for line in CORPUS if line["type"] == "tool"], [{"qid": "q", "query": "weather desk"}], *WORDS)
    assert evaluate.rankings == {"q": ["desk/forecast"]}


def test_ten_documents_are_found_behind_many_tools_that_are_none(evaluate: Evaluate) -> None:
    listed = [{"name": f"otter_{number}", "description": "otter"} for number in range(150)]
    corpus: list[Json] = [{"id": "s", "type": "server", "name": "S", "tools": listed}]
    corpus += (
        {"id": f"t{number}", "type": "tool", "name": "x", "server": f"about otter {number}"} for number in range(12)
    )
    evaluate(corpus, [{"qid": "q", "query": "otter"}], *WORDS)
    assert sorted(evaluate.rankings["q"]) == sorted(["s", *(f"t{number}" for number in range(12))])


def test_without_relevant_documents_the_rankings_are_written_and_nothing_else(evaluate: Evaluate) -> None:
    ran = evaluate(CORPUS, [{"qid": "q", "query": "ledger"}], *WORDS)
    assert (ran.status, ran.out) == (0, "")
    assert ran.err.endswith("no query has relevant documents: there is nothing to measure\n")
    assert evaluate.rankings == {"q": ["invoices"]}


@pytest.mark.parametrize(
    ("corpus", "queries", "says"),
    [
        ([*CORPUS, {"id": "x", "type": "plugin"}], QUERIES, "corpus.jsonl:5: type: Input should be"),
        (CORPUS, [{"qid": "q", "query": "a"}, {"qid": "q", "query": "b"}], "queries.jsonl:2: 'q' stands on an earlier"),
        ([], QUERIES, "corpus.jsonl: the file is empty"),
    ],
)
def test_a_wrong_file_is_a_usage_error(
    evaluate: Evaluate, corpus: Sequence[Json], queries: Sequence[Json], says: str
) -> None:
    ran = evaluate(corpus, queries, *WORDS)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert says in ran.err
    assert not evaluate.out.exists()


def test_files_that_are_not_there_are_a_usage_error(run: Run, evaluate: Evaluate, tmp_path: Path) -> None:
    evaluate(CORPUS, QUERIES[3:], *WORDS)
    given = ("search-eval", "--queries", str(evaluate.queries))
    assert run(*given, "--corpus", str(tmp_path / "none")).status == 2
    nowhere = run(*given, "--corpus", str(evaluate.corpus), "--run-out", str(tmp_path / "none" / "run.json"))
    assert (nowhere.status, nowhere.err.count("\n")) == (2, 1)
    folder = run(*given, *WORDS, "--corpus", str(evaluate.corpus), "--run-out", str(tmp_path))
    assert folder.status == 2
    assert "cannot write" in folder.err


@pytest.mark.parametrize("embedder", ["word2vec", "openai:MODEL"])
def test_an_embedder_that_cannot_be_had_is_a_usage_error(evaluate: Evaluate, embedder: str) -> None:
    ran = evaluate(CORPUS, QUERIES, "--embedder", embedder)
    assert ran.status == 2
    assert embedder in ran.err


def test_an_embedder_that_fails_ends_the_evaluation(evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        fingerprint, dimensions = "broken", 3

        def embed(self, texts: Sequence[str]) -> None:
            raise ValueError("out of order")

    monkeypatch.setattr("airegistry.evaluation.run.open_embedder", lambda name, server: Broken())
    ran = evaluate(CORPUS, QUERIES)
    assert ran.status == 1
    assert ran.err.endswith("error[internal]: the embedder failed: out of order\n")


def test_progress_is_one_line_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_eval, "BLINK", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = search_eval.Progress()
    progress("asked", 1, 3)  # too early: nothing has taken long yet
    monkeypatch.setattr(search_eval, "EVERY", 0.0)
    progress = search_eval.Progress()
    progress("asked", 2, 3)
    progress("asked", 3, 3)
    assert capsys.readouterr().err == "asked 2 of 3\rasked 3 of 3\n"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("registry"), {"AIREGISTRY_EMBEDDER": "none"}) as started:
        yield started


def test_a_running_registry_is_asked_and_compared(
    evaluate: Evaluate, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_TOKEN", registry.token)
    target = Target(registry.url)
    tool = {"name": "get_forecast", "description": "Tomorrow's weather in a city."}
    server: Json = {"name": "Weather Desk", "path": "weather-desk", "url": "http://127.0.0.1:9/mcp", "tools": [tool]}
    ask(target, "register_service", {**server, "description": "Skies over cities.", "fetch": False})
    before = ask(target, "list_services", {}).structured
    found = evaluate.figures(CORPUS, QUERIES[:2], *WORDS, "--url", registry.url)
    assert evaluate.rankings == {"q1": ["desk/forecast", "desk"], "q2": []}
    overall = {row["system"]: means(row) for row in found["rows"] if row["kind"] == "all"}
    assert overall == {"airegistry": (0.5, 0.5, 0.5), "lexical only": (1.0, 1.0, 1.0)}
    assert ask(target, "list_services", {}).structured == before


def test_a_running_registry_without_judgements_is_asked_and_nothing_else(
    evaluate: Evaluate, fake: FakeRegistry
) -> None:
    hits: list[Json] = [{"kind": "skill", "name": "Filing Invoices!", "path": "x", "server": None}]
    fake.says({"results": hits, "total": 1})
    ran = evaluate(CORPUS, [{"qid": "q", "query": "a" * 2_500}, {"qid": "e", "query": ""}], "--url", fake.url)
    assert ran.status == 0, ran.err
    kinds = ["server", "tool", "agent", "skill"]
    assert fake.calls == [("search_registry", {"query": "a" * 2_000, "kinds": kinds, "limit": 100})]
    assert evaluate.rankings == {"q": ["invoices"], "e": []}
    assert "imported" not in ran.err


def test_more_is_asked_for_when_too_few_results_are_documents(evaluate: Evaluate, fake: FakeRegistry) -> None:
    strangers: list[Json] = [{"kind": "skill", "name": f"s{number}", "path": "x"} for number in range(100)]
    fake.says({"results": strangers, "total": 500})
    assert evaluate(CORPUS, QUERIES[3:], "--url", fake.url).status == 0
    assert [arguments["limit"] for _, arguments in fake.calls] == [100, 1000]
    assert evaluate.rankings == {"q4": []}


def test_an_answer_without_results_is_refused(evaluate: Evaluate, fake: FakeRegistry) -> None:
    fake.answer = ToolResult(content="hello")
    ran = evaluate(CORPUS, QUERIES, "--url", fake.url)
    assert ran.status == 1
    assert ran.err.startswith("error[internal]: search_registry answered without structured content")


def test_where_no_registry_answers_the_status_says_so(evaluate: Evaluate) -> None:
    ran = evaluate(CORPUS, QUERIES, "--url", "http://127.0.0.1:9")
    assert ran.status == 4
    assert ran.err.startswith("error[unreachable]: ")


def test_the_program_as_a_process_prints_json_alone(evaluate: Evaluate, registry: Registry) -> None:
    evaluate(CORPUS, QUERIES[3:], *WORDS)
    files = ("--corpus", str(evaluate.corpus), "--queries", str(evaluate.queries))
    ran = registry.cli("search-eval", *files, *WORDS, "--json")
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["rows"] == []
