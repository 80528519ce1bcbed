import { placeOf } from "../../kinds";
import { useRead } from "../../store";
import { assetTexts } from "../../strings/asset";
import { Badge, Health, Stage } from "../../ui/badge";
import { Copy } from "../../ui/code";
import { Section, Time } from "../../ui/facts";
import { ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import type { AssetProps, Version } from "./types";

const texts = assetTexts.versions;
const { columns } = texts;

/** The versions side by side: which answers by default, and which end when. */
export default function Versions({ asset }: AssetProps) {
  const read = useRead<{ versions: Version[] }>(`/${placeOf(asset.kind)}/${encodeURIComponent(asset.path)}/versions`);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={4} />;
  const { versions } = read.data;
  const called = versions.filter((each) => each.endpoint);
  return (
    <>
      <Section title={texts.list}>
        <Table label={texts.list} columns={COLUMNS} items={versions} keyOf={(each) => each.version} />
      </Section>
      {called.length > 0 && (
        <Section title={texts.endpoints}>
          <ul class="plain-list">
            {called.map((each) => (
              <li key={each.version} class="spread">
                <code>{each.endpoint}</code>
                <Copy text={each.endpoint ?? ""} />
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function State({ version }: { version: Version }) {
  return (
    <span class="badges">
      {version.default && <Badge tone="accent">{texts.default}</Badge>}
      {version.deprecated && <Badge tone="warn">{texts.deprecated(version.successor ?? null)}</Badge>}
      {!version.enabled && <Badge>{texts.off}</Badge>}
      {version.sunset && new Date(version.sunset).getTime() <= Date.now() && <Badge tone="bad">{texts.over}</Badge>}
    </span>
  );
}

const COLUMNS: Column<Version>[] = [
  { id: "version", label: columns.version, cell: (each) => <code>{each.version}</code>, width: 140 },
  { id: "state", label: columns.state, cell: (each) => <State version={each} /> },
  { id: "stage", label: columns.stage, cell: (each) => <Stage stage={each.stage} />, width: 168, from: "m" },
  { id: "health", label: columns.health, cell: (each) => <Health health={each.health} />, width: 132, from: "m" },
  { id: "ends", label: columns.ends, cell: (each) => each.sunset && <Time at={each.sunset} />, width: 120 },
  { id: "pinned", label: columns.pinned, cell: (each) => each.pinned_by.join(", "), width: 160, from: "l" },
];
