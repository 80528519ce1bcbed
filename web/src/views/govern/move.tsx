import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { placeOf } from "../../kinds";
import { invalidate, useRead } from "../../store";
import { strings } from "../../strings";
import { governTexts } from "../../strings/govern";
import type { Kind } from "../../types";
import { Stage } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Time } from "../../ui/facts";
import { Field, TextArea } from "../../ui/field";
import { ErrorState, Skeleton } from "../../ui/states";
import { attempt } from "../../ui/toast";
import type { Lifecycle, Way } from "./types";

const { stages } = strings;
const { lifecycle } = governTexts;

export interface Movable {
  kind: Kind;
  path: string;
  name: string;
  title?: string | null;
}

export function stageName(stage: string): string {
  return stages[stage as keyof typeof stages] ?? stage;
}

export function nameOf(card: Movable): string {
  return card.title || card.name;
}

/** Take one step of the lifecycle; whether it was taken. */
export async function move(card: Movable, stage: string, more: { reason?: string; retirement_date?: string } = {}): Promise<boolean> {
  const place = at(placeOf(card.kind), card.path);
  const done = lifecycle.done(nameOf(card), stageName(stage));
  const moved = await attempt(() => send("POST", `${place}/lifecycle/transitions`, { stage, ...more }), done);
  if (!moved) return false;
  invalidate("/catalog", place);
  return true;
}

interface MoveProps {
  card: Movable;
  /** Where a card was dropped. */
  to?: string;
  onClose: () => void;
}

/** Where something may go from here, and why where one asks for that. */
export function MoveDialog({ card, to, onClose }: MoveProps) {
  const read = useRead<Lifecycle>(`${at(placeOf(card.kind), card.path)}/lifecycle`);
  return read.data ? (
    <Ways card={card} standing={read.data} to={to} onClose={onClose} />
  ) : (
    <Dialog title={lifecycle.move(nameOf(card))} onClose={onClose}>
      {read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={5} />}
    </Dialog>
  );
}

function Ways({ card, standing, to, onClose }: MoveProps & { standing: Lifecycle }) {
  const open = standing.next.filter((way) => !way.refusal);
  const [stage, setStage] = useState(to ?? open[0]?.stage ?? "");
  const [reason, setReason] = useState("");
  const [last, setLast] = useState("");
  const [busy, setBusy] = useState(false);
  const way = open.find((each) => each.stage === stage);
  const ready = way !== undefined && (!way.reason_required || reason.trim() !== "");
  const go = async () => {
    setBusy(true);
    const ends = stage === "deprecated" && last ? { retirement_date: `${last}T00:00:00Z` } : {};
    if (await move(card, stage, { ...(reason.trim() && { reason: reason.trim() }), ...ends })) onClose();
    setBusy(false);
  };
  const actions = (
    <>
      <Button onClick={onClose}>{strings.ui.cancel}</Button>
      <Button look="primary" busy={busy} disabled={!ready} onClick={go}>
        {lifecycle.moveShort}
      </Button>
    </>
  );
  return (
    <Dialog title={lifecycle.move(nameOf(card))} onClose={onClose} actions={actions}>
      <div class="form">
        <p class="standing">
          {lifecycle.from} <Stage stage={standing.stage} />
        </p>
        {standing.four_eyes && <p class="notice warn">{lifecycle.fourEyes}</p>}
        {standing.next.length === 0 ? <p>{lifecycle.nowhere}</p> : <Choices ways={standing.next} stage={stage} onStage={setStage} />}
        <TextArea label={governTexts.reason} hint={governTexts.reasonHint} required={way?.reason_required ?? false} value={reason} onValue={setReason} rows={2} />
        {stage === "deprecated" && (
          <Field label={lifecycle.retires} hint={lifecycle.retiresHint}>
            {(ids) => <input class="input" type="date" {...ids} value={last} onInput={(event) => setLast(event.currentTarget.value)} />}
          </Field>
        )}
        <History standing={standing} />
      </div>
    </Dialog>
  );
}

function Choices({ ways, stage, onStage }: { ways: Way[]; stage: string; onStage: (stage: string) => void }) {
  return (
    <fieldset class="ways">
      <legend>{lifecycle.to}</legend>
      {ways.map((way) => (
        <label key={way.stage} class={way.refusal ? "way refused" : "way"}>
          <input type="radio" name="stage" value={way.stage} checked={way.stage === stage} disabled={Boolean(way.refusal)} onChange={() => onStage(way.stage)} />
          <span>
            {stageName(way.stage)}
            {way.approval && <span class="quiet"> · {lifecycle.approval}</span>}
            {way.refusal && <span class="hint">{lifecycle.refused(way.refusal)}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function History({ standing }: { standing: Lifecycle }) {
  if (!standing.history.length) return null;
  return (
    <details class="history">
      <summary>{lifecycle.history}</summary>
      <ol>
        {standing.history.toReversed().map((step, index) => (
          <li key={index}>
            {stageName(step.from)} → {stageName(step.to)}, <Time at={step.at} /> {governTexts.by} {step.by}
            {step.reason && <p class="quiet">{step.reason}</p>}
          </li>
        ))}
      </ol>
    </details>
  );
}
