"""Two registries over one store: what one of them does for both, and how the other has a part in it."""

from collections.abc import AsyncIterator, Iterator

import anyio
import pytest

from airegistry.app import App
from airegistry.core.health import HealthChecks
from tests.support.waiting import until
from tests.test_replicas import ADMIN, Pair, open_pair, within_a_second

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airegistry.replicas.SECONDS", 3.0)
        patch.setattr("airegistry.core.shared_checks.TELLS", 0.05)
        yield


@pytest.fixture(scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory, quick: None, anyio_backend: str) -> AsyncIterator[Pair]:
    async with open_pair(tmp_path_factory.mktemp("pair")) as made:
        yield made


async def who_checks(pair: Pair) -> tuple[App, App]:
    """The one that checks backends for both, and the other one."""
    await until(lambda: any(app.services.health._lease for app in pair.apps))
    a, b = pair.apps
    return (a, b) if a.services.health._lease is not None else (b, a)


async def test_a_check_that_the_other_asks_for_is_made_by_the_one_that_checks(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried: list[tuple[HealthChecks, str]] = []
    monkeypatch.setattr(HealthChecks, "hurry", lambda self, key: hurried.append((self, key[1])))
    server = await pair.register(pair.a, "weather20")
    with anyio.fail_after(30):
        while True:
            checks, asks = await who_checks(pair)
            hurried.clear()
            asks.services.health.look_again(server)
            await within_a_second(lambda: hurried)
            if (await who_checks(pair))[0] is checks:  # else the lease went over meanwhile, as on a busy machine it may
                break
    assert hurried == [(checks.services.health, "weather20")]


async def test_the_last_check_of_one_is_shown_by_the_other(pair: Pair) -> None:
    checks, asks = await who_checks(pair)
    await pair.register(pair.a, "weather21")
    await until(lambda: all(app.services.changes.known("server/weather21") for app in pair.apps))
    await checks.services.health.check(ADMIN, "server", "weather21")
    await within_a_second(lambda: "server/weather21" in asks.services.vitals.all())
    assert asks.services.vitals.all()["server/weather21"].misses == 1


async def test_a_call_that_waits_for_approval_looks_as_soon_as_another_process_wrote(pair: Pair) -> None:
    looked = pair.a.services.approvals._waits.events["somebodys"] = anyio.Event()
    await pair.store.put("approvals", "somebodys", {})
    await pair.store.delete("approvals", "somebodys")
    await within_a_second(looked.is_set)
    del pair.a.services.approvals._waits.events["somebodys"]


async def test_texts_and_vectors_are_made_anew_at_both(pair: Pair) -> None:
    await (await pair.a.services.index_care.reindex(ADMIN)).ended.wait()
    status = pair.b.services.index_care.status
    await within_a_second(lambda: (job := status(ADMIN).job) and (job.act, job.state) == ("reindex", "done"))


async def test_usage_and_skills_are_looked_after_by_one(pair: Pair) -> None:
    with anyio.fail_after(5):
        while not {"usage", "skills", "health", "rescans"} <= {  # noqa: ASYNC110  # leases are looked at
            each.key async for each in pair.store.find("leases")
        }:
            await anyio.sleep(0.01)
