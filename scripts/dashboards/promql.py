"""PromQL over the registry's metrics, by the names that a collector's Prometheus exporter gives them.

Every selector has the dashboards' variables `job` and `instance`, which are `service.name` and `service.instance.id`.
"""

REGISTRY = 'job=~"$job",instance=~"$instance"'
WINDOW = "$__rate_interval"
STEP = "$__interval"
RANGE = "$__range"


def of(metric: str, matchers: str = "") -> str:
    """The series of a metric; `matchers` as PromQL writes them, with commas between."""
    return f"{metric}{{{REGISTRY}{',' if matchers else ''}{matchers}}}"


def summed(expression: str, by: str = "") -> str:
    """A sum over all series, or over those that agree in the labels `by`."""
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def rate(metric: str, matchers: str = "", by: str = "", within: str = WINDOW) -> str:
    """How often a second, of what happens often."""
    return summed(f"rate({of(metric, matchers)}[{within}])", by)


def risen(metric: str, matchers: str = "", by: str = "", within: str = STEP) -> str:
    """How often within a step or the range, of what happens rarely."""
    # `increase` would miss the first time, which a counter begins with. A series belongs to one process (`instance`):
    # what was not there before was 0, and nothing falls.
    series = of(metric, matchers)
    return summed(f"{series} - ({series} offset {within} or {series} * 0)", by)


def quantile(part: float, histogram: str, matchers: str = "", by: str = "", within: str = WINDOW) -> str:
    """What that part of the values lies below."""
    labels = f"le,{by}" if by else "le"
    return f"histogram_quantile({part:g}, {rate(histogram + '_bucket', matchers, labels, within)})"


def share(part: str, whole: str) -> str:
    """One sum of another; 0 where nothing of it was counted."""
    return f"({part} or {whole} * 0) / {whole}"


def most(count: int, expression: str) -> str:
    """The largest of them."""
    return f"topk({count}, {expression})"


def highest(metric: str, by: str = "", matchers: str = "") -> str:
    """A gauge that each replica tells of the same thing."""
    return f"max by ({by}) ({of(metric, matchers)})" if by else f"max({of(metric, matchers)})"
