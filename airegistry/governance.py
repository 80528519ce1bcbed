"""Puts admission together: the scanners, the names that they compare with, and what judges a registration."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from airegistry.core.admission import Admission, Compared
from airegistry.core.approval_requests import Told
from airegistry.core.approvals import Approvals
from airegistry.core.assets import Server, VirtualServer
from airegistry.core.catalog import Catalog
from airegistry.core.definition_approvals import DefinitionApprovals
from airegistry.core.directory import Directory
from airegistry.core.events import Events
from airegistry.core.found_findings import FoundFindings
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.pins import Pins
from airegistry.core.ports import Backends
from airegistry.core.protection import Guards
from airegistry.core.ratings import Ratings
from airegistry.core.rescans import Rescans
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.skill_looks import SkillLooks
from airegistry.core.stages import Retirements, Stages
from airegistry.core.usage import Usage
from airegistry.core.usage_views import UsageViews
from airegistry.core.waivers import Waivers
from airegistry.oauth.server import Foundation
from airegistry.observing import scans_kind
from airegistry.outside import Outside
from airegistry.scanners.open import scanners_with
from airegistry.scanners.ruleset import ruleset_of
from airegistry.settings import Settings


@dataclass(frozen=True, slots=True)
class Governance:
    """What decides over assets before and after they are stored."""

    scans: Scans
    admission: Admission
    waivers: Waivers
    pins: Pins


async def open_governance(
    rules: Foundation,
    events: Events,
    search: Search,
    outside: Outside,
    compared: Compared,
    *,
    classifier: bool,
) -> Governance:
    """Everything, over what is in the store; events are kept for those outside from here on.

    Raises:
        Invalid: there is to be a `classifier`, and its extra is not installed.
    """
    events.ledger = outside.webhooks.outbox
    waivers = Waivers(rules.store, rules.access, rules.audit, rules.clock)
    await waivers.reload(rules.shelf)
    scanners = await anyio.to_thread.run_sync(partial(scanners_with, classifier=classifier))
    ran = [*(scanner.name for scanner in scanners), *(scanner.name for scanner in outside.scanners)]

    async def parts(virtual: VirtualServer) -> Sequence[Server]:
        pins = dict.fromkeys((tool.server, tool.version) for tool in virtual.tools)
        found = [await rules.shelf.get("server", *pin) for pin in pins]
        return [one[0] for one in found if one is not None and isinstance(one[0], Server)]

    scans = scans_kind(rules.telemetry)(
        rules.store, scanners, compared.names, rules.access, rules.clock, waived=waivers.waived,
        outside=outside.scanners, ruleset=await anyio.to_thread.run_sync(ruleset_of, ran), parts=parts,
    )  # fmt: skip
    admission = Admission(scans, search, rules.access, outside.gate, compared.twins)
    events.subscribe(compared.names.on_event)
    events.subscribe(admission.on_event)
    events.subscribe(waivers.on_event)
    return Governance(scans, admission, waivers, Pins(rules.store, scans, rules.clock, rules.telemetry))


def open_definitions(rules: Foundation, governance: Governance, catalog: Catalog) -> DefinitionApprovals:
    """What lets in, or keeps out, definitions that changed since they were approved."""
    return DefinitionApprovals(catalog, governance.pins, governance.scans, rules.access, rules.telemetry)


def open_skill_looks(
    rules: Foundation, governance: Governance, intake: Intake, backends: Backends, events: Events, stages: Stages,
    *, hours: float,
) -> SkillLooks:  # fmt: skip
    """What looks every so many hours whether skills changed since they were approved, or are gone."""
    pins = governance.pins
    return SkillLooks(rules.shelf, intake, backends, pins, rules.audit, events, hours=hours, stages=stages)


def open_rescans(
    rules: Foundation, governance: Governance, catalog: Catalog, events: Events, *, hours: float
) -> tuple[Rescans, FoundFindings]:
    """What scans again, every so many hours too, and what tells of all that was found."""
    scans, waivers = governance.scans, governance.waivers
    rescans = Rescans(
        rules.store, rules.shelf, catalog, scans, waivers, rules.access, rules.audit, events, rules.clock, hours=hours
    )
    return rescans, FoundFindings(rules.shelf, rules.access, rules.visibility, scans, waivers)


async def open_lifecycle(rules: Foundation, catalog: Catalog, events: Events) -> tuple[Stages, Retirements]:
    """The steps of the lifecycle, and what takes the last one when its day has come."""
    stages = Stages(catalog, rules.shelf, rules.access, rules.visibility, rules.clock)
    retirements = Retirements(stages, rules.shelf, rules.clock)
    await retirements.rebuild()
    events.subscribe(retirements.on_event)
    return stages, retirements


def open_approvals(rules: Foundation, settings: Settings, told: Told) -> Approvals:
    """What lets calls of marked tools through; `told` of each request for it."""
    approvals = Approvals(
        rules.store, rules.shelf, rules.access, rules.audit, rules.clock, rules.telemetry,
        timeout=settings.approval_seconds, validity=settings.approval_validity, most=settings.approvals_at_once,
        by_caller=settings.approval_by_caller, by_machine=settings.approval_by_machine, alone=not rules.shared,
    )  # fmt: skip
    approvals.follow(told)
    return approvals


async def open_guards(rules: Foundation, settings: Settings, events: Events) -> Guards:
    """What limits callers, and cuts them and backends off."""
    at_once = {"calls": settings.calls_at_once, "streams": settings.streams_at_once}
    guards = Guards(rules.store, rules.shelf, rules.access, rules.audit, rules.clock, rules.telemetry, **at_once)
    await guards.open()
    events.subscribe(guards.on_event)
    return guards


def open_ratings(rules: Foundation, directory: Directory, catalog: Catalog, events: Events) -> Ratings:
    """What counts stars: those of assets and of users that are no more go with them."""
    ratings = Ratings(rules.store, catalog, rules.shelf, rules.audit)

    async def forget(user: str) -> None:
        if directory.known(user) is None:
            await ratings.forget(f"user:{user}")

    directory.subscribe(forget)
    events.subscribe(ratings.on_event)
    return ratings


def open_usage(
    rules: Foundation, settings: Settings, invocation: Invocation, catalog: Catalog, events: Events, search: Search
) -> UsageViews:
    """What counts calls as they end, and breaks ties of search by it unless the settings say otherwise."""
    usage = Usage(rules.store, rules.clock, hours_kept=settings.usage_hourly_days, days_kept=settings.usage_days)
    invocation.ended = usage.count
    events.subscribe(usage.on_event)
    if settings.usage_ranking:
        search.popularity = usage.popularity
    return UsageViews(usage, rules.shelf, catalog, rules.access, rules.visibility, rules.clock)
