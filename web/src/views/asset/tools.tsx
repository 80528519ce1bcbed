import { useState } from "preact/hooks";
import { viewOf } from "../../kinds";
import { Link } from "../../router";
import { strings } from "../../strings";
import { assetTexts } from "../../strings/asset";
import type { Asset, Tool } from "../../types";
import { Badge } from "../../ui/badge";
import { TextField } from "../../ui/field";
import { Prose } from "../../ui/facts";
import { SchemaView } from "../../ui/schema-view";
import { EmptyState } from "../../ui/states";
import { Upstream } from "../../ui/upstream";
import type { More } from "./types";

const MANY = 8;

/** What a server offers: each tool with what it takes, in words. */
export function Tools({ asset }: { asset: Asset & More }) {
  const [text, setText] = useState("");
  const tools = asset.tools ?? [];
  if (!tools.length) {
    return (
      <EmptyState icon="tool" title={strings.tools.none}>
        {strings.tools.noneText}
      </EmptyState>
    );
  }
  const wanted = text.trim().toLowerCase();
  const shown = tools.filter((tool) => `${tool.name} ${tool.title ?? ""} ${tool.description}`.toLowerCase().includes(wanted));
  return (
    <>
      {tools.length > MANY && <TextField label={strings.tools.filter} value={text} onValue={setText} />}
      <ul class="tool-list">
        {shown.map((tool) => (
          <li key={tool.name}>
            <OneTool asset={asset} tool={tool} />
          </li>
        ))}
      </ul>
    </>
  );
}

function OneTool({ asset, tool }: { asset: Asset & More; tool: Tool }) {
  const changed = asset.held?.[tool.name];
  return (
    <details class="tool" id={`tool-${tool.name}`}>
      <summary data-item>
        <code>
          <Upstream text={tool.name} />
        </code>
        <span class="tool-lead">
          <Upstream text={tool.title ?? firstSentence(tool.description)} />
        </span>
        {asset.requires_approval?.includes(tool.name) && <Badge tone="warn">{assetTexts.facts.approval}</Badge>}
        {changed && <Badge tone="bad">{assetTexts.changed}</Badge>}
        <Hints tool={tool} />
      </summary>
      <div class="tool-body">
        <Prose text={tool.description || strings.find.noDescription} />
        <h2>{strings.tools.takes}</h2>
        <SchemaView schema={tool.inputSchema} />
        {tool.outputSchema && (
          <>
            <h2>{strings.tools.returns}</h2>
            <SchemaView schema={tool.outputSchema} />
          </>
        )}
        <Link to={`${viewOf(asset, "try")}?tool=${encodeURIComponent(tool.name)}`} class="button plain small">
          {strings.tools.try}
        </Link>
      </div>
    </details>
  );
}

/** What a tool says of itself; nobody has proven it. */
function Hints({ tool }: { tool: Tool }) {
  const hints = tool.annotations ?? {};
  const said = (["readOnlyHint", "destructiveHint"] as const).filter((name) => hints[name] === true);
  return (
    <>
      {said.map((name) => (
        <Badge key={name} tone={name === "destructiveHint" ? "warn" : "neutral"}>
          {strings.tools.hints[name]}
        </Badge>
      ))}
    </>
  );
}

function firstSentence(text: string): string {
  return text.split(/(?<=\.)\s|\n/)[0] ?? "";
}
