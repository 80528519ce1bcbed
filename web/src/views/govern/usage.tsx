import { count, milliseconds } from "../../format";
import { navigate, usePlace, withParams, type Params } from "../../router";
import { useLatest } from "../../store";
import { governTexts } from "../../strings/govern";
import { Time } from "../../ui/facts";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Segments, Tabs } from "../../ui/tabs";
import { series, summed, within } from "./figures";
import { Plot } from "./plot";
import { AssetLink } from "./shared";
import type { UsageAnswer, UsageRow } from "./types";
import "./govern.css";

const { usage } = governTexts;
type View = keyof typeof usage.view;
type Days = keyof typeof usage.spans;
const VIEWS = Object.keys(usage.view) as View[];
const MOST = 200;
/** So long the registry keeps usage by the hour, unless it is told otherwise. */
const HOURLY = 7;

/** What is called, how often and how well, as far as one may see it. */
export default function Usage({ params }: { params: Params }) {
  const { query } = usePlace();
  const view = VIEWS.find((each) => each === params["view"]) ?? "popular";
  const asked = query.get("days") ?? "7";
  const days = (asked in usage.spans ? asked : "7") as Days;
  const hourly = Number(days) <= HOURLY;
  const periods = useLatest<UsageAnswer>("/usage", { view: "periods", days, hourly });
  const ranked = useLatest<UsageAnswer>("/usage", { view, days, limit: MOST });
  const suffix = days === "7" ? "" : `?days=${days}`;
  const tabs = VIEWS.map((id) => ({ id, label: usage.view[id], to: `/usage${id === "popular" ? "" : `/${id}`}${suffix}` }));
  return (
    <Page
      title={usage.title}
      below={`${usage.lead} ${usage.shown}`}
      actions={
        <Segments
          label={usage.span}
          value={days}
          onValue={(next) => navigate(withParams({ days: next === "7" ? null : next }), { replace: true })}
          choices={(Object.keys(usage.spans) as Days[]).map((value) => ({ value, label: usage.spans[value] }))}
        />
      }
    >
      {periods.data ? <Overview answer={periods.data} hourly={hourly} days={Number(days)} /> : periods.error ? null : <Skeleton lines={5} />}
      <Tabs label={usage.views} tabs={tabs} current={view} />
      {!ranked.data && (ranked.error ? <ErrorState error={ranked.error} again={ranked.again} /> : <Skeleton lines={6} />)}
      {ranked.data && (ranked.data.rows.length ? <Ranked rows={ranked.data.rows} view={view} /> : <None view={view} />)}
    </Page>
  );
}

function Overview({ answer, hourly, days }: { answer: UsageAnswer; hourly: boolean; days: number }) {
  const sum = summed(answer.rows);
  const bounds = answer.buckets_ms;
  const points = series(answer.rows, hourly, hourly ? days * 24 : days, new Date());
  return (
    <>
      <dl class="tiles">
        <Tile label={usage.calls} value={count(sum.calls)} />
        <Tile label={usage.failed} value={count(sum.errors)} note={sum.calls ? share(sum.errors / sum.calls) : ""} />
        <Tile label={usage.half} value={took(within(sum, bounds, 0.5))} />
        <Tile label={usage.most} value={took(within(sum, bounds, 0.95))} />
      </dl>
      <Plot points={points} title={hourly ? usage.perHour : usage.perDay} />
    </>
  );
}

export function Tile({ label, value, note }: { label: string; value: string; note?: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {value} {note && <span class="quiet">{note}</span>}
      </dd>
    </div>
  );
}

function took(bound: number | null | undefined): string {
  return bound === undefined ? "–" : bound === null ? usage.over : milliseconds(bound);
}

function share(value: number): string {
  return new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 }).format(value);
}

function None({ view }: { view: View }) {
  if (view === "unused") return <EmptyState icon="check" title={usage.allUsed} />;
  if (view === "errors") return <EmptyState icon="check" title={usage.noErrors} />;
  return (
    <EmptyState icon="chart" title={usage.none}>
      {usage.noneText}
    </EmptyState>
  );
}

function Ranked({ rows, view }: { rows: UsageRow[]; view: View }) {
  return <Table label={usage.label} columns={view === "unused" ? COLUMNS.slice(0, 1) : COLUMNS} items={rows} keyOf={(row) => row.name} />;
}

const { columns } = usage;
const COLUMNS: Column<UsageRow>[] = [
  { id: "name", label: columns.name, cell: (row) => <AssetLink of={row.name} item /> },
  { id: "calls", label: columns.calls, cell: (row) => count(row.calls), number: true, width: 96 },
  { id: "errors", label: columns.errors, cell: (row) => count(row.errors), number: true, width: 96, from: "m" },
  { id: "rate", label: columns.rate, cell: (row) => (row.calls ? share(row.errors / row.calls) : ""), number: true, width: 88 },
  { id: "p50", label: columns.p50, cell: (row) => took(row.calls ? row.p50_ms : undefined), number: true, width: 112, from: "l" },
  { id: "p95", label: columns.p95, cell: (row) => took(row.calls ? row.p95_ms : undefined), number: true, width: 112, from: "m" },
  { id: "last", label: columns.last, cell: (row) => row.last && <Time at={row.last} />, width: 136, from: "l" },
];
