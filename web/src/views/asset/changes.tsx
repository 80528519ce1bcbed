import { count } from "../../format";
import { Icon } from "../../icons";
import { placeOf } from "../../kinds";
import { useRead } from "../../store";
import { assetTexts } from "../../strings/asset";
import { Badge, type Tone } from "../../ui/badge";
import { Section, Time } from "../../ui/facts";
import { ErrorState, EmptyState, Skeleton } from "../../ui/states";
import { Upstream } from "../../ui/upstream";
import { OneFinding } from "./findings";
import type { AssetProps, DefinitionChanges, Pending } from "./types";

const texts = assetTexts.changes;
const GRADES: Record<string, Tone> = { minor: "neutral", material: "warn", privilege_widened: "bad" };

/** What its backend says otherwise than it was approved. */
export default function Changes({ asset }: AssetProps) {
  const read = useRead<DefinitionChanges>(`/${placeOf(asset.kind)}/${encodeURIComponent(asset.path)}/definition-changes`);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />;
  const { pending, approved } = read.data;
  return (
    <>
      {pending.length ? (
        <>
          <p class="notice warn">
            <Icon name="warning" />
            {texts.lead} {texts.unread}
          </p>
          {pending.map((each) => (
            <Waiting key={each.part} part={each} />
          ))}
        </>
      ) : (
        <EmptyState icon="check" title={texts.none}>
          {texts.noneText}
        </EmptyState>
      )}
      <Approved hashes={approved} />
    </>
  );
}

function Waiting({ part }: { part: Pending }) {
  return (
    <Section
      title={part.part || asWhole}
      action={
        <span class="badges">
          <span class="quiet">
            {texts.since} <Time at={part.since} />
          </span>
          <Badge tone={GRADES[part.grade] ?? "neutral"}>{texts.grades[part.grade as keyof typeof texts.grades] ?? part.grade}</Badge>
        </span>
      }
    >
      {part.rejected_by && <p class="notice bad">{texts.rejected(part.rejected_by, part.reason)}</p>}
      <ul class="edits">
        {part.edits.map((edit, index) => (
          <li key={index}>
            <code>
              <Upstream text={edit.at || "/"} />
            </code>
            <span>
              <Upstream text={edit.said} />
            </span>
          </li>
        ))}
      </ul>
      <UnifiedDiff text={part.diff} label={texts.diff(part.part)} />
      {part.findings.length > 0 && (
        <ul class="findings">
          {part.findings.map((each) => (
            <li key={each.fingerprint || each.message}>
              <OneFinding finding={each} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

const asWhole = texts.whole;

/** A unified diff as the registry made it: what does not show stands there as escapes. */
export function UnifiedDiff({ text, label }: { text: string; label: string }) {
  const lines = text.split("\n").filter((line) => !/^(---|\+\+\+) /.test(line));
  return (
    <pre class="diff" tabIndex={0} aria-label={label}>
      {lines.map((line, index) => {
        const sign = line[0] ?? " ";
        const rest = <Upstream text={line.slice(1)} />;
        if (sign === "@") return <div key={index} class="diff-place" aria-hidden="true">⋯</div>;
        return (
          <div key={index} class={sign === "+" ? "came" : sign === "-" ? "went" : undefined}>
            <span class="sign" aria-hidden="true">
              {sign}
            </span>
            {sign === "+" ? <ins>{rest}</ins> : sign === "-" ? <del>{rest}</del> : rest}
          </div>
        );
      })}
    </pre>
  );
}

function Approved({ hashes }: { hashes: Record<string, string> }) {
  const { "": whole, ...parts } = hashes;
  const names = Object.entries(parts);
  if (!whole) return null;
  return (
    <Section title={texts.approved}>
      <details class="fold">
        <summary>
          {texts.parts(count(names.length))} · <code class="hash">{whole.slice(0, 16)}</code>
        </summary>
        <ul class="edits">
          {names.map(([name, hash]) => (
            <li key={name}>
              <code>
                <Upstream text={name} />
              </code>
              <code class="hash quiet">{hash.slice(0, 32)}</code>
            </li>
          ))}
        </ul>
      </details>
    </Section>
  );
}
