/** What changed between two texts, line by line (longest common subsequence). */
export interface Line {
  sign: "+" | "-" | " ";
  text: string;
}

const MOST = 2_000;

export function diff(before: string, after: string): Line[] {
  const a = before.split("\n").slice(0, MOST);
  const b = after.split("\n").slice(0, MOST);
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const common = (i: number, j: number) => table[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = table[i];
      if (row) row[j] = a[i] === b[j] ? common(i + 1, j + 1) + 1 : Math.max(common(i + 1, j), common(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: " ", text: a[i] ?? "" });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || common(i + 1, j) >= common(i, j + 1))) {
      lines.push({ sign: "-", text: a[i] ?? "" });
      i++;
    } else {
      lines.push({ sign: "+", text: b[j] ?? "" });
      j++;
    }
  }
  return lines;
}
