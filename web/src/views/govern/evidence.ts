/** Evidence of scans comes as ASCII with escapes. Shown, it is the text again, with what nobody sees written out. */

const ESCAPE = /\\(?:U([0-9a-f]{8})|u([0-9a-f]{4})|x([0-9a-f]{2})|([ntr\\]))/g;
const PLAIN: Record<string, string> = { n: "\n", t: "\t", r: "\r", "\\": "\\" };

/** The text that was escaped; what is no escape, or was cut, stays. */
export function unescaped(evidence: string): string {
  return evidence.replaceAll(ESCAPE, (whole, long?: string, short?: string, byte?: string, plain?: string) => {
    if (plain !== undefined) return PLAIN[plain] ?? whole;
    const code = parseInt(long ?? short ?? byte ?? "", 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
