/**
 * What was read, kept by its path, and read again when something says that it changed.
 *
 * A view asks with `useRead`; whoever changes something says so with `invalidate`, and so does the stream of live events.
 */
import { useCallback, useEffect, useReducer, useRef } from "preact/hooks";
import { get, withQuery, type Query } from "./api";

interface Entry {
  data: unknown;
  error: unknown;
  at: number;
  stale: boolean;
  loading: AbortController | null;
  watchers: Set<() => void>;
}

export interface Read<T> {
  data: T | undefined;
  error: unknown;
  loading: boolean;
  /** Ask again now. */
  again: () => void;
}

const MOST = 200;
const entries = new Map<string, Entry>();

/** Read a path of the API, and again when it is invalidated; null asks for nothing. */
export function useRead<T>(path: string | null, query?: Query): Read<T> {
  const key = path === null ? null : withQuery(path, query);
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (key === null) return;
    const entry = entryOf(key);
    entry.watchers.add(draw as () => void);
    if (entry.data === undefined || entry.stale) void load(key, entry);
    return () => {
      entry.watchers.delete(draw as () => void);
      if (entry.watchers.size === 0 && entry.loading) stop(entry);
    };
  }, [key]);
  const again = useCallback(() => {
    if (key !== null) void load(key, entryOf(key));
  }, [key]);
  const entry = key === null ? undefined : entries.get(key);
  return {
    data: entry?.data as T | undefined,
    error: entry?.error,
    loading: key !== null && (!entry || entry.loading !== null || (entry.data === undefined && !entry.error)),
    again,
  };
}

/** As `useRead`, but what was shown last stays until the next answer is there: for what changes at each key. */
export function useLatest<T>(path: string | null, query?: Query): Read<T> {
  const read = useRead<T>(path, query);
  const last = useRef<T | undefined>(undefined);
  if (read.data !== undefined) last.current = read.data;
  return { ...read, data: read.data ?? last.current };
}

/** Say that everything below a path may have changed: what is on screen is read again, the rest when it is needed. */
export function invalidate(...prefixes: string[]): void {
  for (const [key, entry] of entries) {
    if (!prefixes.some((each) => key === each || key.startsWith(`${each}/`) || key.startsWith(`${each}?`))) continue;
    if (entry.watchers.size) void load(key, entry);
    else entry.stale = true;
  }
}

/** Nothing that is kept counts any more. */
export function invalidateAll(): void {
  for (const [key, entry] of entries) {
    if (entry.watchers.size) void load(key, entry);
    else entries.delete(key);
  }
}

function entryOf(key: string): Entry {
  let entry = entries.get(key);
  if (!entry) {
    entry = { data: undefined, error: undefined, at: 0, stale: false, loading: null, watchers: new Set() };
    entries.set(key, entry);
    forgetOldest();
  }
  return entry;
}

async function load(key: string, entry: Entry): Promise<void> {
  entry.loading?.abort();
  const mine = new AbortController();
  entry.loading = mine;
  tell(entry);
  try {
    const data = await get(key, { signal: mine.signal });
    if (entry.loading !== mine) return;
    Object.assign(entry, { data, error: undefined, at: Date.now(), stale: false });
  } catch (error) {
    if (entry.loading !== mine) return;
    entry.error = error;
  }
  entry.loading = null;
  tell(entry);
}

function stop(entry: Entry): void {
  const loading = entry.loading;
  entry.loading = null;
  entry.stale = true;
  loading?.abort();
}

function tell(entry: Entry): void {
  for (const each of entry.watchers) each();
}

function forgetOldest(): void {
  if (entries.size <= MOST) return;
  for (const [key, entry] of entries) {
    if (!entry.watchers.size) {
      entries.delete(key);
      return;
    }
  }
}
