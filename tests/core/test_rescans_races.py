"""What is scanned again may be written, deleted or broken meanwhile: nothing is lost, and nothing stops the rest."""

import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import anyio
import pytest

from airegistry.core import rescans, scans
from airegistry.core.access import Access
from airegistry.core.errors import Conflict, NotFound, ScanFailed
from airegistry.core.findings import Finding
from airegistry.core.found_findings import FindingFilter
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.principals import SYSTEM
from airegistry.core.scans import Scans
from airegistry.stores.memory import MemoryStore
from tests.core.test_rescans import fickle_world, held_with_waivable_finding, put, standing, swept
from tests.core.wiring import FakeClock, World, asset

pytestmark = pytest.mark.anyio


def meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[object]], *, times: int = 1
) -> None:
    """Have something happen during each of the next scans."""
    scan, left = world.services.scans.run, times

    async def slow(asset: AnyAsset, approved: AnyAsset | None = None) -> scans.ScanReport:
        nonlocal left
        report = await scan(asset, approved)
        if left > 0:
            left -= 1
            await act()
        return report

    monkeypatch.setattr(world.services.scans, "run", slow)


def touching(world: World) -> Callable[[], Awaitable[object]]:
    async def touch() -> None:
        found = await world.shelf.get("agent", "a")
        assert found is not None
        await world.shelf.replace(found[0].model_copy(update={"title": f"{found[1]}"}), found[1])

    return touch


@pytest.mark.parametrize("severity", [None, "high"])
async def test_an_asset_that_is_written_during_its_scan_is_scanned_again(
    monkeypatch: pytest.MonkeyPatch, severity: str | None
) -> None:
    world, scanner = await fickle_world()
    await put(world, "a")
    if severity == "high":
        scanner.severities["a"] = "high"
    scanner.scanned.clear()
    meanwhile(world, monkeypatch, touching(world))
    after, _ = await world.services.rescans.scan(SYSTEM, "agent", "a")
    assert (after.enabled, len(scanner.scanned), after.title is not None) == (severity is None, 2, True)


async def test_an_asset_that_is_written_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = await fickle_world()
    await put(world, "a")
    meanwhile(world, monkeypatch, touching(world), times=100)
    with pytest.raises(Conflict, match="keeps changing"):
        await world.services.rescans.scan(SYSTEM, "agent", "a")


async def test_what_is_deleted_during_a_sweep_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = await fickle_world()
    await put(world, "a", "b")
    await world.services.rescans.sweep(SYSTEM)
    world.clock.pass_(1)

    async def delete() -> None:
        await world.services.catalog.delete(SYSTEM, "agent", "b")

    meanwhile(world, monkeypatch, delete)
    monkeypatch.setattr(world.services.rescans, "_last", rescans.Sweep(
        why="asked", ruleset=world.services.scans.ruleset, started=world.clock.now(),
    ))  # fmt: skip
    await world.services.rescans.catch_up()
    progress = world.services.rescans.status(SYSTEM).progress
    assert (progress.done, progress.failures) == (2, 0)


async def test_only_so_many_of_those_that_could_not_be_scanned_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescans, "SHOWN", 1)
    world, scanner = await fickle_world()
    await put(world, "a", "b")
    world.clock.pass_(1)
    await world.services.rescans.sweep(SYSTEM)
    scanner.broken = {"a", "b"}
    await world.services.rescans.catch_up()
    progress = world.services.rescans.status(SYSTEM).progress
    assert (progress.failures, list(progress.failed)) == (2, ["agent/a@1.0.0"])


async def test_a_sweep_that_breaks_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = await fickle_world()
    await put(world, "a")
    monkeypatch.setattr(rescans, "LOOKS", 0.001)
    broken = 0
    kept, ended = world.services.scans.kept, world.services.rescans.lapse

    async def failing(asset: AnyAsset) -> scans.ScanReport | None:
        nonlocal broken
        broken += 1
        if broken < 3:
            raise RuntimeError("the disk")
        return await kept(asset)

    async def lapsing() -> None:
        if broken < 3:
            raise RuntimeError("the disk")
        await ended()

    monkeypatch.setattr(world.services.scans, "kept", failing)
    monkeypatch.setattr(world.services.rescans, "lapse", lapsing)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.services.rescans.run)
        await swept(world)
        tasks.cancel_scope.cancel()
    assert broken >= 3


async def test_an_asset_without_a_report_is_scanned_when_it_is_to_be_judged() -> None:
    world, scanner = await fickle_world()
    fingerprint = await held_with_waivable_finding(world, scanner)
    until = world.clock.now() + timedelta(days=1)
    await world.services.rescans.waive(SYSTEM, "agent", "a", fingerprint, "known", until)
    found = await world.shelf.get("agent", "a")
    assert found is not None
    await world.services.scans.forget(found[0])
    world.clock.pass_(86_401)
    await world.services.rescans.lapse()
    assert await standing(world, "a") == (False, True)
    await world.services.scans.forget(found[0])
    with pytest.raises(NotFound, match="no finding"):
        await world.services.rescans.waive(
            SYSTEM, "agent", "a", fingerprint, "known", world.clock.now() + timedelta(days=1)
        )


async def test_waivers_of_what_was_deleted_behind_their_back_go_at_the_next_start_or_end() -> None:
    store = MemoryStore()
    world, scanner = await fickle_world(store)
    fingerprint = await held_with_waivable_finding(world, scanner)
    until = world.clock.now() + timedelta(days=1)
    await world.services.rescans.waive(SYSTEM, "agent", "a", fingerprint, "known", until)
    found = await world.shelf.get("agent", "a")
    assert found is not None
    await world.shelf.delete(found[0])
    await fickle_world(store)
    assert [kept async for kept in store.find("waivers")] == []
    world.clock.pass_(86_401)
    await world.services.rescans.lapse()
    assert list(await world.services.findings.waivers(SYSTEM)) == []


async def test_reports_and_waivers_without_an_asset_are_shown_to_nobody() -> None:
    world, scanner = await fickle_world()
    fingerprint = await held_with_waivable_finding(world, scanner)
    until = world.clock.now() + timedelta(days=1)
    await world.services.rescans.waive(SYSTEM, "agent", "a", fingerprint, "known", until)
    found = await world.shelf.get("agent", "a")
    assert found is not None
    await world.shelf.delete(found[0])
    assert await world.services.findings.list(SYSTEM, FindingFilter()) == ([], None)
    assert list(await world.services.findings.waivers(SYSTEM)) == []


async def test_scanners_stop_when_nobody_waits_for_them_any_more() -> None:
    started, release, went_on = threading.Event(), threading.Event(), threading.Event()

    class Slow:
        name = "slow/1"

        def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
            started.set()
            release.wait(5)
            return []

    class Second:
        name = "second/1"

        def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
            went_on.set()
            return []

    one = Scans(MemoryStore(), [Slow(), Second()], KnownNames(), Access(), FakeClock(), deadline=0.02)
    with anyio.fail_after(3), pytest.raises(ScanFailed):
        await one.run(asset("agent", "a"))
    release.set()
    assert started.is_set()
    assert not await anyio.to_thread.run_sync(went_on.wait, 0.2)


async def test_what_an_outside_scanner_says_of_its_own_failure_is_kept() -> None:
    class Outside:
        name = "outside/1"

        async def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
            raise ScanFailed("scanner outside/1: no key")

    one = Scans(MemoryStore(), [], KnownNames(), Access(), FakeClock(), outside=[Outside()])
    with pytest.raises(ScanFailed, match="no key") as failure:
        await one.run(asset("agent", "a"))
    await one.keep_error(asset("agent", "a"), failure.value)
    assert await one.kept(asset("agent", "a")) is None


async def test_a_waiver_holds_for_every_version_of_an_asset() -> None:
    world, scanner = await fickle_world()
    scanner.severities["a"] = "high"
    await put(world, "a")
    await world.services.catalog.register(SYSTEM, asset("agent", "a", version="2.0.0"))
    (found, *_), _ = await world.services.findings.list(SYSTEM, FindingFilter())
    until = world.clock.now() + timedelta(days=1)
    await world.services.rescans.waive(SYSTEM, "agent", "a", found.finding.fingerprint, "known", until)
    for version in ("1.0.0", "2.0.0"):
        assert (await world.services.catalog.get(SYSTEM, "agent", "a", version)).enabled
