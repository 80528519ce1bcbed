"""Puts the audit trail together: who writes and signs it, what takes care of it, where it is sent on."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_calls import CallRules
from airegistry.core.audit_care import AuditCare
from airegistry.core.audit_forwarding import Forwarder
from airegistry.core.audit_parameters import Parameters
from airegistry.core.audit_writers import Writers
from airegistry.core.documents import DocumentStore
from airegistry.core.ports import Clock
from airegistry.core.telemetry import OFF, Telemetry
from airegistry.egress.guard import Guard
from airegistry.observing import audit_kind
from airegistry.settings import Settings
from airegistry.stores.open import Stores
from airegistry.stores.signatures import Ed25519


async def open_audit(
    settings: Settings, stores: Stores, access: Access, clock: Clock, telemetry: Telemetry = OFF
) -> Audit:
    """The trail, with a place in it that is this process's own.

    Raises:
        Internal: the key that it is signed with does not open.
    """
    rules = CallRules(
        durable=settings.audit_calls == "durable", window=settings.audit_window_ms / 1000,
        parameters=Parameters(settings.audit_parameter_modes),
    )  # fmt: skip
    writers = Writers(stores.documents, stores.cipher, Ed25519(), clock)
    audit = audit_kind(telemetry)(stores.log, access, clock, writers, shared=stores.shared, calls=rules)
    await audit.open()
    return audit


@asynccontextmanager
async def open_audit_care(
    settings: Settings, store: DocumentStore, access: Access, audit: Audit, clock: Clock, guard: Guard
) -> AsyncIterator[AuditCare]:
    """What looks after the trail.

    Raises:
        Invalid: the address that it is to be sent on to may not be called.
    """
    writers = audit.writers
    assert writers is not None, "a registry signs its trail"
    async with AsyncExitStack() as stack:
        forwarder = None
        if settings.audit_otlp_url is not None:
            # Only a registry that sends its trail on needs it, and the footprint of an idle one is bounded.
            from airegistry.egress.otlp_logs import OtlpLogs

            sink = await stack.enter_async_context(OtlpLogs(guard, settings.audit_otlp_url, settings.audit_otlp_key))
            forwarder = Forwarder(audit.log, writers, audit, store, sink)
        yield AuditCare(audit.log, writers, access, audit, clock, days=settings.audit_days, forwarder=forwarder)
