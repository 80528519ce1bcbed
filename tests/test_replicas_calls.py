"""Two registries over one store, in one process: how much callers may do at both of them together."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
from cryptography.fernet import Fernet

from airegistry.app import App, running
from airegistry.core.assets import Server
from airegistry.core.calls import Permit
from airegistry.core.errors import RateLimited
from airegistry.core.limits import Limiter
from airegistry.core.principals import Principal
from airegistry.core.quotas import Limit
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.open import Stores
from tests.support.waiting import until
from tests.test_replicas import ADMIN, Pair, _settings, open_pair

pytestmark = pytest.mark.anyio
ANN = Principal("token:ann")
WEATHER = Server(path="weather", name="weather", url="http://127.0.0.1:9/mcp")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def short_leases() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airegistry.replicas.SECONDS", 0.4)
        yield


@pytest.fixture
async def pair(tmp_path: Path, short_leases: None) -> AsyncIterator[Pair]:
    async with open_pair(tmp_path) as made:
        yield made


def passes(app: App, who: Principal = ANN) -> bool:
    """Whether a call is let in; it ends at once."""
    try:
        app.services.guards.admit(who, WEATHER, "tools/call", "forecast").release("ok")
    except RateLimited:
        return False
    return True


def levels(app: App) -> list[int]:
    """The tokens that are left in each bucket, whole ones."""
    meters = app.services.guards._quotas._meters.values()
    return [int(meter.bucket.level) for meter in meters if meter.bucket is not None]


def begun(app: App) -> Permit:
    """A call that goes on."""
    return app.services.guards.admit(ANN, WEATHER, "tools/call", "forecast")


async def limit(pair: Pair, **members: object) -> None:
    """A limit, in force at both."""
    await pair.a.services.guards.put_limit(ADMIN, Limit.model_validate({"name": "few", **members}))
    await until(lambda: pair.b.services.guards.limits(ADMIN))


async def test_what_is_used_up_at_one_is_so_at_the_other_and_after_both_have_stopped(pair: Pair) -> None:
    await limit(pair, calls=5, seconds=86_400)
    assert [passes(pair.a) for _ in range(3)] == [True] * 3
    await until(lambda: levels(pair.b) == [2])
    assert [passes(pair.b) for _ in range(3)] == [True, True, False]
    await until(lambda: levels(pair.a) == [0])
    assert not passes(pair.a)
    while pair.stacks:
        await pair.stacks.pop().aclose()
    kept = await pair.store.get("quotas", "few")
    assert kept is not None
    (used,) = kept.body["used"].values()  # type: ignore[union-attr]  # an object
    assert used == pytest.approx(5, abs=0.01)


async def test_calls_under_way_at_one_have_their_places_at_the_other_until_they_end_or_it_stops(pair: Pair) -> None:
    await limit(pair, concurrent=1)
    running = begun(pair.b)
    await until(lambda: not passes(pair.a))
    running.release("ok")
    await until(lambda: passes(pair.a))
    begun(pair.b)
    await until(lambda: not passes(pair.a))
    await pair.stacks.pop().aclose()
    await until(lambda: passes(pair.a))


async def test_floods_are_bounded_by_what_each_replica_lets_in_of_them(pair: Pair) -> None:
    await until(lambda: all(app.identity.clients._overall._among() == 2 for app in pair.apps))
    codes = [app.identity.directory._confirmations for app in pair.apps]
    assert [sum(taken(code) for _ in range(20)) for code in codes] == [5, 5]
    await pair.stacks.pop().aclose()
    await until(lambda: pair.a.identity.clients._overall._among() == 1)


def taken(limiter: Limiter) -> bool:
    """Whether one attempt is let in."""
    try:
        limiter.take("ann")
    except RateLimited:
        return False
    return True


async def test_a_registry_whose_store_is_its_own_tells_nobody_what_it_counts(tmp_path: Path) -> None:
    store, cipher = MemoryStore(), FernetCipher([Fernet.generate_key().decode()])
    async with running(_settings(tmp_path), given=Stores(store, MemoryLog(), cipher, [])) as app:
        await app.services.guards.put_limit(ADMIN, Limit(name="few", calls=3, seconds=86_400, concurrent=1))
        call = begun(app)
        await anyio.sleep(0.6)
        assert not {"quota_uses", "calls_under_way", "mcp_handles"} & {*await store.collections()}
        assert app.services.guards.taken is None
        call.release("ok")
