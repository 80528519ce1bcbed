"""Settings: what is logged, in which form, and how long it is kept."""

from typing import Literal

from pydantic import Field

from airegistry.settings_parts.section import Section


class Logging(Section):
    """What is logged, in which form, and how long it is kept."""

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least severe level logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto",
        description="How logs are written to the standard error: a JSON object a line, or for people. `auto`: for "
        "people where that is a terminal.",
    )
    log_days: int = Field(
        7,
        ge=0,
        le=3650,
        description="Days for which logs are kept in the store as well; 0 keeps none there.",
    )
    log_megabytes: int = Field(
        256, ge=1, description="Megabytes of logs that are kept there at most; the oldest go first."
    )
    log_seconds: float = Field(
        1.0, gt=0, le=60, description="Seconds that logs are gathered before they are written there."
    )
