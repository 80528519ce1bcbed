/** Keys: what a view listens to, and the list that `?` shows. */
import { useEffect, useRef } from "preact/hooks";

export interface Key {
  /** As KeyboardEvent.key has it; `mod+k` is Control or Command with k. */
  key: string;
  does: string;
  run: (event: KeyboardEvent) => void;
}

const layers: Key[][] = [];

/** Listen to keys while a component is there. The latest listener is asked first. */
export function useKeys(keys: Key[]): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const layer = keys.map((key, index) => ({ ...key, run: (e: KeyboardEvent) => latest.current[index]?.run(e) }));
    layers.push(layer);
    return () => void layers.splice(layers.indexOf(layer), 1);
  }, []);
}

/** All keys that do something now, each once. */
export function known(): Key[] {
  const found = new Map<string, Key>();
  for (const key of layers.flat()) found.set(key.key, key);
  return [...found.values()];
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey) return;
  const mod = event.ctrlKey || event.metaKey;
  const name = mod ? `mod+${event.key.toLowerCase()}` : event.key;
  if (!mod && (typing(event.target) || document.querySelector("dialog[open]"))) return;
  const key = layers.toReversed().flat().find((each) => each.key === name);
  if (!key) return;
  event.preventDefault();
  key.run(event);
});

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}
