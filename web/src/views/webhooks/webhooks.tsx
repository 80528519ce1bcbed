import "./webhooks.css";
import { useState } from "preact/hooks";
import { count } from "../../format";
import { Link, navigate } from "../../router";
import { useRead } from "../../store";
import { flowsTexts } from "../../strings/flows";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Secret, WebhookForm } from "./webhook-form";
import type { Webhook } from "./types";

const { webhooks } = flowsTexts;

const COLUMNS: Column<Webhook>[] = [
  {
    id: "name",
    label: webhooks.columns.name,
    cell: (webhook) => (
      <Link to={`/webhooks/${encodeURIComponent(webhook.name)}`} class="row-link" data-item>
        {webhook.name}
      </Link>
    ),
  },
  { id: "url", label: webhooks.columns.url, cell: (webhook) => webhook.url, from: "m" },
  { id: "events", label: webhooks.columns.events, cell: (webhook) => some(webhook.events), width: 200, from: "l" },
  { id: "state", label: webhooks.columns.state, cell: (webhook) => <WebhookState webhook={webhook} />, width: 112 },
  { id: "waiting", label: webhooks.columns.waiting, cell: (webhook) => count(webhook.waiting), number: true, width: 96 },
];

/** A list of globs; all of them, where there is none. */
export function some(globs: string[]): string {
  return globs.length && !globs.includes("*") ? globs.join(", ") : webhooks.all;
}

export function WebhookState({ webhook }: { webhook: Webhook }) {
  const state = webhook.paused ? "paused" : webhook.failing_since ? "failing" : "active";
  return <Badge tone={state === "active" ? "good" : state === "paused" ? "warn" : "bad"}>{webhooks.states[state]}</Badge>;
}

/** Who outside is told. */
export default function Webhooks() {
  const read = useRead<{ webhooks: Webhook[] }>("/webhooks");
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<(Webhook & { secret?: string }) | null>(null);
  const add = (
    <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
      {webhooks.add}
    </Button>
  );
  return (
    <Page title={webhooks.title} below={webhooks.lead} actions={add}>
      {!read.data ? (
        read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />
      ) : read.data.webhooks.length ? (
        <Table label={webhooks.title} columns={COLUMNS} items={read.data.webhooks} keyOf={(webhook) => webhook.name} />
      ) : (
        <EmptyState icon="webhook" title={webhooks.none}>
          {webhooks.noneText}
        </EmptyState>
      )}
      {adding && (
        <WebhookForm
          onClose={() => setAdding(false)}
          onMade={(webhook) => {
            setAdding(false);
            setMade(webhook);
          }}
        />
      )}
      {made?.secret && <Secret secret={made.secret} onClose={() => navigate(`/webhooks/${encodeURIComponent(made.name)}`)} />}
    </Page>
  );
}
