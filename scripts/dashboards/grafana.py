"""Dashboards as Grafana reads them, from a few words: rows of panels that flow over a grid 24 wide."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Json = dict[str, object]
Kind = Literal["lines", "bars", "stat", "table"]
Unit = Literal["short", "reqps", "ops", "s", "bytes", "percentunit", "none"]

SCHEMA = 41
"""That of Grafana 12; older ones read it too, newer ones bring it up to date."""
SOURCE: Json = {"type": "prometheus", "uid": "${source}"}
WIDE = 24
_TYPES: Mapping[Kind, str] = {"lines": "timeseries", "bars": "timeseries", "stat": "stat", "table": "table"}


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its series are called (`{{label}}` is the value of a label)."""

    expression: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `bad` is the value from which on a figure is shown in red."""

    title: str
    meaning: str
    queries: Sequence[Query]
    kind: Kind = "lines"
    unit: Unit = "short"
    width: int = 8
    bad: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of rows. `choices` are further variables: a label each, and the metric whose values it offers."""

    name: str
    title: str
    meaning: str
    rows: Sequence[Row]
    choices: Mapping[str, str]


def dashboard(page: Dashboard) -> Json:
    """A dashboard as it is imported."""
    return {
        "uid": f"airegistry-{page.name}", "title": f"airegistry: {page.title}", "description": page.meaning,
        "tags": ["airegistry"], "schemaVersion": SCHEMA, "editable": True, "graphTooltip": 1, "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"}, "timezone": "browser",
        "links": [{
            "type": "dashboards", "title": "airegistry", "tags": ["airegistry"], "asDropdown": False,
            "includeVars": True, "keepTime": True,
        }],
        "annotations": {"list": []},
        "templating": {"list": list(_variables(page.choices))},
        "panels": list(_placed(page.rows)),
    }  # fmt: skip


def _variables(choices: Mapping[str, str]) -> Iterator[Json]:
    yield {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    yield _variable("job", "Service", "airegistry_telemetry_dropped")
    yield _variable("instance", "Process", 'airegistry_telemetry_dropped{job=~"$job"}')
    for label, metric in choices.items():
        yield _variable(label, label.capitalize(), metric + '{job=~"$job",instance=~"$instance"}')


def _variable(label: str, title: str, series: str) -> Json:
    query = f"label_values({series}, {label})"
    return {
        "name": label, "label": title, "type": "query", "datasource": SOURCE, "definition": query,
        "query": {"query": query, "refId": label, "qryType": 1}, "refresh": 2, "sort": 1, "multi": True,
        "includeAll": True, "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]},
    }  # fmt: skip


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Rows and panels with their places, from the left and from the top."""
    top, number = 0, 1
    for row in rows:
        yield {
            "id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [],
            "gridPos": {"h": 1, "w": WIDE, "x": 0, "y": top},
        }  # fmt: skip
        top, left, height, number = top + 1, 0, 0, number + 1
        for panel in row.panels:
            if left + panel.width > WIDE:
                top, left, height = top + height, 0, 0
            tall = 4 if panel.kind == "stat" else 8
            yield {**_panel(panel), "id": number, "gridPos": {"h": tall, "w": panel.width, "x": left, "y": top}}
            left, height, number = left + panel.width, max(height, tall), number + 1
        top += height


def _panel(panel: Panel) -> Json:
    red = [] if panel.bad is None else [{"color": "red", "value": panel.bad}]
    return {
        "type": _TYPES[panel.kind], "title": panel.title, "description": panel.meaning, "datasource": SOURCE,
        "interval": "1m" if panel.kind == "bars" else None,
        "targets": [_target(panel.kind, query, chr(ord("A") + at)) for at, query in enumerate(panel.queries)],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit, "min": 0, "custom": _drawn(panel),
                "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
                "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": None}, *red]},
            },
            "overrides": [],
        },
        "options": _options(panel.kind),
        "transformations": _transformations(panel),
    }  # fmt: skip


def _target(kind: Kind, query: Query, name: str) -> Json:
    at_once = kind in {"stat", "table"}
    return {
        "refId": name, "datasource": SOURCE, "expr": query.expression, "legendFormat": query.legend or "__auto",
        "instant": at_once, "range": not at_once, "exemplar": query.exemplars,
        "format": "table" if kind == "table" else "time_series",
    }  # fmt: skip


def _drawn(panel: Panel) -> Json:
    if panel.kind == "bars":
        return {"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": {"mode": "normal", "group": "A"}}
    if panel.kind == "lines":
        marked = {} if panel.bad is None else {"thresholdsStyle": {"mode": "dashed"}}
        return {"drawStyle": "line", "fillOpacity": 10, "lineWidth": 1, "showPoints": "never", **marked}
    return {}


def _options(kind: Kind) -> Json:
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "none", "colorMode": "value"}
    if kind == "table":
        return {"showHeader": True, "cellHeight": "sm"}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _transformations(panel: Panel) -> list[Json]:
    """Of a table: its queries side by side, a column each, named as they are."""
    if panel.kind != "table":
        return []
    several = len(panel.queries) > 1
    names = {f"Value #{chr(ord('A') + at)}" if several else "Value": q.legend for at, q in enumerate(panel.queries)}
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names}},
    ]
