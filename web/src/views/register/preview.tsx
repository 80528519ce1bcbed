import { words } from "../../format";
import { Icon } from "../../icons";
import { viewOf } from "../../kinds";
import { Link } from "../../router";
import { strings } from "../../strings";
import { actTexts } from "../../strings/act";
import { Badge, Risk, type Tone } from "../../ui/badge";
import { Facts, Prose, type Fact } from "../../ui/facts";
import { SchemaView } from "../../ui/schema-view";
import type { Finding, Looked } from "./looking";

const { preview } = actTexts;
const TONES = { pass: "good", review: "warn", block: "bad" } as const;

/** What would be stored: the verdict first, then what was found. */
export function Preview({ looked }: { looked: Looked }) {
  const { verdict, findings } = looked.scan;
  return (
    <>
      <p class={`notice ${TONES[verdict]}`} role="status">
        <Icon name={verdict === "pass" ? "check" : verdict === "review" ? "shield" : "warning"} />
        {preview[verdict]}
      </p>
      {findings === undefined && verdict !== "pass" && <p class="quiet">{preview.hidden}</p>}
      {findings && findings.length > 0 && <Findings findings={findings} />}
      {looked.duplicates.length > 0 && <Duplicates looked={looked} />}
      {looked.card_lacks && looked.card_lacks.length > 0 && (
        <p class="quiet">
          {preview.lacks} {looked.card_lacks.join(", ")}
        </p>
      )}
      <Facts facts={factsOf(looked)} />
      {(looked.kind === "server" || looked.kind === "virtual_server") && <Tools looked={looked} />}
      {looked.kind === "agent" && <Skills looked={looked} />}
    </>
  );
}

const SEVERITY: Record<string, Tone> = { info: "neutral", low: "neutral" };

/** Where they are and what they say; evidence comes escaped, and is text. */
function Findings({ findings }: { findings: Finding[] }) {
  return (
    <section aria-label={preview.findings}>
      <h2 class="small-title">{preview.findings}</h2>
      <ul class="plain-list">
        {findings.map((each, index) => (
          <li key={each.fingerprint ?? index}>
            <div class="finding-line">
              {SEVERITY[each.severity] ? <Badge>{words(each.severity)}</Badge> : <Risk level={each.severity} />}
              <strong>{each.message}</strong>
            </div>
            <p>
              <code>{each.rule}</code> {preview.at} <code>{each.field || "/"}</code>
            </p>
            {each.evidence && <pre class="evidence">{each.evidence}</pre>}
            {each.remediation && <p>{each.remediation}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Duplicates({ looked }: { looked: Looked }) {
  return (
    <p class="notice warn">
      <Icon name="info" />
      <span>
        {preview.duplicates}{" "}
        {looked.duplicates.map((each, index) => (
          <span key={each.path}>
            {index > 0 && ", "}
            <Link to={viewOf({ kind: looked.kind, path: each.path })}>{each.path}</Link> ({preview.why[each.reason]})
          </span>
        ))}
      </span>
    </p>
  );
}

function factsOf(looked: Looked): Fact[] {
  const info = looked.server_info;
  const pinned = looked.pinned?.["commit"];
  return [
    [preview.says, info?.name && `${info.title ?? info.name}${info.version ? ` ${info.version}` : ""}`],
    [preview.protocol, looked.protocol_version],
    [preview.endpoint, looked.kind === "agent" && looked.url],
    [preview.resources, (looked.resources?.length ?? 0) + (looked.resource_templates?.length ?? 0) || null],
    [preview.prompts, looked.prompts?.length || null],
    [preview.files, Object.keys(looked.files ?? {}).join(", ")],
    [preview.pinned, typeof pinned === "string" && <code>{pinned.slice(0, 12)}</code>],
    [preview.license, looked.kind === "skill" && looked.license],
  ].filter(([, value]) => value !== false) as Fact[];
}

function Tools({ looked }: { looked: Looked }) {
  const tools = looked.tools ?? [];
  const title = looked.kind === "virtual_server" ? preview.names : preview.tools;
  if (!tools.length) return <p class="quiet">{preview.noTools}</p>;
  return (
    <section aria-label={title}>
      <h2 class="small-title">
        {title} <span class="count">{tools.length}</span>
      </h2>
      <ul class="tool-list">
        {tools.map((tool) => (
          <li key={tool.name}>
            <details class="tool">
              <summary data-item>
                <code>{tool.name}</code>
                <span class="tool-lead">{tool.title ?? tool.description.split("\n")[0]}</span>
              </summary>
              <div class="tool-body">
                <Prose text={tool.description || strings.find.noDescription} />
                <SchemaView schema={tool.inputSchema ?? {}} />
              </div>
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Skills({ looked }: { looked: Looked }) {
  return (
    <section aria-label={preview.skills}>
      <h2 class="small-title">{preview.skills}</h2>
      <ul class="plain-list">
        {(looked.skills ?? []).map((skill) => (
          <li key={skill.id}>
            <strong>{skill.name}</strong>
            <p>{skill.description}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
