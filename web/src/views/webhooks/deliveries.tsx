import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { invalidate, useLatest } from "../../store";
import { navigate, usePlace, withParams } from "../../router";
import { flowsTexts } from "../../strings/flows";
import { Badge, type Tone } from "../../ui/badge";
import { Button, IconButton } from "../../ui/button";
import { JsonBlock } from "../../ui/code";
import { Dialog } from "../../ui/dialog";
import { Section, Time } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Segments } from "../../ui/tabs";
import { attempt } from "../../ui/toast";
import type { Delivery, DeliveryState } from "./types";

const { webhooks } = flowsTexts;
const TONES: Record<DeliveryState, Tone> = { waiting: "warn", delivered: "good", dead: "bad" };
const STATES = ["", "waiting", "delivered", "dead"] as const;
const CHOICES = STATES.map((value) => ({ value, label: value ? webhooks.deliveryStates[value] : webhooks.every }));

/** What was sent to a webhook, and what it answered; anything can be sent again. */
export function Deliveries({ name }: { name: string }) {
  const { query } = usePlace();
  const state = STATES.find((each) => each === query.get("state")) ?? "";
  const place = at("webhooks", name);
  const read = useLatest<{ deliveries: Delivery[] }>(`${place}/deliveries`, { state, limit: 200 });
  const [shown, setShown] = useState<Delivery | null>(null);
  const replay = async (body: { event?: string; state?: string }) => {
    if (await attempt(() => send<{ replayed: number }>("POST", `${place}/replays`, body), (made) => webhooks.sent(made.replayed))) invalidate("/webhooks");
  };
  const columns = columnsOf(setShown, (delivery) => void replay({ event: delivery.id }));
  const dead = read.data?.deliveries.some((each) => each.state === "dead");
  return (
    <Section title={webhooks.deliveries} action={<IconButton icon="refresh" label={webhooks.refresh} onClick={read.again} />}>
      <div class="delivery-bar">
        <Segments label={webhooks.state} value={state} choices={CHOICES} onValue={(value) => navigate(withParams({ state: value || null }), { replace: true })} />
        {dead && (
          <Button small icon="refresh" onClick={() => void replay({ state: "dead" })}>
            {webhooks.allDead}
          </Button>
        )}
      </div>
      {!read.data ? (
        read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />
      ) : read.data.deliveries.length ? (
        <Table label={webhooks.deliveries} columns={columns} items={read.data.deliveries} keyOf={(delivery) => delivery.id} />
      ) : (
        <EmptyState icon="webhook" title={webhooks.noDeliveries}>
          {webhooks.noDeliveriesText}
        </EmptyState>
      )}
      {shown && (
        <Dialog title={shown.event} onClose={() => setShown(null)}>
          <JsonBlock value={shown.message} title={shown.id} />
        </Dialog>
      )}
    </Section>
  );
}

function columnsOf(show: (delivery: Delivery) => void, again: (delivery: Delivery) => void): Column<Delivery>[] {
  const { deliveryColumns } = webhooks;
  return [
    {
      id: "event",
      label: deliveryColumns.event,
      cell: (delivery) => (
        <button type="button" class="link-button" data-item title={webhooks.show} onClick={() => show(delivery)}>
          {delivery.event}
        </button>
      ),
    },
    { id: "asset", label: deliveryColumns.asset, cell: (delivery) => delivery.asset, from: "m" },
    { id: "state", label: deliveryColumns.state, cell: (delivery) => <Badge tone={TONES[delivery.state]}>{webhooks.deliveryStates[delivery.state]}</Badge>, width: 104 },
    { id: "answer", label: deliveryColumns.answer, cell: answerOf, width: 160, from: "l" },
    { id: "due", label: deliveryColumns.due, cell: (delivery) => delivery.state === "waiting" && delivery.due && <Time at={delivery.due} />, width: 120, from: "l" },
    {
      id: "act",
      label: deliveryColumns.act,
      width: 88,
      cell: (delivery) => delivery.state !== "waiting" && <IconButton icon="refresh" label={webhooks.againOf(delivery.event)} onClick={() => again(delivery)} />,
    },
  ];
}

function answerOf({ last }: Delivery): string {
  if (!last) return "";
  return last.status ? String(last.status) : last.error || webhooks.noAnswer;
}
