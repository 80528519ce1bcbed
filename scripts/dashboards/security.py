"""The dashboard of who is refused, what scans find, and what changed that decides about it."""

from scripts.dashboards.grafana import Dashboard, Panel, Query, Row
from scripts.dashboards.promql import RANGE, highest, most, quantile, rate, risen, share
from scripts.dashboards.system import HTTP, MCP

CALLS = "airegistry_gateway_call_duration_seconds"
ACTS = "airegistry_acts_total"
REFUSALS = "airegistry_gateway_refusals_total"
RULES = (
    'outcome="ok",act=~"(scope|group|policy|user|provider|issuer|client|limit|credential|secret_key|quarantine|finding'
    '|audit|webhook|source):.*"'
)
"""Acts that change who may do what, or what is known of it."""

GLANCE = Row("In the time shown", (
    Panel("Calls denied", "At the gateway.", (Query(risen(CALLS + "_count", 'decision="deny"', within=RANGE)),), "stat",
          width=4),
    Panel("Answers with 401", "MCP clients get one before they sign in, so that a few are as it should be.",
          (Query(risen(HTTP + "_count", 'http_response_status_code="401"', within=RANGE)),), "stat", width=4),
    Panel("Scans that blocked", "Assets that were held.",
          (Query(risen("airegistry_scans_total", 'verdict="block"', within=RANGE)),), "stat", width=4, bad=1),
    Panel("High and critical findings", "Of all scans.",
          (Query(risen("airegistry_scan_findings_total", 'severity=~"high|critical"', within=RANGE)),), "stat", width=4,
          bad=1),
    Panel("Definitions held", "Tools, cards and skills that changed since their approval.",
          (Query(risen("airegistry_definitions_pending_total", within=RANGE)),), "stat", width=4, bad=1),
    Panel("Refused by quarantine", "Calls of, or by, what an administrator cut off.",
          (Query(risen(REFUSALS, 'code="quarantined"', within=RANGE)),), "stat", width=4, bad=1),
))  # fmt: skip

WHO = Row("Who is let in", (
    Panel("Calls by decision", "A second, at the gateway.", (Query(rate(CALLS + "_count", by="decision"),
          "{{decision}}"),), unit="reqps"),
    Panel("Calls denied, by server or agent", "Without a path: the caller may not know of it, or there is no such.",
          (Query(risen(CALLS + "_count", 'decision="deny"', "kind,path"), "{{kind}}/{{path}}"),), "bars"),
    Panel("Share denied", "The ten servers and agents with the largest share of denied calls.",
          (Query(most(10, share(rate(CALLS + "_count", 'decision="deny"', "kind,path"),
                                rate(CALLS + "_count", by="kind,path"))), "{{kind}}/{{path}}"),), unit="percentunit"),
    Panel("401 by route", "No token, or none that counts; at /login a wrong password.",
          (Query(risen(HTTP + "_count", 'http_response_status_code="401"', "http_route"), "{{http_route}}"),), "bars"),
    Panel("403 and 429 by route", "Not allowed, or too often.",
          (Query(risen(HTTP + "_count", 'http_response_status_code=~"403|429"', "http_route,http_response_status_code"),
                 "{{http_route}} {{http_response_status_code}}"),), "bars"),
    Panel("Tools of the registry that refused", "By code.",
          (Query(risen(MCP + "_count", 'error_type=~"access_denied|unauthenticated|quarantined|rate_limited|'
                       'approval_required|not_found"', "gen_ai_tool_name,error_type"),
                 "{{gen_ai_tool_name}} {{error_type}}"),), "bars"),
    Panel("Tokens given out", "By act.",
          (Query(risen("airegistry_tokens_minted_total", by="act"), "{{act}}"),), "bars"),
    Panel("Acts with tokens that failed", "By code.",
          (Query(risen(ACTS, 'act=~"token:.*",outcome!="ok"', "act,outcome"), "{{act}} {{outcome}}"),), "bars"),
    Panel("Quarantine, limits and circuits", "Calls that they refused, by code.",
          (Query(risen(REFUSALS, by="code,path"), "{{code}} {{path}}"),), "bars"),
))  # fmt: skip

WHAT = Row("What is let in", (
    Panel("Scans", "By verdict; failed ones hold the asset as well.",
          (Query(risen("airegistry_scans_total", by="verdict"), "{{verdict}}"),), "bars"),
    Panel("Findings", "By severity.",
          (Query(risen("airegistry_scan_findings_total", by="severity"), "{{severity}}"),), "bars"),
    Panel("Scan p95", "Other scanners included.",
          (Query(quantile(0.95, "airegistry_scan_duration_seconds", by="kind"), "{{kind}}"),), unit="s"),
    Panel("Definitions that changed", "Since their approval, by grade of the change; privilege_widened is the worst.",
          (Query(risen("airegistry_definitions_pending_total", by="kind,grade"), "{{kind}} {{grade}}"),), "bars"),
    Panel("Changes that were decided", "Let in, or kept out.",
          (Query(risen("airegistry_definitions_approved_total", by="kind"), "{{kind}} approved"),
           Query(risen("airegistry_definitions_rejected_total", by="kind"), "{{kind}} rejected")), "bars"),
    Panel("Requests for approval", "Of calls, by what became of them.",
          (Query(risen("airegistry_approvals_total", by="outcome"), "{{outcome}}"),), "bars"),
))  # fmt: skip

RULED = Row("Who decides", (
    Panel("Changes of the rules", "Scopes, groups, users, clients, credentials, quarantine, waivers, keys and so on, "
          "in the time shown. Who did it is in the audit trail.", (Query(risen(ACTS, RULES, "act", RANGE), "Times"),),
          "table", width=8),
    Panel("Acts refused", "By code, in the time shown.",
          (Query(risen(ACTS, 'outcome!="ok"', "act,outcome", RANGE), "Times"),), "table", width=8),
    Panel("Audit trail behind by", "Records that are not written yet, by process. At 50,000 no act is allowed.",
          (Query(highest("airegistry_audit_waiting", "instance"), "{{instance}}"),), bad=5000),
    Panel("Cut off", "Callers and assets in quarantine now, by kind.",
          (Query(highest("airegistry_gateway_quarantined", "kind"), "{{kind}}"),)),
    Panel("Logins", "Of people, and of clients, by how they ended.",
          (Query(risen(ACTS, 'act=~"user:login|client:authenticate"', "act,outcome"), "{{act}} {{outcome}}"),), "bars"),
))  # fmt: skip

SECURITY = Dashboard(
    "security", "security", "Who and what is let in, what scans find, and who changes the rules.",
    (GLANCE, WHO, WHAT, RULED), {},
)  # fmt: skip
