import { exact, milliseconds } from "../../format";
import { useMay } from "../../me";
import { Link } from "../../router";
import { useRead } from "../../store";
import { governTexts } from "../../strings/govern";
import { Badge } from "../../ui/badge";
import { JsonBlock } from "../../ui/code";
import { Facts } from "../../ui/facts";
import { ErrorState, Skeleton } from "../../ui/states";
import { Outcome, whatOf } from "./audit";
import { AssetLink, Detail } from "./shared";
import type { AuditEvent, AuditPage } from "./types";

const { audit } = governTexts;

/** One record in full. It is among those of the list, or is looked up by its moment. */
export function Record({ id, at, events }: { id: string; at: string | null; events: AuditEvent[] }) {
  const known = events.find((each) => each.id === id);
  const read = useRead<AuditPage>(known || !at ? null : "/audit/events", { since: at, until: at, limit: 100 });
  const event = known ?? read.data?.events.find((each) => each.id === id);
  return (
    <Detail title={event ? event.action : audit.record} params={["record", "at"]}>
      {event ? <Told event={event} /> : read.loading ? <Skeleton lines={6} /> : <ErrorState error={read.error} />}
    </Detail>
  );
}

function Told({ event }: { event: AuditEvent }) {
  const asset = event.kind && event.asset ? `${event.kind}/${event.asset}` : null;
  return (
    <>
      <p class="badges">
        <Badge tone={event.decision === "deny" ? "bad" : event.decision === "allow" ? "good" : "neutral"}>
          {audit.decisions[event.decision as keyof typeof audit.decisions] ?? event.decision}
        </Badge>
        <Outcome event={event} />
      </p>
      {event.reason && (
        <>
          <h3>{audit.because}</h3>
          <p class="because">{event.reason}</p>
        </>
      )}
      <Facts
        facts={[
          [audit.ended, exact(event.time)],
          [audit.subject, event.subject],
          [audit.client, event.client],
          [audit.columns.what, asset ? <AssetLink of={asset} /> : whatOf(event)],
          [audit.tool, event.tool && <code>{event.tool}</code>],
          [audit.via, event.via && <AssetLink of={event.via} />],
          [audit.target, event.target],
          [audit.columns.took, event.latency_ms === null ? undefined : milliseconds(event.latency_ms)],
          [audit.data, event.data_classification],
          [audit.scopes, event.scopes.join(", ")],
          [audit.request, event.request_id && <code>{event.request_id}</code>],
          [audit.id, <code>{event.id}</code>],
        ]}
      />
      {event.parameters !== null && event.parameters !== undefined && <JsonBlock title={audit.said} value={event.parameters} />}
      <Same event={event} asset={asset} />
    </>
  );
}

/** From one record to others that belong to it. */
function Same({ event, asset }: { event: AuditEvent; asset: string | null }) {
  const mayLogs = useMay("policy");
  const { same } = audit;
  const quoted = (name: string, value: string) => `/audit?${name}=${encodeURIComponent(value)}`;
  return (
    <ul class="same">
      {event.request_id && (
        <li>
          <Link to={quoted("request_id", event.request_id)}>{same.request}</Link>
        </li>
      )}
      <li>
        <Link to={quoted("subject", event.subject)}>{same.subject}</Link>
      </li>
      {asset && (
        <li>
          <Link to={quoted("asset", asset)}>{same.asset}</Link>
        </li>
      )}
      {mayLogs && event.request_id && (
        <li>
          <Link to={`/logs?request_id=${encodeURIComponent(event.request_id)}&level=debug`}>{same.logs}</Link>
        </li>
      )}
    </ul>
  );
}
