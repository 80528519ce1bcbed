/** A registration that is looked at first, and then made: both are the same request, the first with `dry_run`. */
import { useState } from "preact/hooks";
import { send } from "../../api";
import { placeOf } from "../../kinds";
import type { Asset, JsonObject, Kind } from "../../types";

export interface Finding {
  rule: string;
  severity: string;
  confidence?: string;
  field: string;
  message: string;
  evidence?: string;
  remediation?: string;
  tier?: string;
  fingerprint?: string;
}

export interface Looked extends Asset {
  scan: { verdict: "pass" | "review" | "block"; findings?: Finding[] };
  duplicates: { path: string; reason: "url" | "tools" | "meaning"; score: number }[];
  card_lacks?: string[];
  server_info?: { name?: string; version?: string; title?: string };
  resources?: unknown[];
  resource_templates?: unknown[];
  prompts?: unknown[];
  frontmatter?: JsonObject;
  files?: Record<string, string>;
  pinned?: JsonObject | null;
}

export interface Looking {
  looked: Looked | undefined;
  error: unknown;
  busy: "look" | "save" | null;
  /** Whether what was looked at is what would be sent now. */
  fresh: (body: JsonObject) => boolean;
  look: (body: JsonObject) => Promise<Looked | undefined>;
  save: (body: JsonObject) => Promise<Asset | undefined>;
}

export function useLooking(kind: Kind): Looking {
  const [state, setState] = useState<{ looked?: Looked; error?: unknown; of?: string }>({});
  const [busy, setBusy] = useState<"look" | "save" | null>(null);
  const ask = async <T>(what: "look" | "save", body: JsonObject): Promise<T | undefined> => {
    setBusy(what);
    try {
      return await send<T>("POST", `/${placeOf(kind)}`, what === "look" ? { ...body, dry_run: true } : body);
    } catch (error) {
      setState({ error });
      return undefined;
    } finally {
      setBusy(null);
    }
  };
  const look = async (body: JsonObject) => {
    const looked = await ask<Looked>("look", body);
    if (looked) setState({ looked, of: told(body) });
    return looked;
  };
  return { ...{ looked: state.looked, error: state.error }, busy, fresh: (body) => state.of === told(body), look, save: (body) => ask<Asset>("save", body) };
}

/** What of a registration the look depends on: an owner or a tag changes no verdict that a person waits for. */
function told(body: JsonObject): string {
  const { url, transport, command, args, card, content, type, data, tools, credential, fetch, path } = body;
  return JSON.stringify({ url, transport, command, args, card, content, type, data, tools, credential, fetch, path });
}

/** Words that say how a server is reached and not what it is; as the command line has them. */
const PLUMBING = new Set(["mcp", "sse", "api", "v1", "v2", "www", "com", "org", "net", "io", "http", "https", "server", "servers", "a2a", "blob", "tree", "main", "master", "skill.md", "agent-card.json", "agent.json", ".well-known"]);

/** A path for something by its URL: the last telling segment, else the first telling label of its host. */
export function pathOf(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "";
  }
  const telling = (parts: string[]) => parts.map((each) => each.toLowerCase()).filter((each) => each && !PLUMBING.has(each));
  const segment = telling(url.pathname.split("/")).at(-1);
  const bare = /^[0-9.]+$|^\[/.test(url.hostname) || url.hostname === "localhost";
  const host = bare ? [url.hostname, url.port].filter(Boolean).join("-") : telling(url.hostname.split(".").slice(0, -1))[0];
  return asPath(segment ?? host ?? "");
}

/** Any words as a path. */
export function asPath(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "")
    .replace(/-+$/, "")
    .slice(0, 64);
}

export function listed(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
}

export function lines(text: string): string[] {
  return text.split("\n").filter((each) => each.trim());
}
