/** Kinds of assets: where each is in the API and in the page. */
import type { Kind } from "./types";

const PLACES: Record<Kind, string> = {
  server: "servers",
  agent: "agents",
  skill: "skills",
  virtual_server: "virtual-servers",
  entity: "entities",
};

export const KINDS = Object.keys(PLACES) as Kind[];

/** The collection of a kind, in paths of the API and of the page alike. */
export function placeOf(kind: Kind): string {
  return PLACES[kind];
}

export function kindAt(place: string): Kind | undefined {
  return KINDS.find((kind) => PLACES[kind] === place);
}

/** The view of an asset, to be given to Link. */
export function viewOf(asset: { kind: Kind; path: string }, tab = ""): string {
  return `/${placeOf(asset.kind)}/${encodeURIComponent(asset.path)}${tab ? `/${tab}` : ""}`;
}
