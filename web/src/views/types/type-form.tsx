import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { initial } from "../../schema";
import { navigate } from "../../router";
import { invalidate } from "../../store";
import { actTexts } from "../../strings/act";
import type { JsonObject, Schema } from "../../types";
import { Button } from "../../ui/button";
import { Checkbox, Select, TextArea, TextField } from "../../ui/field";
import { SchemaForm } from "../../ui/schema-form";
import { attempt, told } from "../../ui/toast";
import { objectOf, type EntityType } from "../register/other-forms";

const { types } = actTexts;
const NEW = { type: "object", properties: { name: { type: "string", description: "What people call it" } }, required: ["name"] };
const FIELD_TYPES = Object.entries(types.fieldTypes).map(([value, label]) => ({ value, label }));

/** The schema as text, checked as one types, and the form that it makes. */
export function TypeForm({ type }: { type?: EntityType }) {
  const [name, setName] = useState(type?.name ?? "");
  const [description, setDescription] = useState(type?.description ?? "");
  const [text, setText] = useState(() => JSON.stringify(type?.schema ?? NEW, null, 2));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const parsed = objectOf(text);
  const schema = typeof parsed === "object" ? (parsed as unknown as Schema) : undefined;
  const wrong = typeof parsed === "string" ? parsed : schema?.type !== "object" && !schema?.properties ? types.noObject : undefined;
  const save = async (event: Event) => {
    event.preventDefault();
    if (wrong || !name.trim() || busy) return;
    setBusy(true);
    setError(undefined);
    const place = at("entity-types", name.trim());
    const done = await attempt(async () => {
      try {
        return await send<EntityType>("PUT", place, { schema, description });
      } catch (reason) {
        setError(reason); // beside the schema, where it is put right
        throw reason;
      }
    }, types.saved(name));
    setBusy(false);
    if (!done) return;
    invalidate("/entity-types");
    navigate(`/types/${encodeURIComponent(name.trim())}${type ? "?tab=schema" : ""}`);
  };
  return (
    <div class="making">
      <form class="panel" noValidate onSubmit={save} onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void save(event)}>
        {!type && <TextField label={types.name} hint={types.nameHint} required value={name} onValue={setName} />}
        <TextField label={types.description} value={description} onValue={setDescription} />
        <TextArea label={types.schema} hint={types.schemaHint} mono rows={18} value={text} onValue={setText} error={wrong ?? (error ? told(error) : undefined)} />
        {schema && !wrong && <AddField schema={schema} onSchema={(next) => setText(JSON.stringify(next, null, 2))} />}
        <Button look="primary" type="submit" busy={busy} disabled={Boolean(wrong) || !name.trim()}>
          {types.save}
        </Button>
      </form>
      <section class="panel looked" aria-label={types.form}>
        <h2>{types.form}</h2>
        {wrong ? <p class="error">{wrong}</p> : <Form key={text} schema={schema!} />}
      </section>
    </div>
  );
}

/** To be tried out; what is filled in goes nowhere. */
function Form({ schema }: { schema: Schema }) {
  const [value, setValue] = useState<JsonObject>(() => initial(schema));
  if (!Object.keys(schema.properties ?? {}).length) return <p class="quiet">{types.formEmpty}</p>;
  return <SchemaForm schema={schema} value={value} onValue={setValue} />;
}

/** One more member of the schema, without writing JSON. */
function AddField({ schema, onSchema }: { schema: Schema; onSchema: (schema: Schema) => void }) {
  const [field, setField] = useState("");
  const [kind, setKind] = useState("string");
  const [needed, setNeeded] = useState(false);
  const add = () => {
    const name = field.trim();
    if (!name) return;
    const member: Schema = kind === "array" ? { type: "array", items: { type: "string" } } : { type: kind };
    const required = [...new Set([...(schema.required ?? []), ...(needed ? [name] : [])])];
    onSchema({ ...schema, properties: { ...schema.properties, [name]: member }, ...(required.length && { required }) });
    setField("");
    setNeeded(false);
  };
  return (
    <fieldset class="fieldset add-field" onKeyDown={(event) => event.key === "Enter" && !event.ctrlKey && (event.preventDefault(), add())}>
      <legend>{types.addField}</legend>
      <TextField label={types.fieldName} value={field} onValue={setField} />
      <Select label={types.fieldType} value={kind} onValue={setKind} choices={FIELD_TYPES} />
      <Checkbox label={types.needed} value={needed} onValue={setNeeded} />
      <Button icon="plus" disabled={!field.trim()} onClick={add}>
        {types.add}
      </Button>
    </fieldset>
  );
}
