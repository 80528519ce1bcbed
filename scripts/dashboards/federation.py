"""The dashboard of what comes from elsewhere, and of what goes there."""

from scripts.dashboards.grafana import Dashboard, Panel, Query, Row
from scripts.dashboards.promql import RANGE, highest, of, quantile, rate, risen, share
from scripts.dashboards.system import HTTP

RUNS = "airegistry_sync_runs_total"
CHANGES = "airegistry_sync_changes_total"
FEED = 'http_route=~"/v0.*|/api/v1/federation/(changes|assets)|/[.]well-known/.*"'


def age(outcome: str) -> str:
    """Seconds since a pass that ended so, to the minute and at most a day, by kind of source."""
    series = of(RUNS, f'outcome="{outcome}"')
    ended = f"timestamp({series} - ({series} offset 1m or {series} * 0) > 0)"
    return f"time() - max by (kind) (max_over_time({ended}[1d:1m]))"


GLANCE = Row("In the time shown", (
    Panel("Passes", "Over sources of every kind.", (Query(risen(RUNS, within=RANGE)),), "stat", width=4),
    Panel("Failed", "Passes over sources.", (Query(risen(RUNS, 'outcome="failed"', within=RANGE)),), "stat", width=4,
          bad=1),
    Panel("Brought in", "Assets that were new or changed.",
          (Query(risen(CHANGES, 'change=~"added|changed"', within=RANGE)),), "stat", width=4),
    Panel("Gone", "Assets that sources do not have any more.",
          (Query(risen(CHANGES, 'change=~"retired|deleted"', within=RANGE)),), "stat", width=4, bad=100),
    Panel("Refused", "Assets that the gate, a scan or a rule kept out.",
          (Query(risen(CHANGES, 'change="refused"', within=RANGE)),), "stat", width=4, bad=1),
    Panel("p95 of a pass", "Over the time shown.",
          (Query(quantile(0.95, "airegistry_sync_duration_seconds", within=RANGE)),), "stat", "s", 4, 300),
))  # fmt: skip

SOURCES = Row("Sources", (
    Panel("Passes", "By kind of source and how they ended.",
          (Query(risen(RUNS, by="kind,outcome"), "{{kind}} {{outcome}}"),), "bars"),
    Panel("Since the last good pass", "By kind of source, to the minute and a day at most. airegistry sync list has it "
          "for each source.", (Query(age("ok"), "{{kind}}"),), unit="s"),
    Panel("Share that failed", "Passes within an hour, by kind of source.",
          (Query(share(risen(RUNS, 'outcome="failed"', "kind", "1h"), risen(RUNS, by="kind", within="1h")),
                 "{{kind}}"),), unit="percentunit", bad=0.5),
    Panel("Changes", "What passes did to assets.",
          (Query(risen(CHANGES, by="kind,change"), "{{kind}} {{change}}"),), "bars"),
    Panel("Duration", "p95 of passes, by kind of source.",
          (Query(quantile(0.95, "airegistry_sync_duration_seconds", by="kind", within="1h"), "{{kind}}"),), unit="s"),
    Panel("Acts on sources", "Added, changed, removed, asked for and so on.",
          (Query(risen("airegistry_acts_total", 'act=~"source:.*"', "act,outcome"), "{{act}} {{outcome}}"),), "bars"),
))  # fmt: skip

EFFECTS = Row("What comes of it", (
    Panel("Changes in the catalog", "By kind of asset, from sources and from everybody else; `change` is what another "
          "replica did.", (Query(risen("airegistry_catalog_changes_total", by="kind,change"), "{{kind}} {{change}}"),),
          "bars"),
    Panel("Scans", "By kind of asset and verdict: what comes from a source is scanned like what is registered.",
          (Query(risen("airegistry_scans_total", by="kind,verdict"), "{{kind}} {{verdict}}"),), "bars"),
    Panel("Changed since approval", "Tools, cards and skills that are held, by grade.",
          (Query(risen("airegistry_definitions_pending_total", by="kind,grade"), "{{kind}} {{grade}}"),), "bars"),
    Panel("Index behind by", "Assets whose vectors are still to be made, by process; a large pass leaves many.",
          (Query(highest("airegistry_index_waiting", "instance"), "{{instance}}"),)),
    Panel("Assets", "In the catalog, by kind.", (Query(highest("airegistry_catalog_assets", "kind"), "{{kind}}"),)),
    Panel("Webhooks that wait", "Deliveries before their turn or a retry, by process.",
          (Query(highest("airegistry_webhook_waiting", "instance"), "{{instance}}"),)),
))  # fmt: skip

EACH = Row("Each source", (
    Panel("Since a pass without an error", "Since it was added, where there was none.",
          (Query(highest("airegistry_sync_age_seconds", "source"), "{{source}}"),), unit="s", width=12),
    Panel("Passes that failed in a row", "Up to now.",
          (Query(highest("airegistry_sync_failures", "source"), "{{source}}"),), width=12),
))  # fmt: skip

OTHERS = Row("Others that read from here", (
    Panel("Registry API and feed", "Requests a second of other registries and clients, by route.",
          (Query(rate(HTTP + "_count", FEED, "http_route"), "{{http_route}}"),), unit="reqps"),
    Panel("Their answers", "By status.",
          (Query(rate(HTTP + "_count", FEED, "http_response_status_code"), "{{http_response_status_code}}"),),
          unit="reqps"),
    Panel("Their latency", "p95 by route.", (Query(quantile(0.95, HTTP, FEED, "http_route"), "{{http_route}}"),),
          unit="s"),
))  # fmt: skip

FEDERATION = Dashboard(
    "federation", "federation", "Passes over sources, what they bring, and who reads from here.",
    (GLANCE, SOURCES, EACH, EFFECTS, OTHERS), {},
)  # fmt: skip
