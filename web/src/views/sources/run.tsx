import { count, milliseconds, words } from "../../format";
import { Icon } from "../../icons";
import { flowsTexts } from "../../strings/flows";
import { Badge, type Tone } from "../../ui/badge";
import { Time } from "../../ui/facts";
import type { Run } from "./types";

const { sources } = flowsTexts;
const COUNTS = Object.keys(sources.counts) as (keyof typeof sources.counts)[];
const OUTCOMES: Record<string, Tone> = { ok: "good", failed: "bad", cancelled: "warn" };
const ALWAYS = new Set(["offers", "added", "changed", "unchanged", "refused"]);

export function Outcome({ run }: { run: Run }) {
  const outcome = run.outcome ?? "running";
  return <Badge tone={OUTCOMES[outcome] ?? "accent"}>{sources.states[outcome]}</Badge>;
}

/** One pass in numbers, and what did not come in, and why. */
export function RunView({ run }: { run: Run }) {
  return (
    <div class="run">
      <p class="run-line">
        <Outcome run={run} />
        <span class="quiet">
          {sources.began} <Time at={run.started} />
          {run.ended && `, ${sources.took.toLowerCase()} ${milliseconds(new Date(run.ended).getTime() - new Date(run.started).getTime())}`}
          {run.whole && `, ${sources.whole}`}
        </span>
      </p>
      {run.error && (
        <p class="notice bad">
          <Icon name="warning" />
          <span>
            {run.code && <code>{run.code}</code>} {run.error}
          </span>
        </p>
      )}
      <dl class="numbers">
        {COUNTS.filter((name) => run[name] || ALWAYS.has(name)).map((name) => (
          <div key={name}>
            <dt>{sources.counts[name]}</dt>
            <dd>{count(run[name])}</dd>
          </div>
        ))}
      </dl>
      {run.planned.length > 0 && <Planned run={run} />}
      {run.refused > 0 && <Refused run={run} />}
    </div>
  );
}

const CHANGES: Record<string, Tone> = { added: "good", changed: "accent", retired: "warn", refused: "bad" };

function Planned({ run }: { run: Run }) {
  const { change, id, path } = sources.planColumns;
  return (
    <div class="table-place">
      <table class="table" aria-label={sources.dryTitle}>
        <Head labels={[change, id, path]} />
        <tbody>
          {run.planned.map((each, index) => (
            <tr key={index}>
              <td>
                <Badge tone={CHANGES[each.change] ?? "neutral"}>{sources.changes[each.change]}</Badge>
              </td>
              <td title={each.id}>{each.id}</td>
              <td>{each.path}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Refused({ run }: { run: Run }) {
  const { id, code, reason } = sources.refusalColumns;
  const codes = Object.entries(run.codes).map(([name, each]) => `${words(name)}: ${count(each)}`);
  return (
    <details class="unfold" open={run.refusals.length <= 10}>
      <summary>
        {sources.refused}: {codes.join(", ")}
      </summary>
      {run.refused > run.refusals.length && <p class="quiet">{sources.refusedMore(run.refusals.length)}</p>}
      <div class="table-place">
        <table class="table wrapping" aria-label={sources.refused}>
          <Head labels={[id, code, reason]} />
          <tbody>
            {run.refusals.map((each, index) => (
              <tr key={index}>
                <td title={each.id}>{each.id || each.path}</td>
                <td>
                  <code>{each.code}</code>
                </td>
                <td>{each.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Head({ labels }: { labels: string[] }) {
  return (
    <thead>
      <tr>
        {labels.map((each) => (
          <th key={each} scope="col">
            {each}
          </th>
        ))}
      </tr>
    </thead>
  );
}
