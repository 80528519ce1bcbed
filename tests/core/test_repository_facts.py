"""What hosts say of source repositories is asked once a day, kept apart from assets, and forgotten with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import pytest

from airegistry.core.errors import AirError, CredentialRefused, RateLimited, UpstreamFailed
from airegistry.core.git_skills import Gone
from airegistry.core.principals import SYSTEM
from airegistry.core.repository_facts import COLLECTION, Facts, KnownRepository, RepositoryFacts
from tests.core.wiring import NOON, World, build

pytestmark = pytest.mark.anyio
URL = "https://git.test/acme/tools"
KEY = "git.test/acme/tools"


class Hosts:
    """The `Repositories` port: one host, with facts by URL, or an error. `asked` are the URLs, in order."""

    def __init__(self) -> None:
        self.says: Facts | AirError = Facts(stars=1)
        self.asked: list[str] = []

    def repository(self, url: str) -> str | None:
        return url.removeprefix("https://").lower() if url.startswith("https://git.test/") else None

    async def facts(self, url: str) -> Facts:
        self.asked.append(url)
        if isinstance(self.says, AirError):
            raise self.says
        return self.says


class Desk:
    """A core, and facts over its store, that are asked for in a loop of their own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hosts = Hosts()
        self.facts = RepositoryFacts(world.store, world.shelf, self.hosts, world.clock, first=0)
        world.listen(self.facts.on_event)

    async def put(self, path: str, url: str | None = URL) -> None:
        await self.world.put_server(path, repository_url=url)

    async def known(self, path: str = "weather") -> KnownRepository | None:
        return await self.facts.of(await self.world.services.catalog.get(SYSTEM, "server", path))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.facts.run)
            yield
            tasks.cancel_scope.cancel()

    async def look(self, seconds: float = 0.0) -> list[str]:
        """Have so many seconds pass, and everything looked at that is due by then; the URLs that were asked for."""
        self.world.clock.pass_(seconds)
        await self.facts.rebuild()
        return await self.go_on(0.0)

    async def go_on(self, seconds: float) -> list[str]:
        """The same, without a start in between."""
        self.world.clock.pass_(seconds)
        self.hosts.asked.clear()
        while self.facts._schedule._wait() <= 0:
            await self.facts._look(await self.facts._schedule.next())
        return [*self.hosts.asked]


@pytest.fixture
async def desk() -> Desk:
    return Desk(await build())


async def test_facts_are_asked_for_once_a_day_for_all_that_name_a_repository(desk: Desk) -> None:
    for path in ("weather", "rain"):
        await desk.put(path)
    await desk.put("elsewhere", "https://example.com/x")
    await desk.put("nowhere", None)
    before = await desk.world.shelf.get("server", "weather")
    assert await desk.look(10) == [URL]
    known = await desk.known("rain")
    assert known is not None
    assert (known.facts, known.checked_at) == (Facts(stars=1), NOON + timedelta(seconds=10))
    assert (await desk.known("elsewhere"), await desk.known("nowhere")) == (None, None)
    assert await desk.look(12 * 3600) == []
    desk.hosts.says = Facts(stars=2)
    assert await desk.look(15 * 3600) == [URL]
    assert (await desk.known()) != known
    assert await desk.world.shelf.get("server", "weather") == before  # no asset is written for it


async def test_a_host_that_does_not_answer_is_asked_again_later_and_later(desk: Desk) -> None:
    await desk.put("weather")
    await desk.look(10)
    desk.hosts.says = UpstreamFailed("it is down")
    assert await desk.look(27 * 3600) == [URL]
    known = await desk.known()
    assert known is not None
    assert (known.facts, known.error, known.gone, known.failures) == (Facts(stars=1), "it is down", False, 1)
    assert await desk.look(500) == []
    assert await desk.look(200) == [URL]
    assert await desk.look(700) == []
    assert await desk.look(700) == [URL]
    desk.hosts.says = Facts(stars=3)
    assert await desk.look(3000) == [URL]
    known = await desk.known()
    assert known is not None
    assert (known.facts, known.error, known.failures) == (Facts(stars=3), None, 0)


@pytest.mark.parametrize(("error", "gone"), [(Gone("no such thing"), True), (CredentialRefused("no"), False)])
async def test_a_repository_that_is_gone_is_known_to_be(desk: Desk, error: AirError, gone: bool) -> None:
    await desk.put("weather")
    desk.hosts.says = error
    await desk.look(10)
    known = await desk.known()
    assert known is not None
    assert (known.facts, known.gone) == (None, gone)


async def test_a_host_that_limits_us_costs_no_write_and_is_left_alone(desk: Desk) -> None:
    await desk.put("weather")
    desk.hosts.says = RateLimited("slow down", retry_after=1800)
    async with desk.running():
        with anyio.fail_after(5):
            await anyio.wait_all_tasks_blocked()
    assert (desk.hosts.asked, await desk.known()) == ([URL], None)
    wait = desk.facts._schedule._due[KEY]
    assert 1800 <= wait <= 2000


async def test_what_nobody_names_any_more_is_forgotten(desk: Desk) -> None:
    for path in ("weather", "rain"):
        await desk.put(path)
    await desk.look(10)
    await desk.world.services.catalog.delete(SYSTEM, "server", "rain")
    assert await desk.look(30 * 3600) == [URL]
    await desk.world.services.catalog.update(SYSTEM, "server", "weather", {"repository_url": None})
    assert await desk.look(30 * 3600) == []
    assert await desk.world.store.get(COLLECTION, KEY) is None


async def test_to_name_a_repository_again_and_again_has_it_asked_for_no_sooner(desk: Desk) -> None:
    await desk.put("weather")
    assert await desk.look(10) == [URL]
    update = desk.world.services.catalog.update
    for _ in range(3):
        await update(SYSTEM, "server", "weather", {"repository_url": None})
        assert await desk.go_on(400) == []
        await update(SYSTEM, "server", "weather", {"repository_url": URL})
        assert await desk.go_on(400) == []
    assert await desk.look(25 * 3600) == [URL]


async def test_the_url_that_another_asset_has_is_not_told(desk: Desk) -> None:
    await desk.put("weather")
    await desk.put("hidden", URL.replace("acme", "Acme"))
    await desk.look(10)
    for path, url in (("weather", URL), ("hidden", "https://git.test/Acme/tools")):
        known = await desk.known(path)
        assert known is not None
        assert known.url == url


async def test_facts_are_asked_for_by_themselves_and_by_none_where_the_setting_says_so(desk: Desk) -> None:
    await desk.put("weather")
    async with desk.running():
        with anyio.fail_after(5):
            while await desk.known() is None:  # noqa: ASYNC110  # the store has no event
                await anyio.sleep(0.01)
    off = RepositoryFacts(desk.world.store, desk.world.shelf, desk.hosts, desk.world.clock, hours=0)
    desk.world.listen(off.on_event)
    await desk.put("rain", "https://git.test/acme/rain")
    await off.run()  # at an end at once
    assert len(off._schedule) == 0


async def test_a_defect_in_one_look_does_not_end_the_others(desk: Desk) -> None:
    await desk.put("weather")
    desk.hosts.says = "nonsense"  # type: ignore[assignment]  # as a defect has it
    async with desk.running():
        with anyio.fail_after(5):
            await anyio.wait_all_tasks_blocked()
        assert desk.hosts.asked == [URL]
        assert KEY in desk.facts._schedule
