import { count, milliseconds } from "../../format";
import { useMay } from "../../me";
import { navigate, usePlace, withParams } from "../../router";
import { useLatest } from "../../store";
import { assetTexts } from "../../strings/asset";
import { Facts, Section, Time } from "../../ui/facts";
import { Bars, Curves } from "../../ui/plot";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Segments } from "../../ui/tabs";
import type { AssetProps, UsageRow } from "./types";

const texts = assetTexts.usage;
type Span = keyof typeof texts.spans;
const SPANS = Object.keys(texts.spans) as Span[];

/** How often it is called, how well that goes, and how long it takes. */
export default function Usage({ asset }: AssetProps) {
  const { query } = usePlace();
  const span = SPANS.find((each) => each === query.get("span")) ?? "30";
  const hourly = span === "2h";
  const read = useLatest<{ rows: UsageRow[] }>("/usage", { kind: asset.kind, path: asset.path, days: hourly ? 2 : span, hourly: hourly || null });
  const rows = (of: UsageRow["of"]) => read.data?.rows.filter((each) => each.of === of) ?? [];
  const [total] = rows("asset");
  return (
    <>
      <div class="span">
        <Segments
          label={texts.span}
          value={span}
          onValue={(next) => navigate(withParams({ span: next === "30" ? null : next }), { replace: true })}
          choices={SPANS.map((value) => ({ value, label: texts.spans[value] }))}
        />
      </div>
      {!read.data ? (
        read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={8} />
      ) : total?.calls ? (
        <Shown total={total} periods={filled(rows("period"), hourly, hourly ? 2 : Number(span))} tools={rows("tool")} callers={rows("caller")} />
      ) : (
        <EmptyState icon="chart" title={texts.none}>
          {texts.noneText}
        </EmptyState>
      )}
    </>
  );
}

interface ShownProps {
  total: UsageRow;
  periods: UsageRow[];
  tools: UsageRow[];
  callers: UsageRow[];
}

function Shown({ total, periods, tools, callers }: ShownProps) {
  const audits = useMay("audit");
  const used = periods.filter((each) => each.calls);
  const worst = (of: "p50_ms" | "p95_ms") => bound(used.some((each) => each[of] == null) ? null : Math.max(...used.map((each) => each[of] ?? 0)));
  const ends = [named(periods[0]?.name ?? ""), named(periods.at(-1)?.name ?? "")] as const;
  return (
    <>
      <div class="figures">
        <Facts
          facts={[
            [texts.calls, count(total.calls)],
            [texts.share, `${count(total.errors)} (${Math.round((100 * total.errors) / total.calls)} %)`],
            [texts.average, total.average_ms != null ? milliseconds(total.average_ms) : undefined],
            [texts.half, bound(total.p50_ms)],
            [texts.most, bound(total.p95_ms)],
            [texts.last, total.last && <Time at={total.last} />],
          ]}
        />
      </div>
      <div class="plots">
        <Section title={texts.calls}>
          <Bars label={texts.plot(count(total.calls), count(total.errors), ...ends)} named={named} bars={periods.map((each) => ({ name: each.name, value: each.calls, bad: each.errors }))} />
        </Section>
        <Section title={texts.latency}>
          <Curves
            label={texts.latencyPlot(worst("p50_ms"), worst("p95_ms"))}
            names={periods.map((each) => each.name)}
            named={named}
            unit={milliseconds}
            curves={[
              { name: texts.half, values: periods.map((each) => (each.calls ? (each.p50_ms ?? null) : null)) },
              { name: texts.most, values: periods.map((each) => (each.calls ? (each.p95_ms ?? null) : null)) },
            ]}
          />
        </Section>
      </div>
      <details class="fold">
        <summary>{texts.byTime}</summary>
        <Table label={texts.byTime} columns={columnsOf(texts.time, named)} items={used} keyOf={(each) => each.name} />
      </details>
      {tools.length > 0 && (
        <Section title={texts.byTool}>
          <Table label={texts.byTool} columns={columnsOf(texts.tool)} items={tools} keyOf={(each) => each.name} />
        </Section>
      )}
      {callers.length > 0 && (
        <Section title={texts.byCaller}>
          <Table label={texts.byCaller} columns={columnsOf(texts.caller)} items={callers} keyOf={(each) => each.name} />
          {!audits && <p class="quiet">{texts.yours}</p>}
        </Section>
      )}
    </>
  );
}

function columnsOf(first: string, name: (text: string) => string = (text) => text): Column<UsageRow>[] {
  return [
    { id: "name", label: first, cell: (each) => name(each.name) },
    { id: "calls", label: texts.calls, cell: (each) => count(each.calls), number: true, width: 96 },
    { id: "errors", label: texts.errors, cell: (each) => count(each.errors), number: true, width: 88 },
    { id: "half", label: texts.half, cell: (each) => bound(each.p50_ms), number: true, width: 168, from: "m" },
    { id: "most", label: texts.most, cell: (each) => bound(each.p95_ms), number: true, width: 152, from: "m" },
  ];
}

function bound(value: number | null | undefined): string {
  return value == null ? texts.above : milliseconds(value);
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

/** `2026-11-21` or `2026-11-21T04` as people say it. */
function named(period: string): string {
  const time = new Date(period.length > 10 ? `${period.slice(0, 13)}:00:00Z` : `${period}T00:00:00Z`);
  return Number.isNaN(time.getTime()) ? period : (period.length > 10 ? hour : day).format(time);
}

/** Every period of the time, those without a call too, the latest last. */
function filled(rows: UsageRow[], hourly: boolean, days: number): UsageRow[] {
  const known = new Map(rows.map((each) => [each.name.slice(0, hourly ? 13 : 10), each]));
  const step = hourly ? 3_600_000 : 86_400_000;
  const found: UsageRow[] = [];
  for (let index = (hourly ? days * 24 : days) - 1; index >= 0; index--) {
    const name = new Date(Date.now() - index * step).toISOString().slice(0, hourly ? 13 : 10);
    found.push(known.get(name) ?? { of: "period", name, calls: 0, errors: 0 });
  }
  return found;
}
