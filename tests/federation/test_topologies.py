"""Three registries in a line and in a ring, random edits on each: all come to say the same, and come to rest."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from tests.federation.nodes import BOOK, Edits, Json, Node, nodes, said_by
from tests.support.rounds import FULL

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]
ROUNDS = 8 if FULL else 2
EDITS = 6 if FULL else 3
SEEDS = (1, 2, 3) if FULL else (1,)
Link = tuple[Node, Node]
"""Who takes, and from whom."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    with nodes(tmp_path_factory.mktemp("three"), "alpha", "beta", "gamma") as made:
        yield made


@pytest.fixture
async def three(started: list[Node]) -> AsyncIterator[list[Node]]:
    """Three registries that know nothing of each other, and have nothing."""
    yield started
    for node in reversed(started):
        await node.clear()


def idle(run: Json) -> bool:
    """Whether a pass found nothing to do, and nothing to refuse."""
    return not any(run[count] for count in ("added", "changed", "retired", "deleted", "refused", "held"))


async def comes_to_rest(links: Sequence[Link], edits: Sequence[Edits], reaches: dict[str, set[str]], seed: int) -> None:
    """Rounds of edits, each followed by passes over all links until nothing moves any more: then every node has what
    the nodes that reach it have registered, and nothing else. `reaches` names them by node."""
    rng = random.Random(seed)
    by_name = {each.node.name: each for each in edits}
    for _ in range(ROUNDS):
        for _ in range(EDITS):
            await rng.choice(edits).edit()
        for _ in range(len(links) + 1):
            runs = [await taker.sync(giver) for taker, giver in links]
            if all(map(idle, runs)):
                break
        assert all(map(idle, runs)), runs
        for each in edits:
            here = await each.node.found()
            wanted = {ref: said for name in reaches[each.node.name] for ref, said in by_name[name].truth.items()}
            assert said_by(here) == wanted, each.node.name
            for (_, path), asset in here.items():
                local = path.startswith(f"{each.node.name}-")
                assert (asset["provenance"]["source"] == "local") is local, path


@pytest.mark.parametrize("seed", SEEDS)
async def test_in_a_line_what_is_edited_arrives_at_the_end_of_it(three: list[Node], seed: int) -> None:
    alpha, beta, gamma = three
    for node in three:
        await node.ask("define_entity_type", name="book", schema=BOOK)
    await beta.take_from(alpha)
    await gamma.take_from(beta, relay=True)
    edits = [Edits(node, random.Random(seed)) for node in three]
    reaches = {"alpha": {"alpha"}, "beta": {"alpha", "beta"}, "gamma": {"alpha", "beta", "gamma"}}
    await comes_to_rest([(beta, alpha), (gamma, beta)], edits, reaches, seed)
    for (_, path), asset in (await gamma.found()).items():
        via = asset["provenance"].get("via", [])
        assert via == {"alpha": [alpha.id, beta.id], "beta": [beta.id], "gamma": []}[path.partition("-")[0]]


@pytest.mark.parametrize("seed", SEEDS)
async def test_in_a_ring_nothing_goes_round_and_nothing_comes_back(three: list[Node], seed: int) -> None:
    alpha, beta, gamma = three
    await alpha.ask("define_entity_type", name="book", schema=BOOK)
    links = [(beta, alpha), (gamma, beta), (alpha, gamma)]
    await alpha.put("entity", "alpha-first", "the first word")  # its type goes along with it
    for taker, giver in links:
        await taker.take_from(giver, relay=True)
    edits = [Edits(node, random.Random(seed)) for node in three]
    edits[0].truth["entity", "alpha-first"] = "the first word"
    everyone = {"alpha", "beta", "gamma"}
    await comes_to_rest(links, edits, dict.fromkeys(everyone, everyone), seed)
    for node in three:
        longest = max(len(asset["provenance"].get("via", [])) for asset in (await node.found()).values())
        assert longest <= 2


async def test_without_relay_what_comes_from_elsewhere_goes_no_further(three: list[Node]) -> None:
    alpha, beta, gamma = three
    await alpha.put("server", "alpha-weather", "rain")
    await beta.put("server", "beta-weather", "sun")
    await beta.take_from(alpha)
    await gamma.take_from(beta)
    assert (await gamma.found()).keys() == {("server", "beta-weather")}


async def test_two_that_take_from_each_other_have_both_and_refuse_nothing(three: list[Node]) -> None:
    alpha, beta, _ = three
    await alpha.put("server", "alpha-weather", "rain")
    await beta.put("server", "beta-weather", "sun")
    links = ((alpha, beta), (beta, alpha))
    runs = [await taker.take_from(giver, relay=True) for taker, giver in links]
    runs += [await taker.sync(giver) for taker, giver in links]
    assert [run["refused"] for run in runs] == [0, 0, 0, 0]
    assert (await alpha.found()).keys() == (await beta.found()).keys() == {
        ("server", "alpha-weather"), ("server", "beta-weather"),
    }  # fmt: skip
