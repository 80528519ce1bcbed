/** Lists that come in pages, read on as one comes near their end. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, type Query } from "../../api";
import { useLatest } from "../../store";

export interface Pages<T> {
  items: T[] | undefined;
  /** One more than there are while there is more to read: what lists take for their total. */
  total: number;
  error: unknown;
  loading: boolean;
  more: () => void;
  again: () => void;
}

interface Answer {
  next_cursor?: string | null;
}

/** What a path answers with, page by page; another question begins anew. */
export function usePages<A extends Answer, T>(path: string, query: Query, itemsOf: (answer: A) => T[]): Pages<T> {
  const first = useLatest<A>(path, query);
  const key = JSON.stringify(query);
  const [rest, setRest] = useState<{ of: A; items: T[]; cursor: string | null } | null>(null);
  const reading = useRef<AbortController | null>(null);
  useEffect(() => () => reading.current?.abort(), [key]);
  const mine = rest !== null && rest.of === first.data ? rest : null;
  const cursor = mine ? mine.cursor : (first.data?.next_cursor ?? null);
  const more = useCallback(() => {
    const of = first.data;
    if (!cursor || !of || (reading.current && !reading.current.signal.aborted)) return;
    const running = (reading.current = new AbortController());
    get<A>(path, { query: { ...query, cursor }, signal: running.signal })
      .then((page) => setRest({ of, items: [...(mine?.items ?? []), ...itemsOf(page)], cursor: page.next_cursor ?? null }))
      .catch(() => undefined) // the next turn of the wheel tries again
      .finally(() => {
        if (reading.current === running) reading.current = null;
      });
  }, [key, cursor, first.data]);
  const items = useMemo(() => (first.data ? [...itemsOf(first.data), ...(mine?.items ?? [])] : undefined), [first.data, mine]);
  return { items, total: (items?.length ?? 0) + (cursor ? 1 : 0), error: first.error, loading: first.loading, more, again: first.again };
}
