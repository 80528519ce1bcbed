"""What the core tells of its work: figures and spans. Where nobody listens it costs next to nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

Value = str | int | float | bool
Kind = Literal["internal", "client", "server", "producer"]
Sampler = Literal[
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
]  # fmt: skip
"""Which traces are recorded, by the names of OpenTelemetry's specification."""
NOTHING: Mapping[str, Value] = {}
Histogram = Callable[[float, tuple[str, ...]], None]
"""Takes a value, and what each of its attributes is."""


class Span(Protocol):
    """A piece of work that is under way, seen from outside."""

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Say more of it."""
        ...

    def fail(self, error_type: str) -> None:
        """Say that it failed; `error_type` is one of few, as an error's code is."""
        ...


class Telemetry(Protocol):
    """Where figures and spans go. Names and attributes are those of `airegistry/telemetry/described.py`."""

    @property
    def on(self) -> bool:
        """Whether anybody listens: what costs more than a call of a method is done only then."""
        ...

    def count(self, name: str, value: int = 1, **attributes: str) -> None:
        """Add to a counter."""
        ...

    def record(self, name: str, value: float, **attributes: str) -> None:
        """Add to a histogram: seconds, or a number of things."""
        ...

    def histogram(self, name: str, *attributes: str) -> Histogram:
        """A histogram with its attributes, in order, for those who add to it at every call."""
        ...

    def change(self, name: str, by: int, **attributes: str) -> None:
        """Add to, or take from, what goes up and down."""
        ...

    def span(
        self, name: str, attributes: Mapping[str, Value] = NOTHING, kind: Kind = "internal"
    ) -> AbstractContextManager[Span]:
        """A piece of work, for as long as the block. An error that leaves it makes it failed."""
        ...

    def annotate(self, attributes: Mapping[str, Value]) -> None:
        """Say more of the piece of work that is under way, whoever began it."""
        ...


class _NoSpan:
    """Says nothing."""

    def set(self, attributes: Mapping[str, Value]) -> None:
        """See `Span`."""

    def fail(self, error_type: str) -> None:
        """See `Span`."""


class NoTelemetry:
    """Takes everything and keeps nothing of it."""

    on = False

    def count(self, name: str, value: int = 1, **attributes: str) -> None:
        """See `Telemetry`."""

    def record(self, name: str, value: float, **attributes: str) -> None:
        """See `Telemetry`."""

    def histogram(self, name: str, *attributes: str) -> Histogram:
        """See `Telemetry`."""
        return lambda value, attributes: None

    def change(self, name: str, by: int, **attributes: str) -> None:
        """See `Telemetry`."""

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value] = NOTHING, kind: Kind = "internal") -> Iterator[Span]:
        """See `Telemetry`."""
        yield NO_SPAN

    def annotate(self, attributes: Mapping[str, Value]) -> None:
        """See `Telemetry`."""


NO_SPAN: Span = _NoSpan()
OFF: Telemetry = NoTelemetry()
"""The telemetry of a registry that is not told to send any."""
