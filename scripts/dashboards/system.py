"""The dashboard of the registry as a process: requests, search, store, queues."""

from scripts.dashboards.grafana import Dashboard, Panel, Query, Row
from scripts.dashboards.promql import highest, most, of, quantile, rate, risen, share, summed

HTTP = "http_server_request_duration_seconds"
MCP = "mcp_server_operation_duration_seconds"
SEARCH = "airegistry_search_duration_seconds"
STORE = "airegistry_store_operation_duration_seconds"
OWN = 'http_route!~"/[{](server|server[}]@[{]version)[}]/.*|/agents/.*"'
"""Routes that end in the registry: at the others a 5xx is a backend's more often than not."""
FAILED = f'{OWN},http_response_status_code=~"5.."'
NONE = 'le=~"0|0.0"'
"""The bucket of searches without a result: Prometheus 3 writes 0.0 of what it scrapes."""


def latencies(histogram: str, matchers: str = "") -> tuple[Query, ...]:
    """Half, most and almost all, with the traces in which such values were seen."""
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return tuple(
        Query(quantile(part, histogram, matchers), name, exemplars=name == "p99") for name, part in parts.items()
    )


GLANCE = Row("At a glance", (
    Panel("Processes", "Replicas that tell of themselves.", (Query(f"count({of('airegistry_telemetry_dropped')})"),),
          "stat", width=4),
    Panel("Assets", "In the catalog, of every kind.", (Query(f"sum({highest('airegistry_catalog_assets', 'kind')})"),),
          "stat", width=4),
    Panel("Requests", "A second, of every route.", (Query(rate(HTTP + "_count")),), "stat", "reqps", 4),
    Panel("Failed", "Share of requests to the registry's own routes with 5xx.",
          (Query(share(rate(HTTP + "_count", FAILED), rate(HTTP + "_count", OWN))),), "stat", "percentunit", 4, 0.01),
    Panel("MCP p95", "Requests to the registry's own MCP server.", (Query(quantile(0.95, MCP)),), "stat", "s", 4, 1),
    Panel("Unhealthy backends", "Of those that are switched on.",
          (Query(highest("airegistry_catalog_health", matchers='health="unhealthy"')),), "stat", width=4, bad=1),
))  # fmt: skip

REQUESTS = Row("Requests", (
    Panel("Requests by route", "A second. Routes are templates; what fits none has no route.",
          (Query(most(12, rate(HTTP + "_count", by="http_route,http_request_method")),
                 "{{http_request_method}} {{http_route}}"),), unit="reqps"),
    Panel("Answers by status", "A second; without a status: the client went away.",
          (Query(rate(HTTP + "_count", by="http_response_status_code"), "{{http_response_status_code}}"),),
          unit="reqps"),
    Panel("Failures by route", "Answers with 5xx. At routes of the gateway they are the backend's mostly.",
          (Query(risen(HTTP + "_count", 'http_response_status_code=~"5.."', "http_route,http_response_status_code"),
                 "{{http_route}} {{http_response_status_code}}"),), "bars"),
    Panel("Latency", "From the first byte of a request to the last of its answer. Event streams are as long as their "
          "clients stay, and left out.", latencies(HTTP, 'http_request_method!="GET"'), unit="s"),
    Panel("p95 by route", "The twelve slowest, without event streams.",
          (Query(most(12, quantile(0.95, HTTP, 'http_request_method!="GET"', "http_route")), "{{http_route}}"),),
          unit="s"),
    Panel("Being answered", "Requests under way, open streams among them.",
          (Query(summed(of("http_server_active_requests"), "http_request_method"), "{{http_request_method}}"),)),
))  # fmt: skip

TOOLS = Row("The registry's own MCP server", (
    Panel("Requests by tool", "A second; methods where no tool is called.",
          (Query(most(12, rate(MCP + "_count", by="mcp_method_name,gen_ai_tool_name")),
                 "{{mcp_method_name}} {{gen_ai_tool_name}}"),), unit="reqps"),
    Panel("Refusals and faults", "By code, as docs/errors.md has them.",
          (Query(risen(MCP + "_count", 'error_type!=""', "gen_ai_tool_name,error_type"),
                 "{{gen_ai_tool_name}} {{error_type}}"),), "bars"),
    Panel("Latency", "Requests to /mcp.", latencies(MCP), unit="s"),
))  # fmt: skip

SEARCHES = Row("Search", (
    Panel("Searches", "A second, by what was searched.", (Query(rate(SEARCH + "_count", by="search"), "{{search}}"),),
          unit="ops"),
    Panel("Latency", "Searches of every kind.", latencies(SEARCH), unit="s"),
    Panel("Without a result", "Share of searches that showed nothing.",
          (Query(share(rate("airegistry_search_results_bucket", NONE, "search"),
                       rate("airegistry_search_results_count", by="search")), "{{search}}"),), unit="percentunit"),
    Panel("Results", "How many a search shows: half of them show fewer.",
          (Query(quantile(0.5, "airegistry_search_results", by="search"), "{{search}}"),)),
    Panel("Vectors of what is asked", "Time that the embedder takes for a search.",
          latencies("airegistry_embed_duration_seconds"), unit="s"),
    Panel("Index behind by", "Assets whose vectors are still to be made, by process; the next search waits for them.",
          (Query(highest("airegistry_index_waiting", "instance"), "{{instance}}"),)),
))  # fmt: skip

QUEUES = Row("Store and queues", (
    Panel("Operations of the store", "A second.", (Query(rate(STORE + "_count", by="operation"), "{{operation}}"),),
          unit="ops"),
    Panel("p99 by collection", "The eight slowest; reading many is as slow as whoever reads, and left out.",
          (Query(most(8, quantile(0.99, STORE, 'operation!="find"', "operation,collection")),
                 "{{operation}} {{collection}}"),), unit="s"),
    Panel("Audit trail behind by", "Records that are not written yet, by process. At 50,000 no act is allowed.",
          (Query(highest("airegistry_audit_waiting", "instance"), "{{instance}}"),), bad=5000),
    Panel("Webhooks that wait", "Deliveries before their turn or a retry.",
          (Query(highest("airegistry_webhook_waiting", "instance"), "{{instance}}"),)),
    Panel("Webhook deliveries", "Attempts.",
          (Query(risen("airegistry_webhook_deliveries_total", by="outcome"), "{{outcome}}"),), "bars"),
    Panel("Webhook p95", "How long a subscriber takes.",
          (Query(quantile(0.95, "airegistry_webhook_delivery_duration_seconds", by="outcome"), "{{outcome}}"),),
          unit="s"),
))  # fmt: skip

CATALOG = Row("Catalog and processes", (
    Panel("Assets", "By kind.", (Query(highest("airegistry_catalog_assets", "kind"), "{{kind}}"),)),
    Panel("Changes", "Registrations, updates and so on; `change` is what another replica did.",
          (Query(risen("airegistry_catalog_changes_total", by="kind,change"), "{{kind}} {{change}}"),), "bars"),
    Panel("Acts", "Everything that changes something, by how it ended.",
          (Query(risen("airegistry_acts_total", by="outcome"), "{{outcome}}"),), "bars"),
    Panel("Versions that run", "Processes by version and environment.",
          (Query(f"count by (service_version, process_runtime_version, deployment_environment_name) "
                 f"({of('target_info')})", "Processes"),), "table", width=12),
    Panel("Spans given up", "Nobody took them in time: traces have holes. Their number since each process began.",
          (Query(highest("airegistry_telemetry_dropped", "instance"), "{{instance}}"),), width=12, bad=1),
))  # fmt: skip

PROCESS = Row("What processes take", (
    Panel("CPU", "Seconds of CPU a second, by process and mode: 1 is a whole core.",
          (Query(rate("process_cpu_time_seconds_total", by="instance,cpu_mode"), "{{instance}} {{cpu_mode}}"),)),
    Panel("Memory", "What is resident, by process.",
          (Query(highest("process_memory_usage_bytes", "instance"), "{{instance}}"),), unit="bytes"),
    Panel("Open files", "Most of them are connections; beyond the limit there is neither caller nor backend.",
          (Query(highest("process_unix_file_descriptor_count", "instance"), "{{instance}}"),
           Query(highest("airegistry_process_file_descriptor_limit", "instance"), "{{instance}} at most"))),
    Panel("Running for", "A fall is a restart.",
          (Query(highest("process_uptime_seconds", "instance"), "{{instance}}"),), unit="s"),
    Panel("Behind the other replicas by", "How long ago others may have written what a replica does not know.",
          (Query(highest("airegistry_store_lag_seconds", "instance"), "{{instance}}"),), unit="s"),
))  # fmt: skip

SYSTEM = Dashboard(
    "system", "system", "Requests, search, store, queues and processes of the registry.",
    (GLANCE, REQUESTS, TOOLS, SEARCHES, QUEUES, CATALOG, PROCESS), {},
)  # fmt: skip
