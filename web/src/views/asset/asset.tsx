import { useRead } from "../../store";
import { Icon } from "../../icons";
import { kindAt, placeOf, viewOf } from "../../kinds";
import { Link, usePlace, type Params } from "../../router";
import { useMe } from "../../me";
import { strings } from "../../strings";
import { assetTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { Health, Stage } from "../../ui/badge";
import { later } from "../../ui/later";
import { Page } from "../../ui/page";
import { ErrorState, Skeleton } from "../../ui/states";
import { Tabs, type Tab } from "../../ui/tabs";
import { Upstream } from "../../ui/upstream";
import { AssetActs } from "../register/asset-acts";
import { Connect } from "./connect";
import { Overview } from "./overview";
import { SourceBadge } from "./source";
import { countOf, tabsOf } from "./tabs";
import { Tools } from "./tools";
import { TryTool } from "./try-tool";
import "./asset.css";
import "./review.css";

const Card = later(() => import("./card"));
const Changes = later(() => import("./changes"));
const Files = later(() => import("./files"));
const Findings = later(() => import("./findings"));
const HealthOf = later(() => import("./health"));
const Offers = later(() => import("./offers"));
const Trail = later(() => import("./trail"));
const Usage = later(() => import("./usage"));
const Versions = later(() => import("./versions"));
const Who = later(() => import("./who"));

/** One asset, whatever its kind. */
export default function AssetView({ params }: { params: Params }) {
  const { path: address } = usePlace();
  const kind = kindAt(address.split("/")[1] ?? "") ?? "server";
  const path = params["path"] ?? "";
  const read = useRead<Asset>(`/${placeOf(kind)}/${encodeURIComponent(path)}`);
  if (!read.data) {
    if (!read.error) return <Skeleton lines={8} />;
    return (
      <Page title={path}>
        <ErrorState error={read.error} again={read.again} />
      </Page>
    );
  }
  return <Shown key={`${kind}/${path}`} asset={read.data} tab={params["tab"]} />;
}

function Shown({ asset, tab }: { asset: Asset; tab: string | undefined }) {
  const ids = tabsOf(asset, useMe().standing.actions);
  const current = ids.find((each) => each === tab) ?? "overview";
  const tabs: Tab[] = ids.map((id) => ({
    id,
    label: assetTexts.tabs[id],
    count: countOf(asset, id),
    to: viewOf(asset, id === "overview" ? "" : id),
  }));
  return (
    <Page title={asset.title || asset.name} above={<Above asset={asset} />} beside={<Beside asset={asset} />} actions={<AssetActs asset={asset} />} below={asset.description && <Upstream text={asset.description} />}>
      {tabs.length > 1 && <Tabs label={assetTexts.sections} tabs={tabs} current={current} />}
      <Notice asset={asset} />
      {current === "overview" && <Overview asset={asset} />}
      {current === "tools" && <Tools asset={asset} />}
      {current === "connect" && <Connect asset={asset} />}
      {current === "try" && <TryTool asset={asset} />}
      {current === "skills" && <Card asset={asset} />}
      {current === "files" && <Files asset={asset} />}
      {current === "offers" && <Offers asset={asset} />}
      {current === "versions" && <Versions asset={asset} />}
      {current === "health" && <HealthOf asset={asset} />}
      {current === "usage" && <Usage asset={asset} />}
      {current === "findings" && <Findings asset={asset} />}
      {current === "changes" && <Changes asset={asset} />}
      {current === "who" && <Who asset={asset} />}
      {current === "trail" && <Trail asset={asset} />}
    </Page>
  );
}

function Above({ asset }: { asset: Asset }) {
  const query = asset.kind === "entity" && asset.type ? `kind=entity&type=${encodeURIComponent(asset.type)}` : `kind=${asset.kind}`;
  return (
    <>
      <Link to={`/?${query}`}>{asset.kind === "entity" ? asset.type : strings.kinds[asset.kind].many}</Link>
      <Icon name="right" size={12} />
      <span>{asset.path}</span>
    </>
  );
}

function Beside({ asset }: { asset: Asset }) {
  return (
    <>
      {(asset.kind === "server" || asset.kind === "agent" || asset.kind === "virtual_server") && <Health health={asset.health} />}
      <Stage stage={asset.stage} />
      <SourceBadge asset={asset} />
    </>
  );
}

function Notice({ asset }: { asset: Asset }) {
  if (asset.enabled) return null;
  return (
    <p class="notice warn">
      <Icon name="warning" />
      {asset.held_by_scan ? assetTexts.held : assetTexts.off}
    </p>
  );
}
