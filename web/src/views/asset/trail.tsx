import { useState } from "preact/hooks";
import { get } from "../../api";
import { exact, milliseconds, words } from "../../format";
import { Link } from "../../router";
import { useRead } from "../../store";
import { assetTexts } from "../../strings/asset";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Facts, Time } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { attempt } from "../../ui/toast";
import { Upstream } from "../../ui/upstream";
import type { AssetProps, AuditEvent } from "./types";

const texts = assetTexts.trail;
const PAGE = 50;

interface AuditPage {
  events: AuditEvent[];
  next_cursor?: string | null;
}

/** What the audit trail has of it, the latest first. */
export default function Trail({ asset }: AssetProps) {
  const wanted = { asset: `${asset.kind}/${asset.path}`, limit: PAGE };
  const read = useRead<AuditPage>("/audit/events", wanted);
  const [earlier, setEarlier] = useState<AuditPage[]>([]);
  const [busy, setBusy] = useState(false);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={8} />;
  const pages = [read.data, ...earlier];
  const events = pages.flatMap((each) => each.events);
  const cursor = pages.at(-1)?.next_cursor;
  const more = async () => {
    setBusy(true);
    const page = await attempt(() => get<AuditPage>("/audit/events", { query: { ...wanted, cursor: cursor ?? null } }));
    if (page) setEarlier([...earlier, page]);
    setBusy(false);
  };
  if (!events.length) return <EmptyState icon="list" title={texts.none} />;
  return (
    <>
      <ul class="tool-list trail" aria-label={texts.list}>
        {events.map((event) => (
          <li key={`${event.id}-${event.time}`}>
            <Act event={event} />
          </li>
        ))}
      </ul>
      <p class="after">
        {cursor && (
          <Button busy={busy} onClick={more}>
            {texts.more}
          </Button>
        )}
        <Link to={`/audit?asset=${wanted.asset}`}>{texts.explorer}</Link>
      </p>
    </>
  );
}

function Act({ event }: { event: AuditEvent }) {
  const allowed = event.decision === "allow";
  return (
    <details class="tool">
      <summary data-item>
        <Time at={event.time} />
        <code>{event.action}</code>
        <span class="tool-lead">
          {event.tool && <Upstream text={`${event.tool} · `} />}
          <Upstream text={event.subject} />
        </span>
        <Badge tone={!allowed ? "bad" : event.outcome === "ok" ? "neutral" : "warn"}>{allowed ? words(event.outcome) : texts.deny}</Badge>
      </summary>
      <div class="tool-body">
        <Facts
          facts={[
            [texts.columns.time, exact(event.time)],
            [texts.columns.who, <Upstream text={event.subject} />],
            [texts.client, event.client && <Upstream text={event.client} />],
            [texts.columns.tool, event.tool && <Upstream text={event.tool} />],
            [texts.columns.decision, allowed ? texts.allow : texts.deny],
            [texts.reason, event.reason && <Upstream text={event.reason} />],
            [texts.columns.outcome, event.outcome],
            [texts.columns.took, event.latency_ms != null ? milliseconds(event.latency_ms) : undefined],
            [texts.via, event.via],
            [texts.id, <code>{event.id}</code>],
          ]}
        />
      </div>
    </details>
  );
}
