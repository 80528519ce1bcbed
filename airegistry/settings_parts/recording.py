"""Settings: what is written to the audit trail, and where that is sent on to."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr

from airegistry.settings_parts.section import Section

Recorded = Literal["none", "masked", "full"]
_RECORDED: Mapping[str, Recorded] = {"none": "none", "masked": "masked", "full": "full"}


class Recording(Section):
    """What is written to the audit trail, and where that is sent on to."""

    audit_calls: Literal["batched", "durable"] = Field(
        "batched",
        description="When calls are in the audit trail: `batched` within the window below, or `durable` before they go "
        "out as well, so that a crash leaves an unknown outcome and never nothing.",
    )
    audit_window_ms: float = Field(
        25.0, ge=0, le=60_000, description="Milliseconds that records of calls are gathered for one write."
    )
    audit_parameters: str = Field(
        "masked,restricted=none",
        pattern=r"^(none|masked|full)(,(public|internal|confidential|restricted)=(none|masked|full))*$",
        description="Which parameters of calls are recorded: `none`, `masked` or `full`, and after commas others for "
        "classes of data, as in `masked,restricted=none`. What has a secret's name is masked in any case.",
    )
    audit_days: int = Field(0, ge=0, description="Days for which the audit trail is kept; 0 keeps all of it.")
    audit_otlp_url: str | None = Field(
        None, description="Base URL of an OpenTelemetry collector that the audit trail is sent on to, at `/v1/logs`."
    )
    audit_otlp_key: SecretStr | None = Field(
        None, description="Bearer token for that collector; only over https, or on this machine."
    )

    @property
    def audit_parameter_modes(self) -> dict[str, Recorded]:
        """How parameters are recorded by class of data; under "" what holds for all others."""
        chosen = (part.rpartition("=") for part in self.audit_parameters.split(","))
        return {name: _RECORDED[mode] for name, _, mode in chosen if mode in _RECORDED}
