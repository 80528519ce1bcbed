import assert from "node:assert/strict";
import { test } from "node:test";
import { asked, instant, kept } from "../src/views/govern/audit-query.ts";
import { unescaped } from "../src/views/govern/evidence.ts";
import { csv, jsonLines } from "../src/views/govern/export.ts";
import { ceiling, series, summed, within } from "../src/views/govern/figures.ts";

test("evidence is the text again, whatever was escaped or cut in it", () => {
  assert.equal(unescaped(String.raw`up\u200b \xfc\n\U000e0065 C:\\x41`), "up\u200b ü\n\u{e0065} C:\\x41");
  assert.equal(unescaped(String.raw`cut \u20`), String.raw`cut \u20`);
  assert.equal(unescaped(String.raw`none \Uffffffff`), String.raw`none \Uffffffff`);
});

test("a spreadsheet runs nothing of the trail, and JSON lines are the records", () => {
  const record = { time: "t", reason: '=HYPERLINK("x")', latency_ms: -3, scopes: ["a", "b"], parameters: null };
  const columns = ["time", "reason", "latency_ms", "scopes", "parameters"];
  const lines = csv([record], columns).split("\r\n");
  assert.equal(lines[0], columns.join(","));
  assert.equal(lines[1], `t,"'=HYPERLINK(""x"")",-3,"[""a"",""b""]",`);
  assert.deepEqual(jsonLines([record, record]).trim().split("\n").map((line) => JSON.parse(line)), [record, record]);
});

test("filters of the trail stand in the address, and a span counts from now", () => {
  const query = new URLSearchParams("last=day&subject=user:ann&record=1&since=2026-01-01T00:00");
  const now = Date.parse("2026-11-20T12:00:00Z");
  assert.equal(asked(query, now)["since"], "2026-11-19T12:00:00.000Z");
  assert.equal(asked(query, now)["until"], null);
  assert.equal(asked(query, now)["subject"], "user:ann");
  assert.equal(kept(query), "last=day&since=2026-01-01T00%3A00&subject=user%3Aann");
  assert.equal(instant("no time"), null);
});

const row = (name: string, calls: number, errors: number, histogram: number[]) => ({
  of: "period", name, calls, errors, histogram, average_ms: null, p50_ms: null, p95_ms: null,
});

test("periods add up, those without a call are there, and shares are bounds", () => {
  const rows = [row("2026-11-20T10", 3, 1, [3, 0, 0]), row("2026-11-20T12", 1, 0, [0, 0, 1])];
  const sum = summed(rows);
  assert.deepEqual([sum.calls, sum.errors, sum.histogram], [4, 1, [3, 0, 1]]);
  assert.equal(within(sum, [5, 10], 0.5), 5);
  assert.equal(within(sum, [5, 10], 0.95), null);
  assert.equal(within(summed([]), [5, 10], 0.5), undefined);
  const points = series(rows, true, 3, new Date("2026-11-20T12:30:00Z"));
  assert.deepEqual(points.map((each) => each.calls), [3, 0, 1]);
  assert.deepEqual([0, 6, 11, 40, 999].map(ceiling), [4, 10, 20, 40, 1000]);
});
