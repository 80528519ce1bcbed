"""The clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The core's `Clock` port over this machine's clocks."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()
