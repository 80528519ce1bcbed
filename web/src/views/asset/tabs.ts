/** Which tabs an asset has, for whoever looks at it. */
import { assetTexts } from "../../strings/asset";
import type { Asset, Kind } from "../../types";
import { offersOf } from "./offers";

export type TabId = keyof typeof assetTexts.tabs;

/** In order; the first one is at the asset's own address. */
const TABS: Record<Kind, TabId[]> = {
  server: ["overview", "tools", "offers", "connect", "try", "versions", "health", "usage", "findings", "changes", "who", "trail"],
  virtual_server: ["overview", "tools", "offers", "connect", "try", "versions", "health", "usage", "findings", "who", "trail"],
  agent: ["overview", "skills", "connect", "versions", "health", "usage", "findings", "changes", "who", "trail"],
  skill: ["overview", "files", "connect", "versions", "findings", "changes", "who", "trail"],
  entity: ["overview", "versions", "findings", "who", "trail"],
};

/** What a tab is of no use without: one of these actions. */
const NEEDS: Partial<Record<TabId, string[]>> = {
  findings: ["scan"],
  changes: ["approve", "update", "scan"],
  trail: ["audit"],
};

export function tabsOf(asset: Asset, actions: string[]): TabId[] {
  return TABS[asset.kind].filter((id) => NEEDS[id]?.some((each) => actions.includes(each)) ?? true);
}

export function countOf(asset: Asset, id: TabId): number | undefined {
  if (id === "tools") return asset.tools?.length;
  if (id === "skills") return asset.skills?.length;
  if (id === "changes") return Object.keys(asset.held ?? {}).length || undefined;
  return id === "offers" ? offersOf(asset) : undefined;
}
