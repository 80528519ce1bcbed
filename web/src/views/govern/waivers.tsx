import { useMay } from "../../me";
import { useRead } from "../../store";
import { governTexts } from "../../strings/govern";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { unwaive } from "./finding";
import { AssetLink } from "./shared";
import type { Waiver } from "./types";

const { findings } = governTexts;
const { columns } = findings;

/** What was let pass, and until when. */
export function Waivers() {
  const read = useRead<{ waivers: Waiver[] }>("/waivers");
  const may = useMay("approve");
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={5} />;
  if (!read.data.waivers.length) {
    return (
      <EmptyState icon="shield" title={findings.noWaivers}>
        {findings.noWaiversText}
      </EmptyState>
    );
  }
  const shown = may ? [...COLUMNS, ACT] : COLUMNS;
  return <Table label={findings.tabs.waivers} columns={shown} items={read.data.waivers.toSorted((a, b) => a.until.localeCompare(b.until))} keyOf={keyOf} />;
}

function keyOf(waiver: Waiver): string {
  return `${waiver.asset}#${waiver.fingerprint}`;
}

const COLUMNS: Column<Waiver>[] = [
  { id: "asset", label: columns.asset, cell: (each) => <AssetLink of={each.asset} item />, width: 180 },
  { id: "message", label: columns.message, cell: (each) => <span title={each.message}>{each.message}</span>, from: "m" },
  { id: "reason", label: columns.reason, cell: (each) => <span title={each.reason}>{each.reason}</span>, from: "l" },
  { id: "by", label: columns.by, cell: (each) => each.by, width: 140, from: "l" },
  { id: "until", label: columns.until, cell: (each) => <Time at={each.until} />, width: 120 },
];

const ACT: Column<Waiver> = {
  id: "act",
  label: columns.state,
  cell: (each) => (
    <Button small onClick={() => void unwaive(each)}>
      {findings.unwaive}
    </Button>
  ),
  width: 152,
};
