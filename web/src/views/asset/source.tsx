import { Icon } from "../../icons";
import { assetTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { Badge } from "../../ui/badge";
import type { More } from "./types";

const { sources } = assetTexts;
const OFFICIAL = "registry.modelcontextprotocol.io";

/** What kind of place an asset comes from, in words; undefined for what was registered here. */
export function placeOfOrigin(asset: Asset): string | undefined {
  const { source, kind, url } = asset.provenance;
  if (source !== "local") {
    if (kind === "mcp-registry" && url && hostOf(url) === OFFICIAL) return sources.official;
    return sources[kind as keyof typeof sources] ?? sources.imported;
  }
  return (asset as More).pinned ? sources.git : undefined;
}

/** A badge that says where an asset comes from, where that is not this registry. */
export function SourceBadge({ asset }: { asset: Asset }) {
  const place = placeOfOrigin(asset);
  if (!place) return null;
  const { source } = asset.provenance;
  const name = source === "local" ? (asset as More).pinned?.host : source;
  return (
    <Badge tone="accent">
      <Icon name="import" size={12} />
      {name && name !== place ? assetTexts.sourceTitle(place, name) : place}
    </Badge>
  );
}

function hostOf(url: string): string | undefined {
  try {
    return new URL(url).hostname;
  } catch {
    return undefined;
  }
}
