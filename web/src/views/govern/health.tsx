import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { count, milliseconds, words } from "../../format";
import { Icon } from "../../icons";
import { placeOf, viewOf } from "../../kinds";
import { Link, navigate, usePlace, withParams } from "../../router";
import { invalidate, useLatest } from "../../store";
import { strings } from "../../strings";
import { governTexts } from "../../strings/govern";
import type { BrowseAnswer, Card } from "../../types";
import { Badge, Health as HealthDot } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Segments } from "../../ui/tabs";
import { attempt } from "../../ui/toast";
import { nameOf } from "./move";
import { usePages } from "./pages";
import "./govern.css";

const { health } = governTexts;
/** What has a backend of its own. */
const KINDS = ["server", "agent"];
const STATES = ["unhealthy", "degraded", "unknown", "healthy"] as const;
type Which = (typeof STATES)[number] | "all";

/** How every backend is, the broken ones a click away; the registry tells what changes. */
export default function Health() {
  const { query } = usePlace();
  const which: Which = STATES.find((each) => each === query.get("health")) ?? "all";
  const counted = useLatest<BrowseAnswer>("/catalog", { kinds: KINDS, limit: 1 });
  const wanted = { kinds: KINDS, ...(which !== "all" && { health: which }), limit: 200 };
  const pages = usePages<BrowseAnswer, Card>("/catalog", wanted, (page) => page.results);
  const counts = new Map(counted.data?.facets["health"]?.map((each) => [each.value, each.count]));
  const labelOf = (state: Which) => (state === "all" ? governTexts.everything : nameOfState(state));
  const choices = (["all", ...STATES.filter((each) => counts.get(each))] as Which[]).map((value) => ({
    value,
    label: value === "all" ? `${labelOf(value)} ${count(counted.data?.total ?? 0)}` : `${labelOf(value)} ${count(counts.get(value) ?? 0)}`,
  }));
  return (
    <Page title={health.title} below={health.lead}>
      <Bar counts={counts} />
      <div class="bar">
        <Segments
          label={health.which}
          value={which}
          onValue={(next) => navigate(withParams({ health: next === "all" ? null : next }), { replace: true })}
          choices={choices}
        />
      </div>
      {!pages.items && (pages.error ? <ErrorState error={pages.error} again={pages.again} /> : <Skeleton lines={8} />)}
      {pages.items?.length === 0 && (
        <EmptyState icon="server" title={health.none}>
          {health.noneText}
        </EmptyState>
      )}
      {pages.items && pages.items.length > 0 && (
        <Table
          label={health.label}
          columns={COLUMNS}
          items={which === "all" ? pages.items.toSorted((a, b) => rank(a) - rank(b)) : pages.items}
          total={pages.total}
          keyOf={(card) => `${card.kind}/${card.path}`}
          onEnd={pages.more}
        />
      )}
    </Page>
  );
}

function rank(card: Card): number {
  const place = STATES.indexOf((card.health ?? "unknown") as (typeof STATES)[number]);
  return place < 0 ? STATES.length : place;
}

function nameOfState(state: string): string {
  return strings.health[state as keyof typeof strings.health] ?? words(state);
}

/** How many are how, as one line; the numbers stand in the choices below. */
function Bar({ counts }: { counts: Map<string, number> }) {
  const all = [...counts.values()].reduce((sum, each) => sum + each, 0);
  if (!all) return null;
  const label = STATES.filter((each) => counts.get(each)).map((each) => `${nameOfState(each)}: ${count(counts.get(each) ?? 0)}`);
  let x = 0;
  return (
    <svg class="share-bar" role="img" aria-label={`${health.bar}: ${label.join(", ")}`} viewBox="0 0 100 2" preserveAspectRatio="none">
      {STATES.toReversed().map((each) => {
        const width = ((counts.get(each) ?? 0) / all) * 100;
        x += width;
        return <rect key={each} class={each} x={x - width} y="0" width={width} height="2" />;
      })}
    </svg>
  );
}

function Check({ card }: { card: Card }) {
  const [busy, setBusy] = useState(false);
  const check = async () => {
    setBusy(true);
    const path = `${at(placeOf(card.kind), card.path)}/health-checks`;
    const made = await attempt(
      () => send<{ health: string; error?: string | null }>("POST", path),
      (told) => health.checked(nameOf(card), told.error || nameOfState(told.health)),
    );
    if (made) invalidate("/catalog", at(placeOf(card.kind), card.path));
    setBusy(false);
  };
  return (
    <Button small look="quiet" icon="refresh" busy={busy} aria-label={health.checkOf(nameOf(card))} onClick={check}>
      {health.check}
    </Button>
  );
}

const { columns } = health;
const COLUMNS: Column<Card>[] = [
  {
    id: "name",
    label: columns.name,
    cell: (card) => (
      <Link to={viewOf(card)} data-item class="row-link asset-link">
        <Icon name={card.kind} size={14} />
        {nameOf(card)}
      </Link>
    ),
  },
  { id: "health", label: columns.health, cell: (card) => <HealthDot health={card.health ?? "unknown"} />, width: 136 },
  {
    id: "problem",
    label: columns.problem,
    cell: (card) => (
      <span title={card.problem ?? undefined}>
        {card.held ? <Badge tone="warn">{health.held(card.held)}</Badge> : null} {card.problem}
      </span>
    ),
    from: "m",
  },
  { id: "latency", label: columns.latency, cell: (card) => card.latency_ms != null && milliseconds(card.latency_ms), number: true, width: 112, from: "l" },
  { id: "checked", label: columns.checked, cell: (card) => card.checked_at && <Time at={card.checked_at} />, width: 128, from: "m" },
  { id: "act", label: columns.act, cell: (card) => <Check card={card} />, width: 124 },
];
