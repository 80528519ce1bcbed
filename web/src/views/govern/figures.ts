/** Sums of usage: what several periods or assets come to together. */
import type { UsageRow } from "./types";

export interface Sum {
  calls: number;
  errors: number;
  histogram: number[];
}

export function summed(rows: UsageRow[]): Sum {
  const sum: Sum = { calls: 0, errors: 0, histogram: [] };
  for (const row of rows) {
    sum.calls += row.calls;
    sum.errors += row.errors;
    row.histogram.forEach((value, index) => (sum.histogram[index] = (sum.histogram[index] ?? 0) + value));
  }
  return sum;
}

/** The bound that a share of the calls stayed within; null above all bounds, undefined without calls. */
export function within(sum: Sum, bounds: number[], share: number): number | null | undefined {
  if (!sum.calls) return undefined;
  let seen = 0;
  for (const [index, bound] of bounds.entries()) {
    seen += sum.histogram[index] ?? 0;
    if (seen >= share * sum.calls) return bound;
  }
  return null;
}

export interface Point {
  /** As the API names it: `2026-11-20T17` or `2026-11-20`, UTC. */
  period: string;
  calls: number;
  errors: number;
}

/** Every period up to now, those without a call too, the oldest first. */
export function series(rows: UsageRow[], hourly: boolean, length: number, now: Date): Point[] {
  const known = new Map(rows.map((row) => [row.name, row]));
  const step = hourly ? 3_600_000 : 86_400_000;
  return Array.from({ length }, (_, index) => {
    const period = new Date(now.getTime() - (length - 1 - index) * step).toISOString().slice(0, hourly ? 13 : 10);
    const row = known.get(period);
    return { period, calls: row?.calls ?? 0, errors: row?.errors ?? 0 };
  });
}

/** A round number at or above the highest point, for the axis. */
export function ceiling(most: number): number {
  if (most <= 4) return 4;
  const size = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].map((each) => each * size).find((each) => each >= most) ?? most;
}
