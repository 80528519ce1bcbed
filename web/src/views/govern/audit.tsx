import { useMemo } from "preact/hooks";
import { milliseconds } from "../../format";
import { Icon } from "../../icons";
import { useRemembered } from "../../remembered";
import { Link, usePlace, withParams } from "../../router";
import { strings } from "../../strings";
import { governTexts } from "../../strings/govern";
import { Badge, type Tone } from "../../ui/badge";
import { IconButton } from "../../ui/button";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Segments } from "../../ui/tabs";
import { VirtualList } from "../../ui/virtual-list";
import { Chain } from "./audit-chain";
import { AuditFilters } from "./audit-filters";
import { Export } from "./audit-export";
import { asked, kept } from "./audit-query";
import { Record } from "./audit-record";
import { usePages } from "./pages";
import { Moment, Split } from "./shared";
import type { AuditEvent, AuditPage } from "./types";
import "./govern.css";

const { ui } = strings;
const { audit } = governTexts;
type Look = "timeline" | "table";
/** A line of the timeline: see `.moment` in governTexts.css. */
const LINE = 48;
const PAGE = 100;

/** The audit trail: narrowed down, read as a story or as a table, checked, and taken along. */
export default function Audit() {
  const { query } = usePlace();
  const [look, setLook] = useRemembered<Look>("audit.look", "timeline");
  const filters = kept(query);
  const wanted = useMemo(() => asked(query, Date.now()), [filters]);
  const pages = usePages<AuditPage, AuditEvent>("/audit/events", { ...wanted, limit: PAGE }, (page) => page.events);
  const record = query.get("record");
  const events = pages.items ?? [];
  return (
    <Page title={audit.title} below={audit.lead} actions={<Export wanted={wanted} />}>
      <Chain />
      <AuditFilters query={query} />
      <div class="bar">
        <Segments
          label={audit.look}
          value={look}
          onValue={setLook}
          choices={[
            { value: "timeline", label: audit.looks.timeline },
            { value: "table", label: audit.looks.table },
          ]}
        />
        <IconButton icon="refresh" label={governTexts.refresh} aria-busy={pages.loading || undefined} onClick={pages.again} />
        <span class="quiet" role="status">
          {pages.loading ? ui.loading : ""}
        </span>
      </div>
      {!pages.items && (pages.error ? <ErrorState error={pages.error} again={pages.again} /> : <Skeleton lines={8} />)}
      {pages.items && (
        <Split
          list={events.length ? <Shown look={look} events={events} current={record} total={pages.total} more={pages.more} /> : <None />}
          detail={record ? <Record id={record} at={query.get("at")} events={events} /> : null}
        />
      )}
    </Page>
  );
}

function None() {
  return (
    <EmptyState icon="clock" title={audit.none}>
      {audit.noneText}
    </EmptyState>
  );
}

interface ShownProps {
  look: Look;
  events: AuditEvent[];
  current: string | null;
  total: number;
  more: () => void;
}

function Shown({ look, events, current, total, more }: ShownProps) {
  if (look === "table") {
    return <Table label={audit.label} columns={columnsOf(current)} items={events} total={total} keyOf={(each) => each.id} onEnd={more} />;
  }
  return (
    <VirtualList label={audit.label} items={events} total={total} rowHeight={LINE} keyOf={(each) => each.id} onEnd={more}>
      {(event) => <Line event={event} current={current} />}
    </VirtualList>
  );
}

const TONES: { [outcome: string]: Tone } = { ok: "good", refused: "bad", failed: "warn", error: "warn", tool_error: "warn", upstream_failed: "warn" };

export function Outcome({ event }: { event: AuditEvent }) {
  return <Badge tone={TONES[event.outcome] ?? "neutral"}>{event.outcome.replaceAll("_", " ")}</Badge>;
}

/** What an act was on, as `kind/path` and the tool. */
export function whatOf(event: AuditEvent): string {
  const asset = event.kind && event.asset ? `${event.kind}/${event.asset}` : (event.asset ?? "");
  return event.tool ? `${asset} ${event.tool}`.trim() : asset;
}

function toRecord(event: AuditEvent): string {
  return withParams({ record: event.id, at: event.time });
}

function Line({ event, current }: { event: AuditEvent; current: string | null }) {
  const denied = event.decision === "deny";
  return (
    <div class={event.id === current ? "moment current" : "moment"}>
      <span class={`mark-of ${denied ? "bad" : (TONES[event.outcome] ?? "neutral")}`}>
        <Icon name={denied ? "cross" : event.outcome === "ok" ? "check" : "warning"} size={12} />
      </span>
      <Link to={toRecord(event)} replace data-item class="moment-link" aria-current={event.id === current ? "true" : undefined}>
        <strong>{event.subject}</strong> <code>{event.action}</code> <span>{whatOf(event)}</span>
      </Link>
      <Outcome event={event} />
      <span class="moment-time">
        <Moment at={event.time} />
      </span>
    </div>
  );
}

function columnsOf(current: string | null): Column<AuditEvent>[] {
  const { columns } = audit;
  return [
    {
      id: "time",
      label: columns.time,
      cell: (each) => (
        <Link to={toRecord(each)} replace data-item class="row-link" aria-current={each.id === current ? "true" : undefined}>
          <Moment at={each.time} />
        </Link>
      ),
      width: 168,
    },
    { id: "who", label: columns.who, cell: (each) => each.subject, width: 176 },
    { id: "action", label: columns.action, cell: (each) => <code>{each.action}</code>, width: 188, from: "m" },
    { id: "what", label: columns.what, cell: whatOf, from: "m" },
    { id: "outcome", label: columns.outcome, cell: (each) => <Outcome event={each} />, width: 128 },
    { id: "took", label: columns.took, cell: (each) => each.latency_ms !== null && milliseconds(each.latency_ms), number: true, width: 96, from: "l" },
  ];
}
