/** What it takes to register an asset again: read before it is deleted, so that the deletion can be taken back. */
import { at, get, send } from "../../api";
import { placeOf } from "../../kinds";
import type { Asset, Json, JsonObject } from "../../types";

const GOVERNANCE = [
  "license", "owner_team", "technical_owner", "business_capability", "environment", "risk_level", "data_classification",
  "health_url", "documentation_url", "repository_url", "icons", "metadata", "retirement_date", "requires_approval",
] as const;

export interface Restoring {
  body: JsonObject;
  /** Whether it is switched on: what comes back is as it was. */
  enabled: boolean;
}

/** The registration that an asset would need; null where not all of it is to be read. */
export async function restoring(asset: Asset): Promise<Restoring | null> {
  const known = asset as unknown as Record<string, Json | undefined>;
  const all = { path: asset.path, tags: asset.tags.filter((tag) => tag !== "security-pending"), groups: asset.groups };
  const said = Object.fromEntries(GOVERNANCE.filter((name) => !empty(known[name])).map((name) => [name, known[name]])) as JsonObject;
  const more = { version: asset.version, ...(asset.visibility !== "group" && { visibility: asset.visibility }), ...(asset.title && { title: asset.title }) };
  const body = await bodyOf(asset, known, all, { ...said, ...more });
  return body && { body, enabled: asset.enabled || Boolean(asset.held_by_scan) };
}

async function bodyOf(asset: Asset, known: Record<string, Json | undefined>, all: JsonObject, governance: JsonObject): Promise<JsonObject | null> {
  const { title: _, ...plain } = governance;
  if (asset.kind === "server") {
    const named = { ...all, ...plain, name: asset.name, description: asset.description, transport: asset.transport ?? "streamable-http" };
    const recipe = { command: asset.command ?? null, args: asset.args ?? [], env: asset.env ?? [] };
    if (asset.transport === "stdio") return known["manifest"] && !asset.command ? null : { ...named, ...recipe, tools: known["tools"] ?? [] };
    return known["fetched_at"] ? { ...named, url: asset.url ?? null } : { ...named, url: asset.url ?? null, fetch: false, tools: known["tools"] ?? [] };
  }
  if (asset.kind === "virtual_server") return { ...all, ...governance, name: asset.name, description: asset.description, tools: members(known) };
  if (asset.kind === "agent") return { ...all, governance, ...(known["card_url"] ? { url: known["card_url"] } : { card: asset.card ?? {} }) };
  if (asset.kind === "entity") return { ...all, governance, type: asset.type ?? "", data: asset.data ?? {} };
  return asset.url ? { ...all, governance, url: asset.url } : { ...all, governance, ...(await texts(asset.path)) };
}

function members(known: Record<string, Json | undefined>): Json[] {
  const tools = (known["tools"] ?? []) as { server?: string; tool?: string; name: string; version?: string; scopes?: string[] }[];
  return tools.filter((each) => each.server && each.tool).map(({ server, tool, name, version, scopes }) => ({ server: server!, tool: tool!, alias: name, ...(version && { version }), ...(scopes?.length && { scopes }) }));
}

interface Content {
  content: string;
  resources: string[];
}

async function texts(path: string): Promise<JsonObject> {
  const skill = await get<Content>(`${at("skills", path)}/content`);
  const names = skill.resources.filter((each) => each !== "SKILL.md");
  const read = await Promise.all(names.map((resource) => get<Content>(`${at("skills", path)}/content`, { query: { resource } })));
  return { content: skill.content, files: Object.fromEntries(names.map((name, index) => [name, read[index]?.content ?? ""])) };
}

/** Register it again. */
export async function restore(asset: Asset, { body, enabled }: Restoring): Promise<void> {
  await send("POST", `/${placeOf(asset.kind)}`, body);
  if (!enabled) await send("PUT", `${at(placeOf(asset.kind), asset.path)}/enabled`, { enabled: false });
}

function empty(value: Json | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && !value.length) || (typeof value === "object" && !Object.keys(value).length);
}
