import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { viewOf } from "../../kinds";
import { useKeys } from "../../keys";
import { navigate } from "../../router";
import { invalidate } from "../../store";
import { actTexts } from "../../strings/act";
import type { JsonObject, Kind } from "../../types";
import { Icon } from "../../icons";
import { Button } from "../../ui/button";
import { EmptyState, Skeleton } from "../../ui/states";
import { toast, told } from "../../ui/toast";
import { LabelFields, type Labels } from "./labels";
import { useLooking, type Looked } from "./looking";
import { Preview } from "./preview";

const { register } = actTexts;

interface FrameProps {
  kind: Kind;
  /** What to send; undefined while something that is needed is missing. */
  body: JsonObject | undefined;
  labels: Labels;
  onLabels: (labels: Labels) => void;
  /** The registry has looked: fill in what was left empty. */
  onLooked?: (looked: Looked) => void;
  onAsked: () => void;
  children: ComponentChildren;
}

/** A form on the left, what would come of it on the right. Enter looks, and Control with Enter registers. */
export function Frame({ kind, body, labels, onLabels, onLooked, onAsked, children }: FrameProps) {
  const looking = useLooking(kind);
  const [more, setMore] = useState(false);
  const shown = useRef<HTMLElement>(null);
  const { looked, error, busy } = looking;
  const fresh = body !== undefined && looked !== undefined && looking.fresh(body);
  const look = async () => {
    onAsked();
    if (!body || busy) return;
    const found = await looking.look(body);
    if (found) onLooked?.(found);
    const place = shown.current;
    if (place && place.getBoundingClientRect().top > innerHeight / 2) place.scrollIntoView({ block: "start" });
  };
  const save = async () => {
    onAsked();
    if (!body || busy) return;
    const made = await looking.save(body);
    if (!made) return;
    const name = made.title || made.name;
    toast(made.enabled ? register.done(name) : register.doneHeld(name));
    invalidate("/catalog");
    navigate(viewOf(made));
  };
  useKeys([{ key: "l", does: register.lookKey, run: () => void look() }]);
  return (
    <div class="making">
      <form
        class="panel"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void (fresh ? save() : look());
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          void save();
        }}
      >
        {children}
        <details class="unfold" open={more} onToggle={(event) => setMore(event.currentTarget.open)}>
          <summary>{register.more}</summary>
          {more && <LabelFields value={labels} onValue={onLabels} />}
        </details>
        <div class="making-acts">
          <Button look={fresh ? "plain" : "primary"} type={fresh ? "button" : "submit"} icon="search" busy={busy === "look"} onClick={fresh ? look : undefined}>
            {looked ? register.lookAgain : register.look}
          </Button>
          <Button look={fresh ? "primary" : "plain"} type={fresh ? "submit" : "button"} busy={busy === "save"} onClick={fresh ? undefined : save}>
            {fresh && looked.scan.verdict === "block" ? register.saveHeld : register.save}
          </Button>
          <span class="hint">{register.keys}</span>
        </div>
      </form>
      <section ref={shown} class="panel looked" aria-label={register.preview} aria-live="polite" aria-busy={busy === "look"}>
        {busy === "look" ? (
          <>
            <p class="quiet">{register.looking}</p>
            <Skeleton lines={4} />
          </>
        ) : error ? (
          <Refused error={error} />
        ) : looked ? (
          <>
            {!fresh && (
              <p class="notice">
                <Icon name="info" />
                {register.stale}
              </p>
            )}
            <Preview looked={looked} />
          </>
        ) : (
          <EmptyState icon={kind} title={register.nothing}>
            {register.nothingText[kind]}
          </EmptyState>
        )}
      </section>
    </div>
  );
}

/** Why the registry would not take it, in its words. */
export function Refused({ error }: { error: unknown }) {
  return (
    <div role="alert" class="refused">
      <p class="notice bad">
        <Icon name="warning" />
        {register.refused}
      </p>
      <p>{told(error)}</p>
    </div>
  );
}
