/** What the API answers about who may do what. */
import type { Kind } from "../../types";

export interface Grant {
  kinds: string[];
  assets: string[];
  methods: string[];
  tools: string[];
  actions: string[] | null;
  effect: "allow" | "deny";
}

export interface Scope {
  name: string;
  grants: Grant[];
  description: string;
}

export interface Group {
  name: string;
  scopes: string[];
  description: string;
}

export interface Policy {
  scopes: Scope[];
  groups: Group[];
}

export interface Person {
  id: string;
  name: string;
  email: string;
  provider: string;
  groups: string[];
  provider_groups: string[];
  provisioned_groups: string[];
  provisioned: "active" | "inactive" | "removed" | null;
  user_name: string;
  active: boolean;
  has_password: boolean;
  second_factor: boolean;
  created_at: string;
  login_at: string | null;
}

export interface Reach {
  kind: Kind;
  path: string;
  name: string;
  stage: string;
  enabled: boolean;
  visibility: string;
  why: string;
  hidden: boolean;
  actions: string[];
  tools: string[];
  parts: number;
}

export interface PreviewAnswer {
  assets: Reach[];
  total: number;
  callable: number;
  next_cursor: string | null;
}

export interface Explanation {
  allowed: boolean;
  reason: string;
  missing: string[];
  step_up: string[];
  rule: { scope: string; grant: number; effect: "allow" | "deny" } | null;
  via: string[];
  visibility: string;
  stops: string[];
}

export interface Token {
  id: string;
  name: string;
  groups: string[];
  scopes: string[];
  created_by: string;
  expires_at: string;
  revoked_at: string | null;
  last_used_at: string | null;
  subject: string;
}

export interface Client {
  client_id: string;
  origin: "registered" | "dynamic";
  client_name: string;
  redirect_uris: string[];
  grant_types: string[];
  client_uri: string | null;
  active: boolean;
  used_at: string | null;
}

export interface Provider {
  name: string;
  profile: string;
  title: string;
  issuer: string;
  client_id: string;
  groups_claim: string | null;
  enabled: boolean;
  fixed: boolean;
}

export interface ProviderReport {
  issuer: string;
  redirect_uri: string;
  backchannel_logout_uri: string;
  algorithms: string[];
  keys: number;
  problems: string[];
}

export interface Issuer {
  name: string;
  issuer: string;
  accepts: string[];
  groups_claim: string | null;
  groups: string[];
  group_map: Record<string, string[]>;
  active: boolean;
  fixed: boolean;
}

export interface Limit {
  name: string;
  subjects: string[];
  assets: string[];
  tools: string[];
  per: ("caller" | "asset" | "tool")[];
  calls: number | null;
  seconds: number;
  burst: number | null;
  concurrent: number | null;
  streams: number | null;
  description: string;
}

export interface Cut {
  kind: "caller" | "server" | "agent" | "virtual_server";
  id: string;
  reason: string;
  since: string;
  by: string;
}
