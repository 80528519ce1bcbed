import "./webhooks.css";
import { useState } from "preact/hooks";
import { ApiError, at, send } from "../../api";
import { milliseconds } from "../../format";
import { Icon } from "../../icons";
import { Link, navigate, type Params } from "../../router";
import { invalidate, useRead } from "../../store";
import { flowsTexts } from "../../strings/flows";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Switch } from "../../ui/field";
import { Facts, Section, Time, type Fact } from "../../ui/facts";
import { Menu } from "../../ui/menu";
import { Page } from "../../ui/page";
import { ErrorState, Skeleton } from "../../ui/states";
import { attempt, toast } from "../../ui/toast";
import { Deliveries } from "./deliveries";
import { Secret, WebhookForm } from "./webhook-form";
import { some, WebhookState } from "./webhooks";
import type { Attempt, Webhook } from "./types";

const { webhooks } = flowsTexts;

/** One webhook: how it stands, what was sent, and a test of it. */
export default function WebhookView({ params }: { params: Params }) {
  const name = params["name"] ?? "";
  const read = useRead<{ webhooks: Webhook[] }>("/webhooks");
  const webhook = read.data?.webhooks.find((each) => each.name === name);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />;
  if (!webhook) return <ErrorState error={new ApiError(404, "not_found", name)} />;
  return <Shown key={name} webhook={webhook} />;
}

function Shown({ webhook }: { webhook: Webhook }) {
  const place = at("webhooks", webhook.name);
  const [busy, setBusy] = useState(false);
  const [tested, setTested] = useState<Attempt | null>(null);
  const test = async () => {
    setBusy(true);
    setTested((await attempt(() => send<Attempt>("POST", `${place}/tests`))) ?? null);
    setBusy(false);
    invalidate(place);
  };
  const turn = async (active: boolean) => {
    if (!(await attempt(() => send("PATCH", place, { active })))) return;
    invalidate("/webhooks");
    const undo = async () => {
      if (await attempt(() => send("PATCH", place, { active: !active }))) invalidate("/webhooks");
    };
    toast(active ? webhooks.activeNow(webhook.name) : webhooks.pausedNow(webhook.name), { undo: () => void undo() });
  };
  return (
    <Page
      title={webhook.name}
      above={<Link to="/webhooks">{webhooks.title}</Link>}
      beside={<WebhookState webhook={webhook} />}
      below={webhook.description}
      actions={
        <>
          <Button look="primary" icon="play" busy={busy} onClick={() => void test()}>
            {webhooks.test}
          </Button>
          <Acts webhook={webhook} place={place} />
        </>
      }
    >
      <div role="status">
        {tested && (
          <p class={`notice ${tested.ok ? "good" : "bad"}`}>
            <Icon name={tested.ok ? "check" : "warning"} />
            {tested.ok ? webhooks.testGood(String(tested.status), milliseconds(tested.seconds * 1000)) : webhooks.testBad(String(tested.error || tested.status || webhooks.noAnswer))}
          </p>
        )}
      </div>
      <div class="two">
        <Deliveries name={webhook.name} />
        <aside aria-label={webhooks.about}>
          <Section title={webhooks.about}>
            <Switch label={webhooks.active} value={webhook.active} onValue={(active) => void turn(active)} />
            <Facts facts={factsOf(webhook)} />
          </Section>
        </aside>
      </div>
    </Page>
  );
}

function Acts({ webhook, place }: { webhook: Webhook; place: string }) {
  const [open, setOpen] = useState<"edit" | "remove" | null>(null);
  const [secret, setSecret] = useState("");
  const rotate = async () => {
    const made = await attempt(() => send<{ secret: string }>("POST", `${place}/secret/rotations`));
    if (made) setSecret(made.secret);
  };
  const remove = async () => {
    if (!(await attempt(() => send("DELETE", place), webhooks.removed(webhook.name)))) return;
    invalidate("/webhooks");
    navigate("/webhooks");
  };
  return (
    <>
      <Menu button={<Icon name="more" />} label={webhooks.more}>
        {(close) => (
          <div class="menu-acts">
            <Button look="quiet" icon="edit" onClick={() => (close(), setOpen("edit"))}>
              {webhooks.edit}
            </Button>
            <Button look="quiet" icon="key" onClick={() => (close(), void rotate())}>
              {webhooks.rotate}
            </Button>
            <Button look="quiet" icon="trash" onClick={() => (close(), setOpen("remove"))}>
              {webhooks.remove}
            </Button>
          </div>
        )}
      </Menu>
      {open === "edit" && <WebhookForm webhook={webhook} onClose={() => setOpen(null)} onMade={() => setOpen(null)} />}
      {open === "remove" && (
        <Confirm title={webhooks.removeTitle(webhook.name)} action={webhooks.removeAct} danger onConfirm={() => void remove()} onClose={() => setOpen(null)}>
          <p>{webhooks.removeText}</p>
        </Confirm>
      )}
      {secret && <Secret secret={secret} onClose={() => setSecret("")} />}
    </>
  );
}

function factsOf(webhook: Webhook): Fact[] {
  const { facts } = webhooks;
  return [
    [facts.url, webhook.url],
    [facts.events, some(webhook.events)],
    [facts.kinds, some(webhook.kinds)],
    [facts.paths, some(webhook.paths)],
    [facts.waiting, webhook.waiting || null],
    [facts.since, webhook.failing_since && <Time at={webhook.failing_since} />],
    [facts.paused, webhook.paused],
    [facts.by, webhook.created_by],
  ];
}
