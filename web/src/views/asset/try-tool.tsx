import { useState } from "preact/hooks";
import { ApiError } from "../../api";
import { milliseconds } from "../../format";
import { Icon } from "../../icons";
import { viewOf } from "../../kinds";
import { Link, navigate, usePlace, withParams } from "../../router";
import { initial, lacking } from "../../schema";
import { strings } from "../../strings";
import { tryTexts } from "../../strings/asset";
import type { Asset, ContentBlock, JsonObject, Tool } from "../../types";
import { Button } from "../../ui/button";
import { CodeBlock, JsonBlock } from "../../ui/code";
import { Prose } from "../../ui/facts";
import { Select } from "../../ui/field";
import { SchemaForm } from "../../ui/schema-form";
import { EmptyState, ErrorState } from "../../ui/states";
import { Upstream } from "../../ui/upstream";
import { useCall, type Calling, type Question, type Verdict } from "./calling";
import { Elicitation } from "./elicitation";

const texts = tryTexts;

/** Call a tool through the gateway, as oneself. */
export function TryTool({ asset }: { asset: Asset }) {
  const { query } = usePlace();
  const tools = asset.tools ?? [];
  const tool = tools.find((each) => each.name === query.get("tool")) ?? tools[0];
  if (!tool) {
    return (
      <EmptyState icon="tool" title={strings.tools.none}>
        {strings.tools.noneText}
      </EmptyState>
    );
  }
  return (
    <div class="try">
      <div>
        <Select
          label={texts.tool}
          value={tool.name}
          onValue={(name) => navigate(withParams({ tool: name }), { replace: true })}
          choices={tools.map((each) => ({ value: each.name, label: each.title ? `${each.title} (${each.name})` : each.name }))}
        />
        <Trial key={tool.name} asset={asset} tool={tool} />
      </div>
    </div>
  );
}

function Trial({ asset, tool }: { asset: Asset; tool: Tool }) {
  const [value, setValue] = useState<JsonObject>(() => initial(tool.inputSchema));
  const [wrong, setWrong] = useState<Record<string, string | undefined>>({});
  const [asked, setAsked] = useState(false);
  const { calling, begin, answer, stop } = useCall(asset.path, tool.name);
  const missing = lacking(value, tool.inputSchema);
  const call = (event: Event) => {
    event.preventDefault();
    setAsked(true);
    if (missing.length || Object.values(wrong).some(Boolean)) return;
    void begin(value);
  };
  return (
    <div class="trial">
      <form class="panel" onSubmit={call} noValidate>
        {tool.description && <Prose text={tool.description} />}
        {tool.annotations?.destructiveHint && (
          <p class="notice warn">
            <Icon name="warning" />
            {texts.destructive}
          </p>
        )}
        <SchemaForm
          schema={tool.inputSchema}
          value={value}
          onValue={setValue}
          missing={asked ? missing : []}
          onError={(name, error) => setWrong({ ...wrong, [name]: error })}
        />
        <div class="acts">
          <Button look="primary" icon="play" type="submit" busy={calling.running}>
            {texts.call}
          </Button>
          {calling.running && <Button onClick={stop}>{texts.stop}</Button>}
        </div>
      </form>
      <section class="panel result" aria-live="polite" aria-label={texts.result} aria-busy={calling.running}>
        {calling.running ? (
          <Running calling={calling} from={asset.title || asset.name} onAnswer={answer} />
        ) : calling.took === undefined ? (
          <NoCall />
        ) : (
          <Outcome calling={calling} took={calling.took} why={`${viewOf(asset, "who")}?${new URLSearchParams({ action: "call", tool: tool.name })}`} />
        )}
      </section>
    </div>
  );
}

interface RunningProps {
  calling: Calling;
  from: string;
  onAnswer: (question: Question, action: Verdict, content?: JsonObject) => Promise<void>;
}

/** How far a call is, and what it asks. */
function Running({ calling, from, onAnswer }: RunningProps) {
  const { progress, question } = calling;
  const share = progress?.total ? { max: progress.total, value: progress.progress } : {};
  return (
    <>
      <div class="running">
        <p>{progress?.message ? <Upstream text={progress.message} /> : texts.running}</p>
        {progress?.total !== undefined && <span class="quiet">{texts.share(String(progress.progress), String(progress.total))}</span>}
        <progress aria-label={texts.progress} {...share} />
      </div>
      {question && <Elicitation key={question.question} question={question} from={from} onAnswer={(action, content) => onAnswer(question, action, content)} />}
    </>
  );
}

function NoCall() {
  return (
    <EmptyState icon="play" title={texts.nothing}>
      {texts.nothingText}
    </EmptyState>
  );
}

function Outcome({ calling: { result, error }, took, why }: { calling: Calling; took: number; why: string }) {
  if (!result) return <Ended error={error} why={why} />;
  const told = result.structuredContent !== undefined && result.structuredContent !== null;
  return (
    <>
      <p class={result.isError ? "notice bad" : "notice good"}>
        <Icon name={result.isError ? "warning" : "check"} />
        {result.isError ? texts.failed : texts.took(milliseconds(took))}
      </p>
      {told && <JsonBlock value={result.structuredContent} title={texts.structured} />}
      {result.content.map((block, index) => (
        <Block key={index} block={block} twice={told} />
      ))}
    </>
  );
}

/** A call that has no result: refused by the gateway, stopped, or cut off. */
function Ended({ error, why }: { error: unknown; why: string }) {
  const { status, code } = error instanceof ApiError ? error : { status: 0, code: "" };
  const refused = status === 403;
  const title = refused ? texts.refused : code === "stopped" ? texts.stoppedTitle : undefined;
  return <ErrorState error={error} title={title} action={refused && <Link to={why}>{texts.why}</Link>} />;
}

/** A block of a result. A text that says the structured content over again is left out. */
function Block({ block, twice }: { block: ContentBlock; twice: boolean }) {
  const text = block.text ?? block.resource?.text;
  if (text !== undefined) return twice && isJson(text) ? null : <CodeBlock text={text} title={block.resource?.uri ?? block.type} />;
  if (block.type === "image" && block.data && /^image\/(png|jpeg|gif|webp)$/.test(block.mimeType ?? "")) {
    return <img class="result-image" src={`data:${block.mimeType};base64,${block.data}`} alt={texts.image} />;
  }
  return <JsonBlock value={block} title={block.type} />;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
