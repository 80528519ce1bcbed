"""The training data of the embedding model, and what is made of it. Training itself needs torch."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from scripts.train_embedder import BATCH, NEIGHBOURS, TRAINING, Written, batches, examples, pairs, too_near

TRUTH = TRAINING.parent / "truth"
WORDS = 6
"""As many words in a row are in two texts by accident no more."""
LINES = [line for file in sorted(TRAINING.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def runs(text: str) -> Iterator[str]:
    """Every `WORDS` words in a row, and a shorter text as a whole."""
    found = words(text)
    return (" ".join(found[at : at + WORDS]) for at in range(max(1, len(found) - WORDS + 1)))


def strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict() | list():
            for member in value.values() if isinstance(value, dict) else value:
                yield from strings(member)


def judged() -> Iterator[str]:
    """Descriptions, bodies and queries of the truth set; not names, which are as general as `send_email`."""
    for line in (TRUTH / "corpus.jsonl").read_text("utf-8").splitlines():
        asset = json.loads(line)
        yield from strings([asset.get(field) for field in ("description", "body", "schema")])
        yield from (tool["description"] for tool in asset.get("tools", ()))
    for line in (TRUTH / "queries.jsonl").read_text("utf-8").splitlines():
        yield json.loads(line)["query"]


def test_every_asset_has_five_queries_of_its_own() -> None:
    assets = [Written.model_validate_json(line) for line in LINES]
    assert len(assets) == 1239
    assert {len(set(asset.queries)) for asset in assets} == {5}
    queries = [" ".join(words(query)) for asset in assets for query in asset.queries]
    assert len(set(queries)) == len(queries)


def test_nothing_of_the_truth_set_is_trained_on() -> None:
    known = {run for text in judged() for run in runs(text) if len(run.split()) >= 4}
    assert len(known) > 5_000
    trained = {run for line in LINES for text in strings(json.loads(line)) for run in runs(text)}
    assert known & trained == set()


def test_texts_are_those_that_search_embeds() -> None:
    tool = Written(
        kind="tool", server="desk", name="listOpenTickets", description="Lists.", parameters=["owner"], queries=["q"]
    )
    assert tool.text().head == "desk - list open tickets: Lists. Parameters: owner"
    server = Written(kind="server", name="desk", description="Tickets.", tools=["a", "b"], queries=["q"])
    assert server.text().head == "desk: Tickets. Tools: a, b"
    agent = Written(
        kind="agent", name="Ada", description="Triages.", skills=["Sort: by urgency: high first"], queries=[]
    )
    assert agent.text().dense == ["Ada: Triages.", "Ada - sort: by urgency: high first"]
    skill = Written(kind="skill", name="pdf-forms", description="Fills forms.", body="Open. Fill.", queries=["q"])
    assert skill.text().dense == ["pdf-forms: Fills forms.", "Open. Fill."]


def test_a_batch_holds_neighbours_and_no_example_twice() -> None:
    places = np.arange(96, dtype=np.float32)
    near = -np.abs(places[:, None] - places[None, :])
    made = list(batches(near, random.Random(1)))
    assert [len(batch) for batch in made] == [BATCH, BATCH]
    assert len({one for batch in made for one in batch}) == 96
    first = made[0][: NEIGHBOURS + 1]
    assert max(abs(one - first[0]) for one in first) <= NEIGHBOURS


def test_five_rounds_use_every_query_once() -> None:
    found = examples()[: 2 * BATCH]
    near = np.eye(len(found), dtype=np.float32)
    source = pairs(found, near, random.Random(1))
    seen = [query for _ in range(10) for _, query, _ in next(source)]
    assert len(set(seen)) == len(seen) == 10 * BATCH


def test_near_documents_are_no_wrong_answers_unless_one_server_tells_them_apart() -> None:
    found = [one for one in examples() if one.server][:20]
    near = np.ones((20, 20), np.float32)
    alike = too_near(found, near)
    for row, one in enumerate(found):
        assert [bool(it) for it in alike[row]] == [one.server != other.server for other in found]
    assert not too_near(found, near * np.float32(0.5)).any()


def test_the_card_of_the_data_counts_it_right() -> None:
    kinds = Counter(Written.model_validate_json(line).kind for line in LINES)
    card = (TRAINING / "DATA_CARD.md").read_text("utf-8")
    assert f"{len(LINES):,} assets, five queries each" in card
    assert f"{kinds['tool']} tools of MCP servers" in card
    assert f"{kinds['skill']} skills" in card
    assert f"{kinds['server']} MCP servers with the names of their tools, {kinds['agent']} agents" in card
