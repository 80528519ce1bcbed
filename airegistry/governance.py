"""Puts admission together: the scanners, the names that they compare with, and what judges a registration."""

from dataclasses import dataclass

from airegistry.core.admission import Admission
from airegistry.core.events import Events
from airegistry.core.known_names import KnownNames
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.oauth.server import Foundation
from airegistry.scanners.open import open_scanners


@dataclass(frozen=True, slots=True)
class Governance:
    """What decides over assets before and after they are stored."""

    scans: Scans
    admission: Admission


async def open_governance(rules: Foundation, events: Events, search: Search) -> Governance:
    """Everything, over what is in the store."""
    names = KnownNames()
    scans = Scans(rules.store, open_scanners(), names, rules.access, rules.clock)
    admission = Admission(scans, search, rules.access)
    await names.rebuild(rules.shelf)
    await admission.rebuild(rules.shelf)
    events.subscribe(names.on_event)
    events.subscribe(admission.on_event)
    return Governance(scans, admission)
