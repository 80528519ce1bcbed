/** Sources and their passes, as the API answers. */
import type { JsonObject } from "../../types";
import type { SourceKind } from "./kinds";

export interface Run {
  started: string;
  ended?: string | null;
  outcome?: "ok" | "failed" | "cancelled" | null;
  error: string;
  code: string;
  dry_run: boolean;
  whole: boolean;
  offers: number;
  added: number;
  changed: number;
  unchanged: number;
  retired: number;
  deleted: number;
  held: number;
  filtered: number;
  refused: number;
  codes: Record<string, number>;
  refusals: { id: string; kind: string; path: string; code: string; reason: string }[];
  planned: { change: "added" | "changed" | "retired" | "refused"; id: string; kind: string; path: string; version: string }[];
}

export interface Source {
  name: string;
  kind: SourceKind;
  url: string;
  enabled: boolean;
  removing: boolean;
  description: string;
  options: JsonObject;
  has_secrets: boolean;
  interval: number;
  visibility: string;
  groups: string[];
  prefix: string;
  tags: string[];
  names: string[];
  namespace: string[];
  on_duplicate?: string | null;
  circuit: string;
  failures: number;
  due?: string | null;
  lag?: number | null;
  created_by: string;
  created_at: string;
  running?: Run | null;
  last?: Run | null;
}

export interface SourceDetails extends Source {
  runs: Run[];
}

export interface Synced {
  name: string;
  running: boolean;
  run?: Run | null;
}

export type State = "off" | "running" | "never" | "ok" | "failed" | "cancelled" | "open" | "removing";

/** How a source stands, in one word. */
export function stateOf(source: Source): State {
  if (source.removing) return "removing";
  if (source.running) return "running";
  if (!source.enabled) return "off";
  if (source.circuit === "open") return "open";
  return source.last?.outcome ?? "never";
}
