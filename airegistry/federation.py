"""Puts federation together: the drivers of sources, what brings in what they offer, and what keeps up with them."""

from contextlib import suppress

from airegistry.core.assets import Json
from airegistry.core.catalog import Catalog
from airegistry.core.credentials import CredentialStore
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import Conflict, Invalid
from airegistry.core.events import Events
from airegistry.core.federation import Federation
from airegistry.core.peer_feed import registry_id
from airegistry.core.ports import Backends
from airegistry.core.principals import SYSTEM
from airegistry.core.source_credentials import SourceCredentials
from airegistry.core.source_fetches import SourceFetches
from airegistry.core.source_intake import Arrivals
from airegistry.core.source_store import SourceStore
from airegistry.core.source_syncs import Syncs
from airegistry.core.source_tasks import SourceTasks
from airegistry.core.sources import SourceDrivers
from airegistry.governance import Governance
from airegistry.oauth.server import Foundation
from airegistry.settings import Settings
from airegistry.sources.open import Drivers, makers

AWS_REGISTRY = "aws-agent-registry"
"""The name of the source that AIREGISTRY_AWS_REGISTRY_FEDERATION_ENABLED asks for."""


async def open_federation(
    rules: Foundation, settings: Settings, governance: Governance, catalog: Catalog, types: EntityTypes,
    backends: Backends, credentials: CredentialStore, events: Events, drivers: SourceDrivers | None = None,
) -> Federation:  # fmt: skip
    """Everything, knowing the sources in the store. Tests give `drivers` of their own."""
    arrivals = Arrivals(
        rules.shelf, governance.admission, governance.scans, governance.pins, types, backends, credentials,
        rules.audit, events, rules.clock, settings.first_stage,
    )  # fmt: skip
    sources = SourceStore(rules.store, rules.cipher)
    await sources.reload()
    credentials.lend(SourceCredentials(sources, rules.cipher).held_for)
    made = makers(aws_machine_credentials=settings.aws_machine_credentials, registry=await registry_id(rules.store))
    syncs = Syncs(
        sources, drivers or Drivers(rules.guard, made), arrivals, rules.shelf, rules.audit, events, rules.cipher,
        rules.clock, rules.telemetry,
    )  # fmt: skip
    fetches = SourceFetches(catalog, rules.shelf, rules.clock, syncs.under_way)
    events.subscribe(fetches.on_event)
    tasks = SourceTasks(sources, syncs, rules.clock)
    federation = Federation(
        sources, syncs, tasks, fetches, rules.shelf, rules.access, rules.audit, rules.clock, rules.leading
    )
    await begin_aws_registry(federation, settings)
    return federation


async def begin_aws_registry(federation: Federation, settings: Settings) -> None:
    """Keep AWS Agent Registry as a source where the settings say so, unless there is a source of its name.

    Raises:
        Invalid: a setting does not fit, or what it takes is not installed.
    """
    if not settings.aws_registry_federation_enabled or federation.sources.find(AWS_REGISTRY) is not None:
        return
    regions = list(dict.fromkeys(each.partition("/")[0] for each in settings.aws_registries))
    registries = [each for each in settings.aws_registries if "/" in each]
    if registries and len(registries) < len(settings.aws_registries):
        raise Invalid("AIREGISTRY_AWS_REGISTRIES: either each has an ID or none has", field="AWS_REGISTRIES")
    options: Json = {"regions": [*regions], "registries": [*registries]}
    with suppress(Conflict):  # another replica was first
        fields: dict[str, object] = {"url": settings.aws_registry_url, "options": options}
        await federation.add(SYSTEM, AWS_REGISTRY, "agentcore-registry", fields)
