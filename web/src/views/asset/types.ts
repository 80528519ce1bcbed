/** What the API answers about one asset, beside the asset itself. */
import type { Asset, JsonObject } from "../../types";

export interface AssetProps {
  asset: Asset;
}

export interface Reason {
  aspect: string;
  points: number;
  most: number;
  said: string;
  caps?: string;
}

export interface RepositoryKnown {
  url: string;
  facts?: {
    license?: string;
    stars?: number;
    forks?: number;
    language?: string;
    open_issues?: number;
    archived?: boolean;
    last_release?: string;
    last_release_at?: string;
    last_commit_at?: string;
  };
  checked_at?: string;
  error?: string;
  gone: boolean;
}

export interface Offered {
  name?: string;
  title?: string;
  uri?: string;
  uriTemplate?: string;
  description?: string;
  mimeType?: string;
  size?: number;
  arguments?: { name: string; description?: string; required?: boolean }[];
}

/** Members that some kinds of assets have beside those of `Asset`. */
export interface More {
  resources?: Offered[];
  resource_templates?: Offered[];
  prompts?: Offered[];
  repository?: RepositoryKnown;
  parts?: { server: string; version?: string | null; health: string; problem?: string | null; tools: number }[];
  requires_approval?: string[];
  card_signatures?: { status: string; alg: string; kid: string; jku: string }[];
  frontmatter?: JsonObject;
  pinned?: { host: string; repository: string; ref: string; commit: string; folder: string; missing_since?: string };
  content_hash?: string;
  server_info?: JsonObject;
  fetched_at?: string;
}

export interface SkillFile {
  path: string;
  resource: string;
  content: string;
  resources: string[];
  hash: string;
  pinned?: { files?: { name: string; size: number; mode?: string; kept?: boolean }[] } | null;
}

export interface Version {
  version: string;
  default: boolean;
  enabled: boolean;
  stage: string;
  health: string;
  callable: boolean;
  deprecated: boolean;
  deprecated_since?: string | null;
  sunset?: string | null;
  successor?: string | null;
  pinned_by: string[];
  endpoint?: string | null;
}

export interface UsageRow {
  of: "asset" | "tool" | "caller" | "period";
  name: string;
  calls: number;
  errors: number;
  average_ms?: number | null;
  p50_ms?: number | null;
  p95_ms?: number | null;
  last?: string | null;
}

export interface Finding {
  rule: string;
  severity: string;
  confidence: string;
  structural: boolean;
  field: string;
  message: string;
  evidence: string;
  remediation: string;
  codes: string[];
  tier: "none" | "review" | "block";
  fingerprint: string;
  waiver?: { reason: string; by: string; until: string } | null;
}

export interface Report {
  verdict: "pass" | "review" | "block";
  scanned_at: string;
  scanners: string[];
  ruleset: string;
  findings: Finding[];
  error?: string | null;
  failed_at?: string | null;
}

export interface Pending {
  part: string;
  hash: string;
  grade: string;
  since: string;
  edits: { at: string; kind: string; grade: string; said: string }[];
  diff: string;
  verdict: string;
  findings: Finding[];
  rejected_by: string;
  reason: string;
}

export interface DefinitionChanges {
  version: string;
  hash: string | null;
  pending: Pending[];
  approved: Record<string, string>;
}

export interface AuditEvent {
  id: string;
  time: string;
  subject: string;
  client: string;
  action: string;
  tool?: string | null;
  decision: string;
  reason: string;
  outcome: string;
  latency_ms?: number | null;
  via?: string | null;
}
