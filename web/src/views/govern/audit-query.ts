/** The filters of the audit trail as they stand in the address. */
import type { Query } from "../../api";

export const FILTERS = ["last", "since", "until", "subject", "action", "asset", "tool", "decision", "request_id"] as const;

const HOURS: Record<string, number> = { hour: 1, day: 24, week: 168, month: 720 };

/** What the API is asked; a span of time counts from `now`. */
export function asked(query: URLSearchParams, now: number): Query {
  const hours = HOURS[query.get("last") ?? ""];
  const since = hours ? new Date(now - hours * 3_600_000).toISOString() : instant(query.get("since"));
  const until = hours ? null : instant(query.get("until"));
  const plain = Object.fromEntries(FILTERS.slice(3).map((name) => [name, query.get(name)]));
  return { ...plain, since, until };
}

/** What a field of date and time holds, as a moment with its zone. */
export function instant(local: string | null): string | null {
  if (!local) return null;
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** The filters alone, in one order: what is saved, and compared. */
export function kept(query: URLSearchParams): string {
  const found = new URLSearchParams();
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value) found.set(name, value);
  }
  return found.toString();
}
