/** What the API answers to those who answer for the catalog. */
import type { Json, JsonObject, Kind } from "../../types";

export interface Way {
  stage: string;
  rights: string[];
  approval: boolean;
  reason_required: boolean;
  refusal?: string | null;
}

export interface Lifecycle {
  kind: Kind;
  path: string;
  version: string;
  stage: string;
  four_eyes: boolean;
  history: { at: string; by: string; from: string; to: string; reason: string }[];
  next: Way[];
}

export interface Request {
  id: string;
  status: "pending" | "approved" | "used" | "refused" | "withdrawn" | "expired";
  subject: string;
  client: string;
  kind: Kind;
  path: string;
  tool: string;
  method: string;
  arguments: JsonObject;
  complete: boolean;
  marks: { kind: string; path: string; name: string }[];
  asked_of: "client" | "queue";
  asked_at: string;
  expires_at: string;
  decided_by: string;
  reason: string;
}

export interface Requests {
  approvals: Request[];
  next_cursor?: string | null;
}

export type Grade = "cosmetic" | "minor" | "material" | "privilege_widened";
export type Verdict = "pass" | "review" | "block";

export interface Changed {
  kind: Kind;
  path: string;
  version: string;
  name: string;
  hash: string;
  parts: string[];
  grade: Grade;
  since: string;
  rejected: number;
}

export interface ChangedList {
  changes: Changed[];
  next_cursor?: string | null;
}

export interface PendingPart {
  part: string;
  hash: string;
  grade: Grade;
  since: string;
  edits: { at: string; kind: string; grade: Grade; said: string }[];
  diff: string;
  verdict: Verdict;
  findings: Finding[];
  rejected_by: string;
  reason: string;
}

export interface Changes {
  hash: string | null;
  pending: PendingPart[];
}

export type Severity = "info" | "low" | "medium" | "high" | "critical";

export interface Finding {
  asset: string;
  version: string;
  verdict: Verdict;
  rule: string;
  severity: Severity;
  confidence: "low" | "medium" | "high";
  structural: boolean;
  tier: "none" | "review" | "block";
  field: string;
  message: string;
  evidence: string;
  remediation: string;
  codes: string[];
  fingerprint: string;
  waiver?: Waiver;
}

export interface Findings {
  findings: Finding[];
  next_cursor?: string | null;
}

export interface Waiver {
  asset: string;
  fingerprint: string;
  rule: string;
  message: string;
  reason: string;
  by: string;
  since: string;
  until: string;
}

export interface Sweep {
  why: string | null;
  started: string | null;
  ended: string | null;
  total: number;
  done: number;
  held: number;
  failures: number;
}

export interface AuditEvent {
  id: string;
  time: string;
  subject: string;
  client: string;
  action: string;
  kind: string | null;
  asset: string | null;
  tool: string | null;
  scopes: string[];
  decision: string;
  reason: string;
  outcome: string;
  latency_ms: number | null;
  data_classification: string | null;
  target: string | null;
  via: string | null;
  parameters: Json;
  request_id: string | null;
}

export interface AuditPage {
  events: AuditEvent[];
  next_cursor?: string | null;
}

export interface Verified {
  records: number;
  intact: boolean;
  error: string | null;
}

export interface LogLine {
  time: string;
  level: "debug" | "info" | "warning" | "error" | "critical";
  logger: string;
  message: string;
  exception?: string | null;
  request_id?: string | null;
  subject?: string | null;
  trace_id?: string | null;
  replica?: string | null;
}

export interface UsageRow {
  of: string;
  name: string;
  calls: number;
  errors: number;
  average_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  histogram: number[];
  last?: string | null;
}

export interface UsageAnswer {
  rows: UsageRow[];
  buckets_ms: number[];
}
