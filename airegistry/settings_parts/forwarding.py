"""Settings: how calls go through the registry, and who is asked before they do."""

from pydantic import Field

from airegistry.settings_parts.section import Section


class Forwarding(Section):
    """How calls go through the registry, and who is asked before they do."""

    gateway: bool = Field(
        True,
        description="Whether calls go through the registry; if not, it shows servers' own URLs and does the rest.",
    )
    first_byte_timeout: float = Field(
        120.0, gt=0, description="Seconds a backend has to begin its answer to a call through the gateway."
    )
    idle_timeout: float = Field(
        300.0, gt=0, description="Seconds a backend may be silent within an answer, streams that wait for events aside."
    )
    max_body: int = Field(
        16_777_216,
        ge=1024,
        description="Largest request body the gateway takes, in bytes; the registry's own tools take 4 MiB.",
    )
    health_interval: float = Field(
        60.0, ge=0, description="Seconds between two health checks of a backend; 0 checks on demand only."
    )
    approval_seconds: float = Field(
        60.0, gt=0, le=3600, description="Seconds a call waits for a person's approval before it is refused."
    )
    approval_validity: float = Field(
        600.0, gt=0, description="Seconds a call can be approved after it was made, and an approval be used after that."
    )
    approvals_at_once: int = Field(20, ge=1, description="Calls of one caller that may wait for approval at once.")
    approval_by_caller: bool = Field(False, description="Whether persons may approve calls of their own in the queue.")
    approval_by_machine: bool = Field(
        False, description="Whether machines that were granted `approve` may approve calls of others."
    )
