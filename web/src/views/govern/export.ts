/** The audit trail as files: JSON lines, or CSV that a spreadsheet runs nothing of. */
import type { JsonObject } from "../../types";

const FORMULA = /^[=+\-@\t\r]/;

export function jsonLines(records: JsonObject[]): string {
  return records.map((each) => `${JSON.stringify(each)}\n`).join("");
}

export function csv(records: JsonObject[], columns: string[]): string {
  const lines = [columns, ...records.map((each) => columns.map((name) => said(each[name])))];
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

function said(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return FORMULA.test(text) ? `'${text}` : text;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Give the browser a file to keep. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
