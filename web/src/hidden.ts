/** Characters that do not show: upstreams may write to models with them what no person reads. */

export interface Piece {
  text: string;
  /** What stands there in place of characters that do not show: their code points, or the letters that tags spell. */
  hidden?: string;
}

/** Joiners and selectors that emoji are made of, which hide nothing. */
const HARMLESS = String.raw`(?:\p{Extended_Pictographic}\uFE0F?(?:\u200D\p{Extended_Pictographic}\uFE0F?)*)`;
/** Controls, formats, private use, odd spaces, fillers and selectors; no plain space, tab or end of line. */
const UNSEEN = String.raw`(?:[\p{Cf}\p{Co}\p{Zl}\p{Zp}\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00A0\u034F\u115F\u1160\u2000-\u200A\u2028\u202F\u205F\u2800\u3000\u3164\uFE00-\uFE0F\uFFA0\u{E0100}-\u{E01EF}])+`;
const LOOK = new RegExp(`${HARMLESS}|(${UNSEEN})`, "gu");
const TAGS = /^[\u{E0020}-\u{E007E}\u{E0001}\u{E007F}]+$/u;
const MOST = 6;

/** A text in pieces: what shows as it is, and what does not by name. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let after = 0;
  for (const match of text.matchAll(LOOK)) {
    const run = match[1];
    if (run === undefined) continue;
    if (match.index > after) found.push({ text: text.slice(after, match.index) });
    found.push({ text: run, hidden: named(run) });
    after = match.index + run.length;
  }
  if (after < text.length) found.push({ text: text.slice(after) });
  return found;
}

/** How many characters of a text do not show. */
export function unseen(text: string): number {
  return pieces(text).reduce((sum, piece) => sum + (piece.hidden === undefined ? 0 : [...piece.text].length), 0);
}

function named(run: string): string {
  const points = [...run].map((each) => each.codePointAt(0) ?? 0);
  if (TAGS.test(run)) return `tags: ${points.map((point) => String.fromCharCode(point - 0xe0000)).join("").replaceAll(/[^ -~]/g, "")}`;
  const codes = points.slice(0, MOST).map((point) => `U+${point.toString(16).toUpperCase().padStart(4, "0")}`);
  return codes.join(" ") + (points.length > MOST ? ` +${points.length - MOST}` : "");
}
