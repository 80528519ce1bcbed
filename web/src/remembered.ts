/** Small things that this browser remembers: how the page is arranged, never what is in it. */
import { useState } from "preact/hooks";

const PREFIX = "airegistry.";

export function recall<T>(name: string, otherwise: T): T {
  try {
    const kept = localStorage.getItem(PREFIX + name);
    return kept === null ? otherwise : (JSON.parse(kept) as T);
  } catch {
    return otherwise;
  }
}

/** Keep a value; null forgets it. */
export function remember(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // a browser that keeps nothing shows the page as it is at first
  }
}

export function useRemembered<T>(name: string, otherwise: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => recall(name, otherwise));
  return [
    value,
    (next) => {
      remember(name, next);
      setValue(next);
    },
  ];
}
