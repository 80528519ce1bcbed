"""Sources over two registries that share a store: one of them asks, and each may be told to."""

from pathlib import Path

import anyio
import pytest

from airegistry.core.principals import SYSTEM
from airegistry.sources.open import MAKERS
from tests.core.federated import FakeDrivers, FakeSource, served
from tests.support.waiting import until
from tests.test_replicas import Pair, open_pair

pytestmark = pytest.mark.anyio
URL = "https://there.test"


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    """What there is at `URL`, for both."""
    source = FakeSource([served(f"s{n}", url=f"http://127.0.0.1:9/{n}/mcp") for n in range(5)])
    monkeypatch.setitem(MAKERS, "mcp-registry", lambda guard: FakeDrivers({URL: source}))
    monkeypatch.setattr("airegistry.replicas.SECONDS", 0.4)
    return source


async def added(pair: Pair) -> None:
    """A source that was added at one and synced by whichever does that."""
    federation = pair.b.services.federation
    await federation.add(SYSTEM, "far", "mcp-registry", {"url": URL}, {"token": "s3cret"})
    await federation.request(SYSTEM, "far", wait=10)


def paths(pair: Pair, at: int) -> list[str]:
    """What came in, as one of them knows it."""
    names = pair.apps[at].services.changes.names()
    return sorted(name for name in names if name.startswith("server/s"))


async def test_one_asks_and_both_know_what_came_in(tmp_path: Path, offered: FakeSource) -> None:
    async with open_pair(tmp_path) as pair:
        with anyio.fail_after(60):
            await added(pair)
            await until(lambda: len(paths(pair, 0)) == len(paths(pair, 1)) == 5, seconds=20)
            passes = [each for each in offered.asked if each[1] is None]
            for app in pair.apps:
                standing = await app.services.federation.request(SYSTEM, "far", wait=10)
                assert standing.state.runs[0].unchanged == 5
            assert len([each for each in offered.asked if each[1] is None]) == len(passes) + 2


async def test_a_source_that_is_removed_at_one_is_gone_at_both(tmp_path: Path, offered: FakeSource) -> None:
    async with open_pair(tmp_path) as pair:
        with anyio.fail_after(60):
            await added(pair)
            assert await pair.a.services.federation.remove(SYSTEM, "far", wait=20)
            await until(lambda: not paths(pair, 0) and not paths(pair, 1), seconds=20)
            await until(lambda: not pair.b.services.federation.list(SYSTEM), seconds=20)


async def test_secrets_are_sealed_anew_when_the_key_changes(tmp_path: Path, offered: FakeSource) -> None:
    async with open_pair(tmp_path) as pair:
        with anyio.fail_after(60):
            await added(pair)
            before = await pair.store.get("sources", "far")
            await pair.a.identity.rotation.rotate(SYSTEM)
            after = await pair.store.get("sources", "far")
            assert before is not None
            assert after is not None
            assert before.body["sealed"] != after.body["sealed"]
            assert "s3cret" not in str(after.body)
            standing = await pair.b.services.federation.request(SYSTEM, "far", wait=20)
            assert standing.state.runs[0].outcome == "ok"
