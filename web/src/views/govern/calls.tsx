import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { navigate, usePlace, withParams } from "../../router";
import { invalidate, useRead, type Read } from "../../store";
import { governTexts } from "../../strings/govern";
import { Badge, type Tone } from "../../ui/badge";
import { Button } from "../../ui/button";
import { JsonBlock } from "../../ui/code";
import { Facts, Time } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Segments } from "../../ui/tabs";
import { attempt } from "../../ui/toast";
import { useMe } from "../../me";
import { Decide } from "./decide";
import { AssetLink } from "./shared";
import type { Request, Requests } from "./types";

const { approvals } = governTexts;
const TONES: Record<Request["status"], Tone> = {
  pending: "accent",
  approved: "good",
  used: "good",
  refused: "bad",
  withdrawn: "neutral",
  expired: "neutral",
};

type Decision = { request: Request; decision: "approve" | "refuse" };

/** Calls that wait for approval, or did. */
export function Calls({ pending, mayApprove }: { pending: Read<Requests>; mayApprove: boolean }) {
  const all = usePlace().query.get("status") === "all";
  const every = useRead<Requests>(all ? "/approvals" : null, { status: "all", limit: 200 });
  const [deciding, setDeciding] = useState<Decision | null>(null);
  const read = all ? every : pending;
  const requests = all ? read.data?.approvals.toReversed() : read.data?.approvals;
  return (
    <>
      <div class="bar">
        <Segments
          label={approvals.status}
          value={all ? "all" : "pending"}
          onValue={(status) => navigate(withParams({ status: status === "all" ? "all" : null }), { replace: true })}
          choices={[
            { value: "pending", label: approvals.statuses.pending },
            { value: "all", label: approvals.statuses.all },
          ]}
        />
      </div>
      {!requests && (read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={5} />)}
      {requests?.length === 0 && (
        <EmptyState icon="check" title={approvals.none}>
          {approvals.noneText}
        </EmptyState>
      )}
      <ul class="queue" role="list">
        {requests?.map((request) => (
          <li key={request.id}>
            <OneCall request={request} mayApprove={mayApprove} onDecide={(decision) => setDeciding({ request, decision })} />
          </li>
        ))}
      </ul>
      {deciding && <DecideCall {...deciding} onClose={() => setDeciding(null)} />}
    </>
  );
}

function OneCall({ request, mayApprove, onDecide }: { request: Request; mayApprove: boolean; onDecide: (decision: "approve" | "refuse") => void }) {
  const { standing } = useMe();
  const open = request.status === "pending";
  const decidable = open && mayApprove && request.subject !== standing.subject;
  const title = open ? approvals.calls(request.subject) : approvals.called(request.subject);
  return (
    <article class="request" tabIndex={-1} data-item data-decision={decidable ? "" : undefined} aria-label={`${title} ${request.tool} ${approvals.of} ${request.path}`}>
      <header>
        <p>
          <strong>{request.subject}</strong> {title.slice(request.subject.length + 1)} <code>{request.tool}</code> {approvals.of}{" "}
          <AssetLink of={`${request.kind}/${request.path}`} />
        </p>
        <Badge tone={TONES[request.status]}>{approvals.statusOf[request.status]}</Badge>
      </header>
      {Object.keys(request.arguments).length ? <JsonBlock title={approvals.arguments} value={request.arguments} /> : <p class="quiet">{approvals.noArguments}</p>}
      {!request.complete && <p class="notice warn">{approvals.cut}</p>}
      <Facts
        facts={[
          [approvals.asked, <Time at={request.asked_at} />],
          [open ? approvals.until : "", open ? <Time at={request.expires_at} /> : undefined],
          [approvals.through, request.client],
          [approvals.marks, request.marks.map((mark) => `${mark.path} (${mark.name})`).join(", ")],
          [governTexts.reason, [request.reason, request.decided_by && approvals.decided(request.decided_by)].filter(Boolean).join(", ")],
        ]}
      />
      {decidable && (
        <footer>
          <Button look="primary" icon="check" data-act="approve" onClick={() => onDecide("approve")}>
            {approvals.approve}
          </Button>
          <Button icon="cross" data-act="refuse" onClick={() => onDecide("refuse")}>
            {approvals.refuse}
          </Button>
        </footer>
      )}
    </article>
  );
}

function DecideCall({ request, decision, onClose }: Decision & { onClose: () => void }) {
  const approves = decision === "approve";
  const decide = async (reason: string) => {
    const body = { decision, ...(reason && { reason }) };
    const done = approves ? approvals.approved : approvals.refused;
    const made = await attempt(() => send("POST", `${at("approvals", request.id)}/decisions`, body), done);
    invalidate("/approvals");
    return made !== undefined;
  };
  return (
    <Decide
      title={approves ? approvals.approveTitle : approvals.refuseTitle}
      text={`${request.subject}: ${request.tool} ${approvals.of} ${request.path}`}
      hint={approvals.told}
      action={approves ? approvals.approve : approvals.refuse}
      danger={!approves}
      decide={decide}
      onClose={onClose}
    />
  );
}
