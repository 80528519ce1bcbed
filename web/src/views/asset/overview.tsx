import { milliseconds, words } from "../../format";
import { viewOf } from "../../kinds";
import { Link } from "../../router";
import { assetTexts } from "../../strings/asset";
import type { Asset, Json, JsonObject } from "../../types";
import { Badge, Health, Risk } from "../../ui/badge";
import { Copy, JsonBlock } from "../../ui/code";
import { Elsewhere, Facts, Prose, Section, Tags, Time, type Fact } from "../../ui/facts";
import { Upstream } from "../../ui/upstream";
import { Quality, RepositoryFacts } from "./quality";
import { Rating } from "./rating";
import { placeOfOrigin } from "./source";
import type { More } from "./types";

const { facts } = assetTexts;

/** What it is, who answers for it, where it is, and how good. */
export function Overview({ asset }: { asset: Asset & More }) {
  return (
    <div class="two">
      <div>
        {asset.endpoint && (
          <Section title={assetTexts.endpoint} action={<Copy text={asset.endpoint} />}>
            <code class="endpoint">{asset.endpoint}</code>
          </Section>
        )}
        {asset.instructions && asset.instructions !== asset.description && (
          <Section title={assetTexts.about}>
            <Prose text={asset.instructions} />
          </Section>
        )}
        {asset.parts && asset.parts.length > 0 && <Parts parts={asset.parts} />}
        {asset.kind === "entity" && asset.data && <Data data={asset.data} />}
        <Section title={assetTexts.governance}>
          <Facts facts={governance(asset)} />
        </Section>
        <Quality asset={asset} />
        <RepositoryFacts asset={asset} />
      </div>
      <aside aria-label={assetTexts.about}>
        <Facts facts={about(asset)} />
        {asset.tags.length > 0 && <Tags tags={asset.tags} />}
        <Rating asset={asset} />
      </aside>
    </div>
  );
}

function Parts({ parts }: { parts: NonNullable<More["parts"]> }) {
  return (
    <Section title={assetTexts.parts}>
      <ul class="plain-list part-list">
        {parts.map((part) => (
          <li key={`${part.server}@${part.version}`}>
            <Link to={viewOf({ kind: "server", path: part.server })}>{part.server}</Link>
            <span class="quiet">
              {part.version ?? ""} · {assetTexts.partTools(part.tools)}
            </span>
            {part.problem ? <Badge tone="warn">{part.problem}</Badge> : <Health health={part.health} />}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** What an entity holds: plain members as facts, the rest as JSON. */
function Data({ data }: { data: JsonObject }) {
  const members = Object.entries(data);
  const plain = members.filter(([, value]) => value === null || typeof value !== "object");
  const others = members.filter(([, value]) => value !== null && typeof value === "object");
  return (
    <Section title={assetTexts.data}>
      <Facts facts={plain.map(([name, value]): Fact => [words(name), <Plain value={value} />])} />
      {others.map(([name, value]) => (
        <JsonBlock key={name} title={words(name)} value={value} />
      ))}
    </Section>
  );
}

function Plain({ value }: { value: Json }) {
  if (typeof value === "string") return /^https?:\/\//.test(value) ? <Elsewhere url={value} /> : <Upstream text={value} />;
  return <>{JSON.stringify(value)}</>;
}

function about(asset: Asset & More): Fact[] {
  const report = asset.health_report;
  const { pinned } = asset;
  return [
    [facts.path, <code>{asset.path}</code>],
    [facts.version, asset.version],
    [facts.transport, asset.transport],
    [facts.protocol, asset.protocol_version],
    [facts.backend, asset.url && <Elsewhere url={asset.url} />],
    [facts.checked, report?.checked_at && <Time at={report.checked_at} />],
    [facts.latency, report?.latency_ms != null && report.checked_at ? milliseconds(report.latency_ms) : undefined],
    [facts.repository, pinned && `${pinned.host}/${pinned.repository}`],
    [facts.commit, pinned && <code>{pinned.commit.slice(0, 12)}</code>],
    [facts.documentation, asset.documentation_url && <Elsewhere url={asset.documentation_url} />],
    [facts.updated, <Time at={asset.updated_at} />],
    [facts.registered, <Time at={asset.created_at} />],
  ];
}

function governance(asset: Asset & More): Fact[] {
  const { source, url } = asset.provenance;
  const place = placeOfOrigin(asset);
  return [
    [facts.visibility, asset.visibility === "public" ? assetTexts.everybody : asset.groups.join(", ") || words(asset.visibility)],
    [facts.owner, asset.owner_team],
    [facts.technical, asset.technical_owner],
    [facts.capability, asset.business_capability],
    [facts.environment, asset.environment],
    [facts.risk, asset.risk_level && <Risk level={asset.risk_level} />],
    [facts.data, asset.data_classification && words(asset.data_classification)],
    [facts.license, asset.license],
    [facts.approval, asset.requires_approval?.join(", ")],
    [facts.source, place ? <>{source === "local" ? place : assetTexts.sourceTitle(place, source)} {url && <Elsewhere url={url} />}</> : assetTexts.sources.local],
  ];
}
