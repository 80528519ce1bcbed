import { diff } from "../diff";
import { strings } from "../strings";

/** Two texts, line by line: what went and what came. */
export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  const lines = diff(before, after);
  if (lines.every((each) => each.sign === " ")) return <p class="quiet">{strings.ui.same}</p>;
  return (
    <pre class="diff" tabIndex={0} aria-label={label}>
      {lines.map((line, index) => (
        <div key={index} class={line.sign === "+" ? "came" : line.sign === "-" ? "went" : undefined}>
          <span class="sign" aria-hidden="true">
            {line.sign}
          </span>
          {line.sign === "+" ? <ins>{line.text}</ins> : line.sign === "-" ? <del>{line.text}</del> : line.text}
        </div>
      ))}
    </pre>
  );
}
