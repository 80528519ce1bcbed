import { useState } from "preact/hooks";
import { parse, resolved, typeOf } from "../schema";
import { words } from "../format";
import { strings } from "../strings";
import type { Json, JsonObject, Schema } from "../types";
import { Select, Switch, TextArea, TextField } from "./field";

interface SchemaFormProps {
  schema: Schema;
  root?: Schema;
  value: JsonObject;
  onValue: (value: JsonObject) => void;
  /** Told of each member whether what stands there can be sent. */
  onError?: (name: string, error: string | undefined) => void;
  missing?: string[];
  depth?: number;
}

const DEEPEST = 3;

/** A form made of a JSON Schema: a field for each member; what is too deep for a field is written as JSON. */
export function SchemaForm({ schema, root = schema, value, onValue, onError, missing = [], depth = 0 }: SchemaFormProps) {
  const real = resolved(schema, root);
  const members = Object.entries(real.properties ?? {});
  if (!members.length && !depth) return <p class="quiet">{strings.schema.nothing}</p>;
  return (
    <div class="form">
      {members.map(([name, member]) => (
        <Member
          key={name}
          name={name}
          schema={member}
          root={root}
          depth={depth}
          required={real.required?.includes(name) ?? false}
          lacks={missing.includes(name)}
          value={value[name]}
          onValue={(next) => {
            const { [name]: _, ...others } = value;
            onValue(next === undefined ? others : { ...others, [name]: next });
          }}
          onError={(error) => onError?.(name, error)}
        />
      ))}
    </div>
  );
}

interface MemberProps {
  name: string;
  schema: Schema;
  root: Schema;
  depth: number;
  required: boolean;
  lacks: boolean;
  value: Json | undefined;
  onValue: (value: Json | undefined) => void;
  onError: (error: string | undefined) => void;
}

function Member(props: MemberProps) {
  const real = resolved(props.schema, props.root);
  const type = [real.type].flat().find((each) => each !== "null");
  const label = real.title && !real.title.includes("_") ? real.title : words(props.name);
  const { value, onValue, required } = props;
  const said = { label, hint: real.description, required, error: props.lacks ? strings.schema.lacks : undefined };
  if (real.enum) {
    const choices = real.enum.map((each) => ({ value: JSON.stringify(each), label: String(each) }));
    return (
      <Select
        {...said}
        value={value === undefined ? "" : JSON.stringify(value)}
        onValue={(text) => onValue(text === "" ? undefined : (JSON.parse(text) as Json))}
        choices={[{ value: "", label: required ? strings.schema.choose : strings.schema.none }, ...choices]}
      />
    );
  }
  if (type === "boolean") return <Switch label={label} value={value === true} onValue={onValue} />;
  if (type === "object" && real.properties && props.depth < DEEPEST) {
    return (
      <fieldset class="fieldset">
        <legend>{label}</legend>
        <SchemaForm schema={real} root={props.root} depth={props.depth + 1} value={(value as JsonObject) ?? {}} onValue={onValue} onError={(_, error) => props.onError(error)} />
      </fieldset>
    );
  }
  return <Typed {...props} said={said} type={type} />;
}

/** What is typed: a text, a number, a list with a line for each, or JSON. */
function Typed({ schema, root, value, onValue, onError, said, type }: MemberProps & { said: Parameters<typeof TextField>[0] | object; type: string | undefined }) {
  const real = resolved(schema, root);
  const items = typeof real.items === "object" ? resolved(real.items, root) : undefined;
  const lines = type === "array" && items !== undefined && items.type === "string" && !items.enum;
  const [text, setText] = useState(() => shown(value, lines));
  const [error, setError] = useState<string | undefined>();
  const typed = (next: string) => {
    setText(next);
    const parsed = lines ? listOf(next) : parse(next, schema, root);
    const wrong = "error" in parsed ? parsed.error : undefined;
    setError(wrong);
    onError(wrong);
    if ("value" in parsed) onValue(parsed.value);
  };
  const { label, hint, required, error: lacks } = said as { label: string; hint?: string; required: boolean; error?: string };
  const common = { label, required, error: error ?? lacks, value: text, onValue: typed };
  if (lines) return <TextArea {...common} hint={withNote(hint, strings.schema.lines)} rows={3} />;
  if (type === "array" || type === "object" || type === undefined) {
    return <TextArea {...common} hint={withNote(hint, `${typeOf(schema, root)}, ${strings.schema.json}`)} rows={3} mono />;
  }
  const number = type === "integer" || type === "number";
  if (type === "string" && (real.maxLength ?? 0) > 500) return <TextArea {...common} hint={hint} rows={4} />;
  return <TextField {...common} hint={hint} inputMode={number ? "decimal" : undefined} placeholder={example(real)} />;
}

function listOf(text: string): { value: Json | undefined } {
  const found = text.split("\n").filter(Boolean);
  return { value: found.length ? found : undefined };
}

function shown(value: Json | undefined, lines: boolean): string {
  if (value === undefined || value === null) return "";
  if (lines && Array.isArray(value)) return value.join("\n");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function withNote(hint: string | undefined, note: string): string {
  return hint ? `${hint} (${note})` : note;
}

function example(schema: Schema): string | undefined {
  const first = schema.examples?.[0];
  return first === undefined ? undefined : String(first);
}
