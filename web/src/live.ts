/** What changes, as it changes: the API's event stream, and whether it can be relied on. */
import { useEffect, useState } from "preact/hooks";
import { get } from "./api";
import { API } from "./base";
import { invalidate, invalidateAll } from "./store";
import { placeOf } from "./kinds";
import type { Kind } from "./types";

export type Pulse = "live" | "connecting" | "paused";

const PATIENCE = 5_000;
const RETRY = 4_000;
/** Lists and counts are read at most this often, however much changes. */
const CALM = 800;

let pulse: Pulse = "connecting";
let source: EventSource | null = null;
let broken: number | undefined;
let since = Date.now();
let calm: number | undefined;
const watchers = new Set<() => void>();

/** Listen from now on. */
export function listen(): void {
  open();
  addEventListener("online", open);
}

/** Whether what is on screen follows what happens. */
export function usePulse(): Pulse {
  const [seen, setSeen] = useState(pulse);
  useEffect(() => {
    const watch = () => setSeen(pulse);
    watchers.add(watch);
    watch();
    return () => void watchers.delete(watch);
  }, []);
  return seen;
}

/** When it could be relied on last. */
export function brokenSince(): number {
  return since;
}

function open(): void {
  source?.close();
  source = new EventSource(`${API}/events`);
  source.onopen = () => {
    clearTimeout(broken);
    broken = undefined;
    if (pulse === "paused") invalidateAll();
    turn("live");
  };
  source.onerror = () => {
    if (broken === undefined) {
      since = Date.now();
      broken = window.setTimeout(() => turn("paused"), PATIENCE);
    }
    if (pulse === "live") turn("connecting");
    if (source?.readyState === EventSource.CLOSED) {
      void get("/session").catch(() => undefined); // a session that is over leads to the sign-in page
      window.setTimeout(open, RETRY);
    }
  };
  source.addEventListener("asset", (event) => {
    const { kind, path } = JSON.parse((event as MessageEvent<string>).data) as { kind: Kind; path: string };
    invalidate(`/${placeOf(kind)}/${encodeURIComponent(path)}`);
    listsChanged();
  });
  source.addEventListener("catalog", listsChanged);
  source.addEventListener("approvals", () => invalidate("/approvals"));
  source.addEventListener("entitlement", invalidateAll);
  source.addEventListener("reset", invalidateAll);
}

function listsChanged(): void {
  calm ??= window.setTimeout(() => {
    calm = undefined;
    invalidate("/catalog", "/tools", "/definition-changes", "/findings");
  }, CALM);
}

function turn(to: Pulse): void {
  pulse = to;
  for (const each of watchers) each();
}
