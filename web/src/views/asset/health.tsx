import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { milliseconds } from "../../format";
import { placeOf, viewOf } from "../../kinds";
import { useMay } from "../../me";
import { Link } from "../../router";
import { invalidate, useRead } from "../../store";
import { assetTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { Badge, Health } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Facts, Section, Time } from "../../ui/facts";
import { ErrorState, Skeleton } from "../../ui/states";
import { attempt } from "../../ui/toast";
import { Upstream } from "../../ui/upstream";
import type { AssetProps, AuditEvent, More } from "./types";

const texts = assetTexts.health;

/** How its backend is, and how that changed. */
export default function HealthOf({ asset }: AssetProps) {
  const audits = useMay("audit");
  return (
    <>
      <Now asset={asset} />
      {asset.kind === "virtual_server" && <Parts asset={asset} />}
      {asset.kind !== "virtual_server" && (
        <Section title={texts.history}>{audits ? <History asset={asset} /> : <p class="quiet">{texts.private}</p>}</Section>
      )}
    </>
  );
}

function Now({ asset }: AssetProps) {
  const [busy, setBusy] = useState(false);
  const place = at(placeOf(asset.kind), asset.path);
  const report = asset.health_report;
  const checked = asset.kind === "server" || asset.kind === "agent";
  const check = async () => {
    setBusy(true);
    if (await attempt(() => send("POST", `${place}/health-checks`), texts.checked)) invalidate(place, "/audit/events");
    setBusy(false);
  };
  const held = Object.entries(asset.held ?? {});
  return (
    <Section
      title={texts.now}
      action={
        checked && (
          <Button small icon="refresh" busy={busy} onClick={check}>
            {texts.check}
          </Button>
        )
      }
    >
      <div class="measure">
        <Facts
          facts={[
            [texts.state, <Health health={asset.health} />],
            [texts.at, report?.checked_at && <Time at={report.checked_at} />],
            [texts.latency, report?.checked_at && report.latency_ms != null ? milliseconds(report.latency_ms) : undefined],
            [texts.error, report?.error && <Upstream text={report.error} />],
            [texts.circuit, asset.circuit && (texts.circuits[asset.circuit as keyof typeof texts.circuits] ?? asset.circuit)],
          ]}
        />
      </div>
      {held.length > 0 && (
        <>
          <p class="notice warn">{texts.held}</p>
          <ul class="plain-list">
            {held.map(([name, why]) => (
              <li key={name}>
                <code>
                  <Upstream text={name} />
                </code>
                <p>
                  <Upstream text={why} />
                </p>
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}

function Parts({ asset }: { asset: Asset & More }) {
  return (
    <Section title={texts.parts}>
      <ul class="plain-list part-list">
        {(asset.parts ?? []).map((part) => (
          <li key={part.server}>
            <Link to={viewOf({ kind: "server", path: part.server }, "health")}>{part.server}</Link>
            <span class="quiet">{part.version}</span>
            {part.problem ? <Badge tone="warn">{part.problem}</Badge> : <Health health={part.health} />}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function History({ asset }: AssetProps) {
  const read = useRead<{ events: AuditEvent[] }>("/audit/events", { asset: `${asset.kind}/${asset.path}`, action: `${asset.kind}:health`, limit: 50 });
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />;
  if (!read.data.events.length) return <p class="quiet">{texts.none}</p>;
  return (
    <ol class="timeline">
      {read.data.events.map((event) => (
        <Turn key={event.id} event={event} />
      ))}
    </ol>
  );
}

/** A change of health, as the trail has it: `healthy -> unhealthy: why`. */
function Turn({ event }: { event: AuditEvent }) {
  const [, , to, why] = /^(\w+) -> (\w+)(?:: (.*))?$/s.exec(event.reason) ?? [];
  return (
    <li>
      <Time at={event.time} />
      {to && <Health health={to} />}
      <span>
        <Upstream text={to ? (why ?? "") : event.reason} />
      </span>
    </li>
  );
}
