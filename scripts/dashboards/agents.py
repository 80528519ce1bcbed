"""The dashboard of what is called: servers, their tools, agents."""

from scripts.dashboards.grafana import Dashboard, Panel, Query, Row
from scripts.dashboards.promql import RANGE, highest, most, of, quantile, rate, risen, share, summed
from scripts.dashboards.system import latencies

CALLS = "airegistry_gateway_call_duration_seconds"
BACKENDS = "http_client_request_duration_seconds"
CHOSEN = 'kind=~"$kind",path=~"$path"'
TOOL = f'{CHOSEN},tool!=""'
BROKEN = 'decision="allow",outcome=~"error|upstream_failed|upstream_refused"'
BY_TOOL = "kind,path,tool"

GLANCE = Row("At a glance", (
    Panel("Calls", "A second, through the gateway and call_tool.", (Query(rate(CALLS + "_count", CHOSEN)),), "stat",
          "reqps", 4),
    Panel("Failed at the backend", "Share of the calls that were allowed.",
          (Query(share(rate(CALLS + "_count", f"{CHOSEN},{BROKEN}"),
                       rate(CALLS + "_count", f'{CHOSEN},decision="allow"'))),), "stat", "percentunit", 4, 0.05),
    Panel("p95", "Calls that were allowed.", (Query(quantile(0.95, CALLS, f'{CHOSEN},decision="allow"')),), "stat", "s",
          4, 5),
    Panel("Denied", "Share of all calls.",
          (Query(share(rate(CALLS + "_count", f'{CHOSEN},decision="deny"'), rate(CALLS + "_count", CHOSEN))),), "stat",
          "percentunit", 4, 0.2),
    Panel("Healthy backends", "Of those that are switched on.",
          (Query(highest("airegistry_catalog_health", matchers='health="healthy"')),), "stat", width=4),
    Panel("Unhealthy backends", "Of those that are switched on.",
          (Query(highest("airegistry_catalog_health", matchers='health="unhealthy"')),), "stat", width=4, bad=1),
))  # fmt: skip

CALLED = Row("Calls", (
    Panel("Calls by server or agent", "A second; the twelve most called.",
          (Query(most(12, rate(CALLS + "_count", CHOSEN, "kind,path")), "{{kind}}/{{path}}"),), unit="reqps"),
    Panel("Calls by decision and outcome", "A second, as docs/audit.md names them.",
          (Query(rate(CALLS + "_count", CHOSEN, "decision,outcome"), "{{decision}} {{outcome}}"),), unit="reqps"),
    Panel("Latency", "Calls that were allowed, with traces in which they were seen.",
          latencies(CALLS, f'{CHOSEN},decision="allow"'), unit="s"),
    Panel("p95 by server or agent", "The twelve slowest.",
          (Query(most(12, quantile(0.95, CALLS, f'{CHOSEN},decision="allow"', "kind,path")), "{{kind}}/{{path}}"),),
          unit="s"),
    Panel("Failures", "Calls that the backend did not answer, or answered with an error.",
          (Query(risen(CALLS + "_count", f"{CHOSEN},{BROKEN}", "kind,path,outcome"),
                 "{{kind}}/{{path}} {{outcome}}"),), "bars"),
    Panel("Tools that fail in their own words", "Results with isError.",
          (Query(risen(CALLS + "_count", f'{CHOSEN},outcome="tool_error"', BY_TOOL), "{{path}} {{tool}}"),), "bars"),
    Panel("Tools and skills", "The hundred most called of the time shown.",
          (Query(most(100, risen(CALLS + "_count", TOOL, BY_TOOL, RANGE)), "Calls"),
           Query(risen(CALLS + "_count", f'{TOOL},outcome!="ok"', BY_TOOL, RANGE), "Not ok"),
           Query(quantile(0.95, CALLS, TOOL, BY_TOOL, RANGE), "p95, s")), "table", width=24),
))  # fmt: skip

BEHIND = Row("Backends", (
    Panel("Answers of backends", "A second, by status.",
          (Query(rate(BACKENDS + "_count", by="http_response_status_code"), "{{http_response_status_code}}"),),
          unit="reqps"),
    Panel("Until the answer begins", "Requests of the gateway to backends.", latencies(BACKENDS), unit="s"),
    Panel("Without an answer", "By what went wrong.",
          (Query(risen(BACKENDS + "_count", 'error_type!=""', "error_type"), "{{error_type}}"),), "bars"),
    Panel("Connections", "To backends, idle ones included, by process.",
          (Query(highest("airegistry_gateway_connections", "instance"), "{{instance}}"),)),
    Panel("Health", "Backends that are switched on.",
          (Query(highest("airegistry_catalog_health", "health"), "{{health}}"),)),
    Panel("Health checks", "By how they ended.",
          (Query(risen("airegistry_health_checks_total", by="kind,outcome"), "{{kind}} {{outcome}}"),), "bars"),
    Panel("Health check p95", "Backends that answered.",
          (Query(quantile(0.95, "airegistry_health_check_duration_seconds", by="kind"), "{{kind}}"),), unit="s"),
    Panel("Became healthy or unhealthy", "Which backends, and how often.",
          (Query(risen("airegistry_health_changes_total", CHOSEN, "kind,path"), "{{kind}}/{{path}}"),), "bars"),
    Panel("Tools became others", "As checks saw, against what was approved.",
          (Query(risen("airegistry_drift_changes_total", CHOSEN, "kind,path"), "{{kind}}/{{path}}"),), "bars"),
))  # fmt: skip

GUARDED = Row("Protection and approvals", (
    Panel("Refused", "By quarantine, limits and circuit breakers, which have the code upstream_failed.",
          (Query(risen("airegistry_gateway_refusals_total", CHOSEN, "code,path"), "{{code}} {{path}}"),), "bars"),
    Panel("Circuit breakers", "That opened, or closed again; one that stays open opens anew after each probe.",
          (Query(risen("airegistry_gateway_circuit_changes_total", CHOSEN, "state,path"), "{{state}} {{path}}"),),
          "bars"),
    Panel("Circuits that are not closed", "Over all processes, as it is now.",
          (Query(summed(of("airegistry_gateway_circuits"), "state"), "{{state}}"),)),
    Panel("Requests for approval", "Asked, and what became of them.",
          (Query(risen("airegistry_approvals_total", by="outcome"), "{{outcome}}"),), "bars"),
    Panel("Waiting for a person", "From the call to the decision.",
          latencies("airegistry_approval_wait_duration_seconds"), unit="s"),
    Panel("Calls that wait now", "For a person, over all processes; list_approvals has them.",
          (Query(summed(of("airegistry_approvals_waiting")), "waiting"),)),
))  # fmt: skip

AGENTS = Dashboard(
    "agents", "agents and tools", "What is called through the gateway, how long it takes, and how the backends are.",
    (GLANCE, CALLED, BEHIND, GUARDED), {"kind": CALLS + "_count", "path": CALLS + "_count"},
)  # fmt: skip
