import { useState } from "preact/hooks";
import { Link } from "../../router";
import { initial, lacking } from "../../schema";
import { useRead } from "../../store";
import { strings } from "../../strings";
import { actTexts } from "../../strings/act";
import type { JsonObject, Schema } from "../../types";
import { Select, TextArea, TextField } from "../../ui/field";
import { SchemaForm } from "../../ui/schema-form";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Segments } from "../../ui/tabs";
import { useMay } from "../../me";
import { Frame } from "./frame";
import { governed, type Labels } from "./labels";
import { asPath, pathOf } from "./looking";

const { register } = actTexts;

type By = "url" | "paste";

/** An A2A agent, by the URL of its card or by the card itself. */
export function AgentForm() {
  const texts = register.agent;
  const [by, setBy] = useState<By>("url");
  const [url, setUrl] = useState("");
  const [card, setCard] = useState("");
  const [chosen, setPath] = useState("");
  const [labels, setLabels] = useState<Labels>({});
  const [asked, setAsked] = useState(false);
  const parsed = objectOf(card);
  const named = typeof parsed === "object" && typeof parsed["name"] === "string" ? asPath(parsed["name"]) : "";
  const path = chosen || (by === "url" ? pathOf(url) : named);
  const what: JsonObject | false = by === "url" ? url.trim() !== "" && { url: url.trim() } : typeof parsed === "object" && { card: parsed };
  return (
    <Frame kind="agent" body={what && path ? { path, ...what, ...governed(labels) } : undefined} labels={labels} onLabels={setLabels} onAsked={() => setAsked(true)} onLooked={(looked) => setPath(looked.path)}>
      <Segments label={texts.by} value={by} onValue={setBy} choices={[{ value: "url", label: texts.url }, { value: "paste", label: texts.paste }]} />
      {by === "url" ? (
        <TextField label={texts.cardUrl} hint={texts.cardHint} type="url" required value={url} onValue={setUrl} error={asked && !url.trim() ? strings.schema.lacks : undefined} />
      ) : (
        <TextArea label={texts.card} mono rows={12} required value={card} onValue={setCard} error={typeof parsed === "string" && (asked || card) ? parsed : undefined} />
      )}
      <PathField path={chosen} fallback={path} onPath={setPath} asked={asked} />
    </Frame>
  );
}

/** A skill, by where it is or by its text. */
export function SkillForm() {
  const texts = register.skill;
  const [by, setBy] = useState<By>("url");
  const [url, setUrl] = useState("");
  const [content, setContent] = useState("");
  const [chosen, setPath] = useState("");
  const [labels, setLabels] = useState<Labels>({});
  const [asked, setAsked] = useState(false);
  const named = /^name:\s*["']?([^"'\n]+)/m.exec(content)?.[1] ?? "";
  const path = chosen || (by === "url" ? pathOf(url) : asPath(named));
  const what: JsonObject | false = by === "url" ? url.trim() !== "" && { url: url.trim() } : content.trim() !== "" && { content };
  return (
    <Frame kind="skill" body={what && path ? { path, ...what, ...governed(labels) } : undefined} labels={labels} onLabels={setLabels} onAsked={() => setAsked(true)} onLooked={(looked) => setPath(looked.path)}>
      <Segments label={texts.by} value={by} onValue={setBy} choices={[{ value: "url", label: texts.url }, { value: "paste", label: texts.paste }]} />
      {by === "url" ? (
        <TextField label={texts.skillUrl} hint={texts.skillHint} type="url" required value={url} onValue={setUrl} error={asked && !url.trim() ? strings.schema.lacks : undefined} />
      ) : (
        <TextArea label={texts.content} hint={texts.contentHint} mono rows={14} required value={content} onValue={setContent} error={asked && !content.trim() ? strings.schema.lacks : undefined} />
      )}
      <PathField path={chosen} fallback={path} onPath={setPath} asked={asked} />
    </Frame>
  );
}

export interface EntityType {
  name: string;
  description: string;
  schema: Schema;
}

/** An entity of one of the company's own types. */
export function EntityForm({ type }: { type: string | null }) {
  const read = useRead<{ types: EntityType[] }>("/entity-types");
  const [chosen, setChosen] = useState(type ?? "");
  const types = read.data?.types ?? [];
  const current = types.find((each) => each.name === chosen) ?? types[0];
  const may = useMay("policy");
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />;
  if (!current) {
    const define = may && (
      <Link to="/new-type" class="button primary">
        {register.entity.define}
      </Link>
    );
    return (
      <EmptyState icon="entity" title={register.entity.none} action={define}>
        {register.entity.noneText}
      </EmptyState>
    );
  }
  const choose = types.length > 1 && <Select label={register.entity.type} value={current.name} onValue={setChosen} choices={types.map((each) => ({ value: each.name, label: each.name }))} />;
  return <EntityFields key={current.name} type={current} choose={choose} />;
}

function EntityFields({ type, choose }: { type: EntityType; choose: preact.ComponentChildren }) {
  const [data, setData] = useState<JsonObject>(() => initial(type.schema));
  const [wrong, setWrong] = useState<Record<string, string | undefined>>({});
  const [chosen, setPath] = useState("");
  const [labels, setLabels] = useState<Labels>({});
  const [asked, setAsked] = useState(false);
  const path = chosen || (typeof data["name"] === "string" ? asPath(data["name"]) : "");
  const missing = lacking(data, type.schema);
  const whole = path && !missing.length && !Object.values(wrong).some(Boolean);
  return (
    <Frame kind="entity" body={whole ? { type: type.name, path, data, ...governed(labels) } : undefined} labels={labels} onLabels={setLabels} onAsked={() => setAsked(true)}>
      {choose}
      {type.description && <p class="quiet">{type.description}</p>}
      <PathField path={chosen} fallback={path} onPath={setPath} asked={asked} />
      <SchemaForm schema={type.schema} value={data} onValue={setData} missing={asked ? missing : []} onError={(name, error) => setWrong((before) => ({ ...before, [name]: error }))} />
    </Frame>
  );
}

function PathField({ path, fallback, onPath, asked }: { path: string; fallback: string; onPath: (path: string) => void; asked: boolean }) {
  const error = asked && !fallback ? strings.schema.lacks : undefined;
  return <TextField label={register.path} hint={register.pathHint} placeholder={fallback} required value={path} onValue={onPath} error={error} />;
}

/** A JSON object, or what is wrong with it in words. */
export function objectOf(text: string): JsonObject | string {
  if (!text.trim()) return strings.schema.lacks;
  try {
    const found = JSON.parse(text) as unknown;
    return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as JsonObject) : actTexts.types.noObject;
  } catch (error) {
    return actTexts.types.noJson(error instanceof Error ? error.message : "");
  }
}
