import { useEffect } from "preact/hooks";
import { flowsTexts } from "../../strings/flows";
import { Badge, type Tone } from "../../ui/badge";
import { stateOf, type Source, type State } from "./types";

const TONES: Record<State, Tone> = { off: "neutral", running: "accent", never: "neutral", ok: "good", failed: "bad", cancelled: "warn", open: "bad", removing: "warn" };

export function SourceState({ source }: { source: Source }) {
  const state = stateOf(source);
  return <Badge tone={TONES[state]}>{flowsTexts.sources.states[state]}</Badge>;
}

const PACE = 1_000;

/** Read again each second while something goes on: passes are no assets, and are in no stream of changes. */
export function useWhile(going: boolean, again: () => void, read: unknown): void {
  useEffect(() => {
    if (!going) return;
    const timer = window.setTimeout(again, PACE);
    return () => clearTimeout(timer);
  }, [going, again, read]);
}
