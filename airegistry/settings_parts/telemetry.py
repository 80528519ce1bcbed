"""Settings: what the registry tells a collector of OpenTelemetry of itself."""

import os
from typing import Literal

from pydantic import Field, SecretStr

from airegistry.core.telemetry import Sampler
from airegistry.settings_parts.section import Section

STANDARD = {
    "telemetry_url": "OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry_protocol": "OTEL_EXPORTER_OTLP_PROTOCOL",
    "telemetry_headers": "OTEL_EXPORTER_OTLP_HEADERS", "telemetry_service": "OTEL_SERVICE_NAME",
    "telemetry_resource": "OTEL_RESOURCE_ATTRIBUTES", "telemetry_sampler": "OTEL_TRACES_SAMPLER",
    "telemetry_ratio": "OTEL_TRACES_SAMPLER_ARG",
}  # fmt: skip
"""Variables of the specification of OpenTelemetry that stand in for settings that are not given."""


class Telling(Section):
    """What the registry tells a collector of OpenTelemetry of itself."""

    telemetry_url: str | None = Field(
        None,
        description="URL of the OpenTelemetry collector that traces and metrics go to; none: nothing is measured. "
        "Needs the extra `otel`. OTEL_EXPORTER_OTLP_ENDPOINT is read where this is not given, and so on below.",
    )
    telemetry_protocol: Literal["http/protobuf", "grpc"] = Field(
        "http/protobuf", description="How they are sent. OTEL_EXPORTER_OTLP_PROTOCOL."
    )
    telemetry_headers: SecretStr | None = Field(
        None,
        description="Headers for the collector, as in `authorization=Bearer%20TOKEN`, with commas between; only over "
        "https, or on this machine. OTEL_EXPORTER_OTLP_HEADERS.",
    )
    telemetry_service: str = Field(
        "airegistry", min_length=1, description="What the registry is called there. OTEL_SERVICE_NAME."
    )
    telemetry_resource: str = Field(
        "", description="What else is said of it, as in `deployment.environment.name=prod`. OTEL_RESOURCE_ATTRIBUTES."
    )
    telemetry_sampler: Sampler = Field(
        "parentbased_traceidratio", description="Which traces are recorded. OTEL_TRACES_SAMPLER."
    )
    telemetry_ratio: float = Field(
        0.05, ge=0, le=1, description="The part of them, where the sampler asks for one. OTEL_TRACES_SAMPLER_ARG."
    )
    telemetry_traces: float = Field(
        10.0, gt=0, description="Traces of that part that are recorded a second at most, under load."
    )
    telemetry_propagation: Literal["trace", "none"] = Field(
        "trace", description="Whether backends are told which trace a call belongs to."
    )
    telemetry_seconds: float = Field(30.0, gt=0, le=3600, description="Seconds between two sends of metrics.")
    telemetry_values: int = Field(
        200, ge=1, le=10_000,
        description="Values of an attribute of a metric that are told apart; all beyond are `other`.",
    )  # fmt: skip


def standard() -> dict[str, str]:
    """What the environment says by the names of OpenTelemetry's specification."""
    return {field: value for field, name in STANDARD.items() if (value := os.environ.get(name, "").strip())}
