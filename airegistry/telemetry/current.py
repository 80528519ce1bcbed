"""The trace that the present piece of work belongs to. Costs a look at a context variable, whether telemetry is on or
off; the SDK is not needed for it."""

from opentelemetry.trace import get_current_span


def current_trace() -> tuple[str, str] | None:
    """Trace id (32 hex digits) and span id (16) of what is under way, be it recorded or not; None outside a trace."""
    seen = get_current_span().get_span_context()
    return (f"{seen.trace_id:032x}", f"{seen.span_id:016x}") if seen.is_valid else None
