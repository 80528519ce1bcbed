import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { Icon } from "../../icons";
import { placeOf } from "../../kinds";
import { Link, usePlace, withParams } from "../../router";
import { invalidate, useRead, type Read } from "../../store";
import { governTexts } from "../../strings/govern";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { attempt } from "../../ui/toast";
import { Decide } from "./decide";
import { AssetLink, Evidence, GradeBadge, SeverityBadge, VerdictBadge } from "./shared";
import type { Changed as Row, ChangedList, Changes, PendingPart } from "./types";

const { approvals } = governTexts;

/** Definitions that changed since they were approved, asset by asset. */
export function Changed({ read }: { read: Read<ChangedList> }) {
  const open = usePlace().query.get("asset");
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={5} />;
  const { changes } = read.data;
  if (!changes.length) {
    return (
      <EmptyState icon="check" title={approvals.nothingChanged}>
        {approvals.nothingChangedText}
      </EmptyState>
    );
  }
  const first = changes[0];
  const shown = open ?? (first && refOf(first));
  return (
    <ul class="queue" role="list">
      {changes.map((row) => (
        <li key={refOf(row)}>
          <OneAsset row={row} open={refOf(row) === shown} />
        </li>
      ))}
    </ul>
  );
}

function refOf(row: Row): string {
  return `${row.kind}/${row.path}@${row.version}`;
}

function OneAsset({ row, open }: { row: Row; open: boolean }) {
  return (
    <article class="request">
      <header>
        <p>
          <Link to={withParams({ asset: open ? "-" : refOf(row) })} data-item class="row-link" aria-expanded={open}>
            <Icon name={open ? "down" : "right"} size={12} /> {row.name}
          </Link>{" "}
          <span class="quiet">
            {approvals.parted(row.parts.length)}, {approvals.since} <Time at={row.since} />
          </span>
        </p>
        <GradeBadge grade={row.grade} />
      </header>
      {open && <DefinitionChanges kind={row.kind} path={row.path} version={row.version} />}
    </article>
  );
}

interface Deciding {
  act: "approve" | "reject";
  hash: string;
  part: string | null;
}

/** What changed of one asset since it was approved, to be taken over or kept out. */
export function DefinitionChanges({ kind, path, version }: { kind: Row["kind"]; path: string; version: string }) {
  const place = `${at(placeOf(kind), path)}`;
  const read = useRead<Changes>(`${place}/definition-changes`, { version });
  const [deciding, setDeciding] = useState<Deciding | null>(null);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={4} />;
  const { pending, hash } = read.data;
  const several = pending.length > 1;
  const decide = async (reason: string) => {
    if (!deciding) return false;
    const ways = { approve: "approvals", reject: "rejections" };
    const done = deciding.act === "approve" ? approvals.approvedChange : approvals.rejectedChange;
    const body = { hash: deciding.hash, reason, version, ...(deciding.part && { tool: deciding.part }) };
    const made = await attempt(() => send("POST", `${place}/definition-changes/${ways[deciding.act]}`, body), done);
    invalidate("/definition-changes", place);
    return made !== undefined;
  };
  return (
    <div data-decision="">
      <p class="quiet">
        <AssetLink of={`${kind}/${path}`} /> · {approvals.unread}
      </p>
      {pending.map((part) => (
        <Part key={part.part} part={part} onDecide={several ? (act) => setDeciding({ act, hash: part.hash, part: part.part }) : undefined} />
      ))}
      {hash && (
        <footer>
          <Button look="primary" icon="check" data-act="approve" onClick={() => setDeciding({ act: "approve", hash, part: null })}>
            {approvals.approve}
          </Button>
          <Button icon="cross" data-act="refuse" onClick={() => setDeciding({ act: "reject", hash, part: null })}>
            {approvals.reject}
          </Button>
        </footer>
      )}
      {deciding && (
        <Decide
          title={deciding.act === "approve" ? approvals.approveChange : approvals.rejectChange}
          text={deciding.part ?? pending.map((part) => part.part).join(", ")}
          action={deciding.act === "approve" ? approvals.approve : approvals.reject}
          danger={deciding.act === "reject"}
          needsReason
          decide={decide}
          onClose={() => setDeciding(null)}
        />
      )}
    </div>
  );
}

function Part({ part, onDecide }: { part: PendingPart; onDecide: ((act: "approve" | "reject") => void) | undefined }) {
  return (
    <section class="part" aria-label={part.part}>
      <h3>
        <code>{part.part}</code> <GradeBadge grade={part.grade} /> <VerdictBadge verdict={part.verdict} />
        {part.rejected_by && <Badge tone="bad">{approvals.rejectedBy(part.rejected_by)}</Badge>}
      </h3>
      {part.rejected_by && part.reason && <p class="quiet">{part.reason}</p>}
      <ul class="edit-lines">
        {part.edits.map((edit, index) => (
          <li key={index}>
            <code>{edit.at}</code> {edit.said}
          </li>
        ))}
      </ul>
      <Unified text={part.diff} label={approvals.diff(part.part)} />
      {part.findings.length > 0 && (
        <>
          <h4>{approvals.found}</h4>
          <ul class="plain-list">
            {part.findings.map((finding) => (
              <li key={finding.fingerprint}>
                <SeverityBadge severity={finding.severity} /> {finding.message}
                {finding.evidence && <Evidence text={finding.evidence} />}
              </li>
            ))}
          </ul>
        </>
      )}
      {onDecide && (
        <p class="part-acts">
          <Button small onClick={() => onDecide("approve")}>
            {approvals.approvePart(part.part)}
          </Button>
          <Button small look="quiet" onClick={() => onDecide("reject")}>
            {approvals.rejectPart(part.part)}
          </Button>
        </p>
      )}
    </section>
  );
}

/** A unified diff as the registry made it, what is not seen as escapes. */
export function Unified({ text, label }: { text: string; label: string }) {
  return (
    <pre class="diff" tabIndex={0} aria-label={label}>
      {text.split("\n").map((line, index) => (
        <UnifiedLine key={index} line={line} />
      ))}
    </pre>
  );
}

function UnifiedLine({ line }: { line: string }) {
  if (/^(\+\+\+|---|@@)/.test(line)) return <div class="about">{line}</div>;
  const sign = line[0] ?? "";
  const rest = line.slice(1);
  return (
    <div class={sign === "+" ? "came" : sign === "-" ? "went" : undefined}>
      <span class="sign" aria-hidden="true">
        {sign}
      </span>
      {sign === "+" ? <ins>{rest}</ins> : sign === "-" ? <del>{rest}</del> : rest}
    </div>
  );
}
