"""Every metric and every span that the registry sends: the one table that code, documentation and dashboards share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds, for what answers while somebody waits."""
SLOW = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds, for what is done in the background."""
MANY = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
"""Numbers of things."""

Instrument = Literal["counter", "histogram", "up-down counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `buckets` are upper bounds in `unit`; `attributes` are all that it may have."""

    name: str
    instrument: Instrument
    unit: str
    attributes: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """One kind of span. `name` is as it is sent, with what differs in braces."""

    name: str
    kind: Literal["internal", "client", "server", "producer"]
    attributes: tuple[str, ...]
    meaning: str


def _counter(name: str, unit: str, attributes: str, meaning: str) -> Metric:
    return Metric(name, "counter", unit, tuple(attributes.split()), meaning)


def _seconds(name: str, attributes: str, meaning: str, buckets: tuple[float, ...] = FAST) -> Metric:
    return Metric(name, "histogram", "s", tuple(attributes.split()), meaning, buckets)


def _gauge(name: str, unit: str, meaning: str, attributes: str = "") -> Metric:
    return Metric(name, "gauge", unit, tuple(attributes.split()), meaning)


HTTP_REQUESTS = "http.server.request.duration"
HTTP_ACTIVE = "http.server.active_requests"
MCP_REQUESTS = "mcp.server.operation.duration"
BACKEND_REQUESTS = "http.client.request.duration"
GATEWAY_CALLS = "airegistry.gateway.call.duration"

METRICS = (
    _seconds(
        HTTP_REQUESTS, "http.request.method http.route http.response.status_code url.scheme",
        "Requests by route: from the first byte of the request to the last of the answer. A route is a template.",
    ),
    Metric(
        HTTP_ACTIVE, "up-down counter", "{request}", ("http.request.method", "url.scheme"),
        "Requests that are being answered, open streams among them.",
    ),
    _seconds(
        MCP_REQUESTS, "mcp.method.name gen_ai.tool.name error.type",
        "Requests to the registry's own MCP server. `error.type` is the code of the refusal, or `tool_error`.",
    ),
    _seconds(
        BACKEND_REQUESTS, "http.request.method http.response.status_code error.type",
        "Requests of the gateway to backends, until the head of the answer is there.",
    ),
    _seconds(
        GATEWAY_CALLS, "kind path tool decision outcome",
        "Calls through the gateway: kind and path of the server or agent, tool or skill, whether it was allowed "
        "(`allow`, `deny`) and how it ended. Refused ones have a path and a tool only where there are such.",
    ),
    _counter(
        "airegistry.gateway.refusals", "{call}", "code kind path",
        "Calls that quarantine, limits or circuit breakers refused, by the code of the refusal.",
    ),
    _counter(
        "airegistry.gateway.circuit.changes", "{change}", "state kind path",
        "Circuit breakers that opened, half opened or closed.",
    ),
    _counter("airegistry.approvals", "{request}", "outcome", "Requests for approval, and what became of them."),
    _seconds("airegistry.approval.wait.duration", "", "Waiting for a person's approval.", SLOW),
    _counter(
        "airegistry.acts", "{act}", "act outcome",
        "Acts that change something or read the trail, as docs/audit.md names them (`server:register`, `token:mint`, "
        "`source:sync` and so on), by `ok`, the code of the error, or `cancelled`. `user:login` and "
        "`client:authenticate` that failed are `refused`.",
    ),
    _counter(
        "airegistry.catalog.changes", "{change}", "kind change",
        "What happened to assets, by the last word of the event's name: `register`, `update`, `delete`, `toggle` and "
        "so on, as docs/webhooks.md lists them; `change` where another replica did it.",
    ),
    _seconds(
        "airegistry.search.duration", "search", "Searches by what was searched: `assets`, `kinds` or `tools`."
    ),
    Metric(
        "airegistry.search.results", "histogram", "{result}", ("search",), "Results that a search showed.", MANY
    ),
    _seconds("airegistry.embed.duration", "", "Making the vectors of what a search asks for.", FAST),
    _counter("airegistry.scans", "{scan}", "kind verdict", "Scans by verdict: `pass`, `review`, `block`, or `failed`."),
    _seconds("airegistry.scan.duration", "kind", "Scans of one asset, other scanners included.", SLOW),
    _counter("airegistry.scan.findings", "{finding}", "kind severity", "What scans found, by severity."),
    _counter(
        "airegistry.definitions.pending", "{definition}", "kind grade",
        "Definitions that changed since they were approved and are held, by grade of the change.",
    ),
    _counter("airegistry.definitions.approved", "{definition}", "kind", "Changed definitions that were let in."),
    _counter("airegistry.definitions.rejected", "{definition}", "kind", "Changed definitions that were kept out."),
    _counter("airegistry.sync.runs", "{run}", "kind outcome", "Passes over sources, by the source's kind."),
    _seconds("airegistry.sync.duration", "kind outcome", "Passes over sources.", SLOW),
    _counter("airegistry.sync.changes", "{asset}", "kind change", "What passes over sources did to assets."),
    _counter("airegistry.health.checks", "{check}", "kind outcome", "Health checks of backends."),
    _seconds("airegistry.health.check.duration", "kind", "Health checks of backends that answered."),
    _counter("airegistry.health.changes", "{change}", "kind path", "Backends whose health became another."),
    _counter("airegistry.drift.changes", "{change}", "kind path", "Backends whose tools became others, as checks saw."),
    _counter(
        "airegistry.tokens.minted", "{token}", "act",
        "Tokens that were given out, by the act as docs/audit.md has it: `token:create`, `token:mint` and so on.",
    ),
    _counter("airegistry.webhook.deliveries", "{delivery}", "outcome", "Attempts to deliver webhooks: `ok`, `failed`."),
    _seconds("airegistry.webhook.delivery.duration", "outcome", "Attempts to deliver a webhook."),
    _seconds(
        "airegistry.store.operation.duration", "operation collection",
        "Operations of the store, by operation and collection. That one document is read (`get`) is told where other "
        "processes share the store: elsewhere it is in memory.",
    ),
    _gauge("airegistry.catalog.assets", "{asset}", "Assets in the catalog.", "kind"),
    _gauge("airegistry.catalog.health", "{asset}", "Backends that are switched on, by health.", "health"),
    _gauge("airegistry.webhook.waiting", "{delivery}", "Webhook deliveries that wait for their turn or a retry."),
    _gauge("airegistry.audit.waiting", "{record}", "Records of the audit trail that are not written yet."),
    _gauge("airegistry.index.waiting", "{asset}", "Assets whose vectors are still to be made: how far the index lags."),
    _gauge("airegistry.approvals.waiting", "{call}", "Calls that wait in this process for a person's approval."),
    _gauge(
        "airegistry.gateway.circuits", "{circuit}",
        "Circuit breakers of this process that are not closed: `open`, or `half_open` and about to be tried.", "state",
    ),
    _gauge("airegistry.gateway.quarantined", "{thing}", "Callers and assets that are cut off, by kind.", "kind"),
    _gauge(
        "airegistry.sync.age", "s",
        "Time since a source was passed over without an error, or since it was added where it never was.", "source",
    ),
    _gauge("airegistry.sync.failures", "{run}", "Passes over a source that failed in a row, up to now.", "source"),
    _gauge(
        "airegistry.store.lag", "s",
        "How long ago other replicas may have written what this one does not know; 0 where it is alone.",
    ),
    _gauge("airegistry.gateway.connections", "{connection}", "Connections to backends, idle ones included."),
    _gauge("airegistry.telemetry.dropped", "{span}", "Spans that were given up since the start as nobody took them."),
    _counter("process.cpu.time", "s", "cpu.mode", "Time of processors that the process took, by `user` and `system`."),
    _gauge("process.memory.usage", "By", "Memory of the process that is resident. On Linux."),
    _gauge("process.unix.file_descriptor.count", "{file_descriptor}", "Files and sockets that are open. On Linux."),
    _gauge("airegistry.process.file_descriptor.limit", "{file_descriptor}", "How many may be open at once. On Linux."),
    _gauge("process.uptime", "s", "Time since the registry started."),
)  # fmt: skip

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}

_MCP = "mcp.method.name mcp.session.id mcp.protocol.version jsonrpc.request.id gen_ai.operation.name gen_ai.tool.name"

SPANS = (
    Described(
        "{http.request.method} {http.route}", "server",
        tuple("http.request.method http.route http.response.status_code url.scheme error.type".split()),
        "A request. The route is a template; neither path, query, headers nor bodies are sent.",
    ),
    Described(
        "{mcp.method.name} {gen_ai.tool.name}", "server",
        (*_MCP.split(), "airegistry.server", "airegistry.decision", "airegistry.outcome", "error.type"),
        "One MCP message, to the registry itself or, with `airegistry.server`, through the gateway. Arguments and "
        "results are not sent.",
    ),
    Described(
        "{mcp.method.name} {gen_ai.tool.name}", "client",
        (
            *_MCP.split(), "http.request.method", "server.address", "server.port", "http.response.status_code",
            "error.type",
        ),
        "A request to a backend, until the head of its answer; named by `{http.request.method}` where it is no MCP "
        "message. Its context goes on to the backend.",
    ),
    Described(
        "{a2a.method.name}", "server",
        tuple(
            "a2a.method.name a2a.protocol.version a2a.binding jsonrpc.request.id gen_ai.operation.name "
            "airegistry.agent airegistry.decision airegistry.outcome error.type".split()
        ),
        "One A2A message to an agent, by the name that version 0.3 gives its method over JSON-RPC, whichever way it "
        "came. Neither messages nor tasks are sent.",
    ),
    Described("search", "internal", ("search", "airegistry.results"), "A search, without what was asked for."),
    Described("embed", "internal", ("texts",), "The vectors of what a search asks for."),
    Described("index", "internal", ("airegistry.results",), "The look into the index."),
    Described("scan", "internal", ("kind", "path", "verdict", "findings", "error.type"), "The scan of one asset."),
    Described(
        "{airegistry.act}", "internal", ("airegistry.act", "airegistry.outcome", "error.type"),
        "An act as docs/audit.md names it: `server:register`, `token:mint`, `source:sync` and so on.",
    ),
    Described(
        "deliver webhook", "producer", ("server.address", "http.response.status_code", "error.type"),
        "One attempt to deliver a webhook.",
    ),
    Described(
        "{operation} {collection}", "client", ("db.operation.name", "db.collection.name", "error.type"),
        "An operation of the store within a trace; reading one document only if it takes over 1 ms.",
    ),
)  # fmt: skip
