"""The registry of an evaluation takes in what another one would hold back, and says so."""

from collections.abc import Sequence

import numpy as np
import pytest

from airegistry.core.assets import Skill
from airegistry.core.errors import AirError, Conflict, Internal, UpstreamFailed
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings, Vectors
from airegistry.core.principals import SYSTEM
from airegistry.evaluation import registry as module
from airegistry.evaluation.registry import Remembering, TrialRegistry, VerbatimShelf

pytestmark = pytest.mark.anyio
SKILLS = [Skill(path=path, name=path, content="The quokka smiles.") for path in ("b", "a")]


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


class Counting:
    """Embeds every text as the same vector and counts; fails with `failure` when there is one."""

    fingerprint, dimensions = "counting", 2

    def __init__(self, failure: Exception | None = None) -> None:
        self.embedded: list[str] = []
        self.failure = failure

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.failure is not None:
            raise self.failure
        self.embedded += texts
        return np.array([[1, 0]] * len(texts), np.float32)

    def embed_query(self, text: str) -> Vectors:
        (vector,) = self.embed([text])
        return np.asarray(vector, np.float32)


async def test_each_text_is_embedded_once() -> None:
    counting = Counting()
    embedder = Remembering(counting)
    assert embedder.dimensions == 2
    assert embedder.embed(["x", "y", "x"]).shape == (3, 2)
    assert embedder.embed(["y", "z"]).shape == (2, 2)
    assert counting.embedded == ["x", "y", "z"]


async def test_equal_skills_are_counted_as_duplicates_and_both_found() -> None:
    trial = TrialRegistry(Remembering(Counting()))
    await trial.take(SKILLS, silent)
    assert trial.said.duplicates == 1
    found = await trial.search.find(SYSTEM, "quokka")
    assert sorted(hit.asset.path for hit in found.hits) == ["a", "b"]


async def test_a_scan_without_an_answer_is_counted_as_a_block_and_holds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        name = "broken"

        def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
            raise ValueError("cannot read this")

    monkeypatch.setattr(module, "open_scanners", lambda: (Broken(),))
    trial = TrialRegistry(None)
    await trial.take(SKILLS, silent)
    assert trial.said.verdicts == {"block": 2}
    assert (await trial.search.find(SYSTEM, "quokka")).total == 2


@pytest.mark.parametrize(
    ("failure", "raised"), [(UpstreamFailed("it is down"), UpstreamFailed), (ValueError("it is broken"), Internal)]
)
async def test_a_failure_of_the_embedder_ends_the_import(failure: Exception, raised: type[AirError]) -> None:
    with pytest.raises(raised, match="it is"):
        await TrialRegistry(Remembering(Counting(failure))).take(SKILLS, silent)


async def test_the_shelf_gives_back_what_was_put_there() -> None:
    shelf, odd = VerbatimShelf(), Skill.model_construct(path="c", name="x" * 500)
    for asset in (*SKILLS, odd):
        await shelf.create(asset)
    assert await shelf.get("skill", "c") == (odd, 1)
    assert await shelf.get("skill", "c", "9.9.9") is None
    assert [key async for key, _ in shelf.walk()] == ["skill/a", "skill/b", "skill/c"]
    assert [key async for key, _ in shelf.walk(after="skill/a")] == ["skill/b", "skill/c"]
    with pytest.raises(Conflict):
        await shelf.create(odd)
