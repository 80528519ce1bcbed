"""What is in the catalog is scanned again, held when that finds something, and let go when it does not."""

import gc
import threading
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import anyio
import pytest

from airegistry.core import lean_assets, shelf
from airegistry.core.access import Access
from airegistry.core.assets import Agent
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound, ScanFailed
from airegistry.core.findings import Finding, Severity
from airegistry.core.found_findings import FindingFilter
from airegistry.core.grants import Grant
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.principals import SYSTEM
from airegistry.core.scans import SECURITY_PENDING, Scans
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import ANN, FakeClock, World, asset, build

pytestmark = pytest.mark.anyio


class Fickle:
    """Finds one thing in whatever is named in `severities`, and breaks on what is named in `broken`."""

    def __init__(self, name: str = "fickle/1") -> None:
        self.name = name
        self.severities: dict[str, Severity] = {}
        self.broken: set[str] = set()
        self.scanned: list[str] = []

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        self.scanned.append(f"{asset.path}@{asset.version}")
        if asset.path in self.broken:
            raise RuntimeError("out of order")
        severity = self.severities.get(asset.path)
        if severity is None:
            return []
        return [Finding(rule="made-up.rule", severity=severity, structural=True, field="/description", message="bad")]


async def fickle_world(store: DocumentStore | None = None, name: str = "fickle/1") -> tuple[World, Fickle]:
    scanner = Fickle(name)
    return await build(scanners=[scanner], store=store), scanner


async def swept(world: World) -> None:
    """Wait until a sweep has ended, which is stored and not signalled."""
    with anyio.fail_after(5):
        while (last := world.services.rescans.status(SYSTEM).last) is None or last.ended is None:  # noqa: ASYNC110  # see above
            await anyio.sleep(0.002)


async def put(world: World, *paths: str) -> None:
    for path in paths:
        await world.services.catalog.register(SYSTEM, asset("agent", path))


async def standing(world: World, path: str) -> tuple[bool, bool]:
    """Whether it is enabled, and whether it is tagged."""
    found = await world.shelf.get("agent", path)
    assert found is not None
    return found[0].enabled, SECURITY_PENDING in found[0].tags


async def held_with_waivable_finding(world: World, scanner: Fickle) -> str:
    """The fingerprint of the finding that holds agent `a`."""
    await put(world, "a")
    scanner.severities["a"] = "high"
    after, report = await world.services.rescans.scan(SYSTEM, "agent", "a")
    assert not after.enabled
    return report.findings[0].fingerprint


async def test_a_scan_that_passes_lifts_what_a_scan_held() -> None:
    world, scanner = await fickle_world()
    await held_with_waivable_finding(world, scanner)
    assert await standing(world, "a") == (False, True)
    scanner.severities.clear()
    after, report = await world.services.rescans.scan(SYSTEM, "agent", "a")
    assert (after.enabled, after.tags, after.held_by_scan, report.verdict) == (True, [], False, "pass")


async def test_calls_of_what_a_scan_holds_are_cut_at_once_and_others_are_not() -> None:
    world, scanner = await fickle_world()
    await put(world, "a", "b")
    world.services.events.subscribe(world.services.guards.on_event)
    cut: list[str] = []
    for path in ("a", "b"):
        found = await world.shelf.get("agent", path)
        assert found is not None
        assert isinstance(found[0], Agent)
        permit = world.services.guards.admit(ANN, found[0], "message/send", None)
        permit.on_cut(partial(cut.append, path))
    scanner.severities = {"a": "high", "b": "medium"}
    for path in ("a", "b"):
        await world.services.rescans.scan(SYSTEM, "agent", path)
    assert cut == ["a"]


async def test_a_scan_that_passes_leaves_disabled_what_a_person_disabled() -> None:
    world, scanner = await fickle_world()
    await put(world, "before", "after")
    await world.services.catalog.toggle(SYSTEM, "agent", "before", False)
    scanner.severities = {"before": "high", "after": "high"}
    for path in ("before", "after"):
        await world.services.rescans.scan(SYSTEM, "agent", path)
    await world.services.catalog.toggle(SYSTEM, "agent", "after", False)
    scanner.severities.clear()
    for path in ("before", "after"):
        await world.services.rescans.scan(SYSTEM, "agent", path)
        assert await standing(world, path) == (False, False)


async def test_what_is_to_be_reviewed_is_tagged_and_listed_and_not_let_go_by_itself() -> None:
    world, scanner = await fickle_world()
    await held_with_waivable_finding(world, scanner)
    scanner.severities["a"] = "medium"
    await world.services.rescans.scan(SYSTEM, "agent", "a")
    assert await standing(world, "a") == (False, True)
    found, _ = await world.services.findings.list(SYSTEM, FindingFilter(verdict="review"))
    assert [(each.report.asset, each.finding.tier) for each in found] == [("agent/a", "review")]
    assert (await world.services.catalog.toggle(SYSTEM, "agent", "a", True)).enabled


async def test_a_scanner_that_breaks_leaves_an_asset_as_it_is_and_the_report_says_so() -> None:
    world, scanner = await fickle_world()
    await put(world, "a")
    scanner.broken = {"a"}
    with pytest.raises(ScanFailed, match="fickle/1 could not read agent/a: out of order"):
        await world.services.rescans.scan(SYSTEM, "agent", "a")
    assert await standing(world, "a") == (True, False)
    found = await world.shelf.get("agent", "a")
    assert found is not None
    report = await world.services.scans.report(SYSTEM, found[0])
    assert (report.verdict, report.error) == ("pass", "scanner fickle/1 could not read agent/a: out of order")
    assert report.failed_at == world.clock.now()
    with pytest.raises(ScanFailed):
        await world.services.catalog.update(SYSTEM, "agent", "a", {"description": "new"})
    scanner.broken.clear()
    _, report = await world.services.rescans.scan(SYSTEM, "agent", "a")
    assert report.error is None


async def test_a_scanner_that_never_ends_is_no_pass() -> None:
    release = threading.Event()

    class Endless:
        name = "endless/1"

        def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
            release.wait(5)
            return []

    scans = Scans(MemoryStore(), [Endless()], KnownNames(), Access(), FakeClock(), deadline=0.02)
    try:
        with anyio.fail_after(3), pytest.raises(ScanFailed, match=r"took longer than 0\.02 s"):
            await scans.run(asset("agent", "a"))
    finally:
        release.set()


async def test_an_outside_scanner_that_breaks_or_hangs_is_no_pass_and_what_it_says_is_no_proof() -> None:
    class Outside:
        name = "outside/1"
        act = "say"

        async def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
            if self.act == "hang":
                await anyio.sleep_forever()
            if self.act == "break":
                raise ValueError("no sense")
            return [Finding(rule="o.x", severity="critical", structural=True, field="", message="m")]

    outside = Outside()
    scans = Scans(MemoryStore(), [], KnownNames(), Access(), FakeClock(), outside=[outside], deadline=0.05)
    report = await scans.run(asset("agent", "a"))
    assert (report.verdict, report.scanners) == ("review", ["outside/1"])
    for act, message in (("break", "could not read agent/a: no sense"), ("hang", "no answer within 0.05 s")):
        outside.act = act
        with pytest.raises(ScanFailed, match=message):
            await scans.run(asset("agent", "a"))


async def test_under_new_rules_everything_is_scanned_again_and_what_was_scanned_already_is_not() -> None:
    store = MemoryStore()
    world, scanner = await fickle_world(store)
    await put(world, "a", "b")
    await world.services.catalog.register(SYSTEM, asset("agent", "b", version="2.0.0"))
    await world.services.rescans.catch_up()
    scanner.scanned.clear()
    await world.services.rescans.catch_up()
    assert scanner.scanned == []
    later, stricter = await fickle_world(store, "fickle/2")
    stricter.severities["b"] = "high"
    await put(later, "c")
    stricter.scanned.clear()
    await later.services.rescans.catch_up()
    assert sorted(stricter.scanned) == ["a@1.0.0", "b@1.0.0", "b@2.0.0"]
    assert await standing(later, "b") == (False, True)
    status = later.services.rescans.status(SYSTEM)
    assert status.last is not None
    assert (status.last.why, status.last.ended is not None) == ("rules", True)
    assert (status.progress.done, status.progress.total, status.progress.held) == (4, 4, 2)


async def test_a_sweep_goes_on_after_a_restart_and_reports_what_it_could_not_scan() -> None:
    store = MemoryStore()
    world, scanner = await fickle_world(store)
    await put(world, "a", "b", "c")
    await world.services.rescans.catch_up()
    world.clock.pass_(60)
    await world.services.rescans.sweep(SYSTEM)
    await world.services.rescans.scan(SYSTEM, "agent", "a")  # as far as it came before the registry stopped
    again, scanner = await fickle_world(store)
    again.clock.pass_(120)
    scanner.broken = {"b"}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(again.services.rescans.run)
        await swept(again)
        tasks.cancel_scope.cancel()
    assert scanner.scanned == ["b@1.0.0", "c@1.0.0"]
    progress = again.services.rescans.status(SYSTEM).progress
    assert progress.failed == {"agent/b@1.0.0": "scanner fickle/1 could not read agent/b: out of order"}
    assert await standing(again, "b") == (True, False)
    (ended, *_) = await again.events(action="scan:sweep:end")
    assert "1 not read" in ended.reason


async def test_everything_is_scanned_again_when_the_hours_of_the_schedule_have_passed() -> None:
    world, scanner = await fickle_world()
    await put(world, "a")
    await world.services.rescans.catch_up()
    scanner.scanned.clear()
    world.clock.pass_(23 * 3600)
    await world.services.rescans.catch_up()
    assert scanner.scanned == []
    world.clock.pass_(3601)
    await world.services.rescans.catch_up()
    assert scanner.scanned == ["a@1.0.0"]


async def test_a_sweep_holds_one_asset_at_a_time_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "CACHED", 3)
    monkeypatch.setattr(lean_assets, "RECENT", 3)
    world, scanner = await fickle_world()
    await put(world, *(f"agent-{number}" for number in range(60)))
    gc.collect()
    before, alive, scanned = living(), list[int](), 0

    def count(asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        nonlocal scanned
        scanned += 1
        if scanned in (1, 30, 60):  # to go through all objects takes its time
            alive.append(living())
        return []

    monkeypatch.setattr(scanner, "scan", count)
    world.clock.pass_(60)
    await world.services.rescans.sweep(SYSTEM)
    await world.services.rescans.catch_up()
    assert len(alive) == 3
    assert max(alive) < before + 20


def living() -> int:
    """How many parsed agents there are."""
    return sum(isinstance(each, Agent) for each in gc.get_objects())


async def test_two_sweeps_do_not_run_at_once_and_only_administrators_ask_for_one() -> None:
    world, _ = await fickle_world()
    await put(world, "a")
    with pytest.raises(AccessDenied):
        await world.services.rescans.sweep(ANN)
    with pytest.raises(AccessDenied):
        world.services.rescans.status(ANN)
    await world.services.rescans.sweep(SYSTEM)
    with pytest.raises(Conflict, match="already"):
        await world.services.rescans.sweep(SYSTEM)


async def test_a_waived_finding_lets_go_at_once_and_comes_back_when_its_time_is_over() -> None:
    world, scanner = await fickle_world()
    fingerprint = await held_with_waivable_finding(world, scanner)
    until = world.clock.now() + timedelta(days=1)
    waiver, after = await world.services.rescans.waive(SYSTEM, "agent", "a", fingerprint, "known", until)
    assert (waiver.reason, waiver.by, after.enabled, after.tags) == ("known", SYSTEM.subject, True, [])
    (found,), _ = await world.services.findings.list(SYSTEM, FindingFilter())
    assert (found.waiver, found.finding.tier) == (waiver, "none")
    assert list(await world.services.findings.waivers(SYSTEM)) == [waiver]
    _, report = await world.services.rescans.scan(SYSTEM, "agent", "a")
    assert report.verdict == "pass"
    world.clock.pass_(86_400)
    await world.services.rescans.lapse()
    assert await standing(world, "a") == (False, True)
    assert list(await world.services.findings.waivers(SYSTEM)) == []
    acts = [event.action for event in await world.events(asset="agent/a")]
    assert acts[:2] == ["finding:waiver:end", "agent:scan:verdict"]
    assert "finding:waive" in acts


async def test_a_waiver_holds_after_a_restart_and_ends_when_it_is_taken_back() -> None:
    store = MemoryStore()
    world, scanner = await fickle_world(store)
    fingerprint = await held_with_waivable_finding(world, scanner)
    until = world.clock.now() + timedelta(days=1)
    await world.services.rescans.waive(SYSTEM, "agent", "a", fingerprint, "known", until)
    again, scanner = await fickle_world(store)
    scanner.severities["a"] = "high"
    _, report = await again.services.rescans.scan(SYSTEM, "agent", "a")
    assert report.verdict == "pass"
    _, after = await again.services.rescans.unwaive(SYSTEM, "agent", "a", fingerprint)
    assert not after.enabled
    with pytest.raises(NotFound, match="no waiver"):
        await again.services.rescans.unwaive(SYSTEM, "agent", "a", fingerprint)


async def test_the_waivers_of_a_deleted_asset_are_not_those_of_the_next_one() -> None:
    store = MemoryStore()
    world, scanner = await fickle_world(store)
    fingerprint = await held_with_waivable_finding(world, scanner)
    until = world.clock.now() + timedelta(days=1)
    await world.services.rescans.waive(SYSTEM, "agent", "a", fingerprint, "known", until)
    await world.services.catalog.delete(SYSTEM, "agent", "a")
    await put(world, "a")
    assert await standing(world, "a") == (False, True)
    assert [found async for found in store.find("waivers")] == []


async def test_waiving_needs_the_right_to_approve_a_finding_that_is_there_a_reason_and_an_end() -> None:
    world, scanner = await fickle_world()
    fingerprint = await held_with_waivable_finding(world, scanner)
    rescans, until = world.services.rescans, world.clock.now() + timedelta(days=1)
    scanning = await world.holding(Grant(actions=["read", "scan", "update"]))
    with pytest.raises(AccessDenied, match="approve is not granted"):
        await rescans.waive(scanning, "agent", "a", fingerprint, "mine", until)
    (refused, *_) = await world.events(decision="deny")
    assert refused.action == "finding:waive"
    with pytest.raises(NotFound, match="no finding"):
        await rescans.waive(SYSTEM, "agent", "a", "0" * 32, "known", until)
    with pytest.raises(Invalid, match="say why"):
        await rescans.waive(SYSTEM, "agent", "a", fingerprint, "  ", until)
    for wrong in (world.clock.now(), until + timedelta(days=366), until.replace(tzinfo=None)):
        with pytest.raises(Invalid, match="ends within"):
            await rescans.waive(SYSTEM, "agent", "a", fingerprint, "known", wrong)


async def test_findings_come_in_pages_to_whoever_may_scan_and_are_narrowed() -> None:
    world, scanner = await fickle_world()
    scanner.severities = dict.fromkeys("abcd", "medium")
    scanner.severities["d"] = "high"
    await put(world, *"abcd")
    findings = world.services.findings
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page, cursor = await findings.list(SYSTEM, FindingFilter(), limit=2, cursor=cursor)
        seen += [each.asset.path for each in page]
        if cursor is None:
            break
    assert seen == [*"abcd"]
    for wanted, paths in (
        (FindingFilter(severity="high"), "d"),
        (FindingFilter(path="/b"), "b"),
        (FindingFilter(rule="made-up"), "abcd"),
        (FindingFilter(rule="other"), ""),
        (FindingFilter(kind="server"), ""),
        (FindingFilter(verdict="block"), "d"),
    ):
        page, _ = await findings.list(SYSTEM, wanted)
        assert [each.asset.path for each in page] == [*paths]
    assert await findings.list(ANN, FindingFilter()) == ([], None)
    one = await world.holding(Grant(kinds=["agent"], assets=["b"], actions=["list", "scan"]))
    page, _ = await findings.list(one, FindingFilter())
    assert [each.asset.path for each in page] == ["b"]
    with pytest.raises(Invalid, match="cursor"):
        await findings.list(SYSTEM, FindingFilter(), cursor="nonsense")
