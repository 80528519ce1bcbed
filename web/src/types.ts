/** What the API answers with, as far as the page reads it. Members may be added there at any time. */

export type Kind = "server" | "agent" | "skill" | "virtual_server" | "entity";
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface Session {
  user: { id: string; name: string; email: string; provider: string };
  signed_in_at: string;
  expires_at: string;
  csrf: string;
}

export interface Standing {
  subject: string;
  groups: string[];
  scopes: string[];
  actions: string[];
  url: string;
  gateway_url: string;
  version: string;
}

/** An asset in a few lines, as lists show it. */
export interface Card {
  kind: Kind;
  path: string;
  name: string;
  title?: string | null;
  description: string;
  type?: string | null;
  tags: string[];
  version: string;
  stage: string;
  enabled: boolean;
  visibility: string;
  health?: string | null;
  checked_at?: string | null;
  latency_ms?: number | null;
  /** What the last check met. */
  problem?: string | null;
  /** Tools that changed since they were approved. */
  held?: number;
  retires_at?: string | null;
  owner?: string | null;
  environment?: string | null;
  risk?: string | null;
  source: string;
  tools?: number | null;
  stars?: number | null;
  ratings: number;
  updated_at: string;
  endpoint?: string | null;
  match?: string | null;
  why?: string[] | null;
}

export interface Counted {
  value: string;
  count: number;
}

export interface BrowseAnswer {
  results: Card[];
  total: number;
  next_cursor?: string | null;
  suggestions: string[];
  facets: Record<string, Counted[]>;
}

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema | boolean;
  enum?: Json[];
  const?: Json;
  default?: Json;
  examples?: Json[];
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: boolean | Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
}

export interface Tool {
  name: string;
  title?: string | null;
  description: string;
  inputSchema: Schema;
  outputSchema?: Schema | null;
  annotations?: {
    title?: string;
    readOnlyHint?: boolean;
    destructiveHint?: boolean;
    idempotentHint?: boolean;
    openWorldHint?: boolean;
  } | null;
}

/** An asset in full. Kinds have more members than these. */
export interface Asset {
  kind: Kind;
  path: string;
  name: string;
  title?: string | null;
  description: string;
  version: string;
  tags: string[];
  enabled: boolean;
  callable?: boolean;
  held_by_scan?: boolean;
  stage: string;
  stage_reason?: string | null;
  visibility: string;
  groups: string[];
  health: string;
  health_report?: { checked_at?: string; error?: string; latency_ms?: number };
  circuit?: string;
  license?: string | null;
  owner_team?: string | null;
  technical_owner?: string | null;
  business_capability?: string | null;
  environment?: string | null;
  risk_level?: string | null;
  data_classification?: string | null;
  documentation_url?: string | null;
  repository_url?: string | null;
  rating?: { average: number; count: number; distribution: Record<string, number> };
  /** The stars that one gave oneself, if any. */
  your_rating?: number;
  provenance: { source: string; kind?: string; url?: string };
  created_at: string;
  created_by: string;
  updated_at: string;
  updated_by: string;
  endpoint?: string | null;
  // servers and virtual servers
  transport?: string;
  url?: string | null;
  command?: string | null;
  args?: string[];
  env?: string[];
  tools?: Tool[];
  held?: Record<string, string>;
  instructions?: string | null;
  protocol_version?: string | null;
  quality?: { grade: string; score?: number; reasons?: string[] };
  // agents
  skills?: { id: string; name: string; description?: string; tags?: string[] }[];
  card?: JsonObject;
  // entities
  type?: string;
  data?: JsonObject;
}

/** What a called tool answered. */
export interface ToolResult {
  content: ContentBlock[];
  structuredContent?: Json;
  isError?: boolean;
}

export interface ContentBlock {
  type: string;
  text?: string;
  mimeType?: string;
  data?: string;
  uri?: string;
  name?: string;
  resource?: { uri?: string; text?: string; mimeType?: string };
}
