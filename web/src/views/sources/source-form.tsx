import { useState } from "preact/hooks";
import { at, send, type ApiError } from "../../api";
import { navigate } from "../../router";
import { lacking } from "../../schema";
import { invalidate } from "../../store";
import { strings } from "../../strings";
import { flowsTexts } from "../../strings/flows";
import type { JsonObject } from "../../types";
import { Button } from "../../ui/button";
import { Select, TextField } from "../../ui/field";
import { SchemaForm } from "../../ui/schema-form";
import { toast, told } from "../../ui/toast";
import { listed } from "../register/looking";
import { KINDS, type SourceKind } from "./kinds";
import type { Source } from "./types";

const { sources } = flowsTexts;
const DUPLICATES = Object.entries(sources.duplicatesChoices).map(([value, label]) => ({ value, label }));
/** What was chosen once can be changed, and not be taken back. */
const CHOSEN = DUPLICATES.filter((each) => each.value);
const LISTS = ["names", "tags", "namespace", "groups"] as const;
const TEXTS = ["name", "url", "description", "prefix", "interval", "on_duplicate", ...LISTS] as const;
type Texts = Record<(typeof TEXTS)[number], string>;

/** A source of one kind: a new one, or what may be changed of one. */
export function SourceForm({ kind, source }: { kind: SourceKind; source?: Source }) {
  const known = KINDS[kind];
  const [texts, setTexts] = useState<Texts>(() => textsOf(source));
  const [options, setOptions] = useState<JsonObject>(source?.options ?? {});
  const [secrets, setSecrets] = useState<Record<string, string>>({});
  const [wrong, setWrong] = useState<Record<string, string | undefined>>({});
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState("");
  const [refused, setRefused] = useState<{ field: string; text: string } | null>(null);
  const missing = lacking(options, known.options);
  const field = (name: keyof Texts) => ({
    value: texts[name],
    onValue: (text: string) => setTexts({ ...texts, [name]: text }),
    error: refused?.field === name ? refused.text : asked && needed(name, known.url, source) && !texts[name].trim() ? strings.schema.lacks : undefined,
  });
  const save = async (enabled?: boolean) => {
    setAsked(true);
    if (missing.length || Object.values(wrong).some(Boolean) || (!source && !texts.name.trim()) || (known.url === "needed" && !texts.url.trim())) return;
    setBusy(enabled === false ? "try" : "now");
    try {
      const body = bodyOf(texts, options, secrets);
      const made = source ? await send<Source>("PATCH", at("sources", source.name), body) : await send<Source>("POST", "/sources", { ...body, name: texts.name.trim(), kind, enabled });
      invalidate("/sources");
      toast(source ? sources.saved : sources.added(made.name));
      navigate(`/sources/${encodeURIComponent(made.name)}${enabled === false ? "?try=1" : ""}`);
    } catch (error) {
      const where = String((error as ApiError).details?.["field"] ?? "");
      setRefused({ field: where, text: told(error) });
    }
    setBusy("");
  };
  return (
    <form
      class="panel measure"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save(source ? undefined : false);
      }}
    >
      {!source && <TextField label={sources.name} hint={sources.nameHint} required {...field("name")} />}
      <TextField label={sources.url} hint={sources.urls[kind]} type="url" required={known.url === "needed"} {...field("url")} />
      <TextField label={sources.description} {...field("description")} />
      <fieldset class="fieldset">
        <legend>{sources.settings}</legend>
        <SchemaForm schema={known.options} value={options} onValue={setOptions} missing={asked ? missing : []} onError={(name, error) => setWrong((all) => ({ ...all, [name]: error }))} />
      </fieldset>
      <fieldset class="fieldset">
        <legend>{sources.secrets}</legend>
        <div class="form">
          <p class="hint">{source?.has_secrets ? sources.secretsKept : sources.secretsHint}</p>
          {known.secrets.map(({ name, hint }) => (
            <TextField key={name} label={sources.fields[name]} hint={hint} type="password" autocomplete="new-password" value={secrets[name] ?? ""} onValue={(text) => setSecrets({ ...secrets, [name]: text })} />
          ))}
        </div>
      </fieldset>
      <fieldset class="fieldset">
        <legend>{sources.taken}</legend>
        <div class="form">
          <TextField label={sources.names} hint={sources.namesHint} {...field("names")} />
          <TextField label={sources.tags} hint={sources.listHint} {...field("tags")} />
          <TextField label={sources.namespace} hint={sources.namespaceHint} {...field("namespace")} />
          <TextField label={sources.prefix} {...field("prefix")} />
          <TextField label={sources.groups} hint={sources.listHint} {...field("groups")} />
          <Select label={sources.duplicates} choices={source?.on_duplicate ? CHOSEN : DUPLICATES} {...field("on_duplicate")} />
          <Select label={sources.interval} choices={intervals(texts.interval)} {...field("interval")} />
        </div>
      </fieldset>
      {refused && (
        <p class="error" role="alert">
          {refused.text}
        </p>
      )}
      <div class="making-acts">
        <Button look="primary" type="submit" busy={busy === "try" || (Boolean(source) && busy === "now")}>
          {source ? sources.save : sources.try}
        </Button>
        {!source && (
          <Button busy={busy === "now"} onClick={() => void save(true)}>
            {sources.now}
          </Button>
        )}
      </div>
    </form>
  );
}

function needed(name: keyof Texts, url: "needed" | "optional", source: Source | undefined): boolean {
  return (name === "name" && !source) || (name === "url" && url === "needed");
}

function textsOf(source: Source | undefined): Texts {
  const lists = Object.fromEntries(LISTS.map((name) => [name, source?.[name].join(", ") ?? ""]));
  const { name = "", url = "", description = "", prefix = "", interval = 3600, on_duplicate } = source ?? {};
  return { ...lists, name, url, description, prefix, interval: String(interval), on_duplicate: on_duplicate ?? "" } as Texts;
}

function bodyOf(texts: Texts, options: JsonObject, secrets: Record<string, string>): JsonObject {
  const given = Object.fromEntries(Object.entries(secrets).filter(([, value]) => value));
  return {
    url: texts.url.trim(),
    description: texts.description,
    prefix: texts.prefix.trim(),
    interval: Number(texts.interval),
    ...Object.fromEntries(LISTS.map((name) => [name, listed(texts[name])])),
    options,
    ...(texts.on_duplicate && { on_duplicate: texts.on_duplicate }),
    ...(Object.keys(given).length && { secrets: given }),
  };
}

/** The usual ones, and the one that it has. */
function intervals(current: string) {
  const usual = Object.entries(sources.intervals).map(([value, label]) => ({ value, label }));
  return current in sources.intervals ? usual : [{ value: current, label: sources.every(Number(current)) }, ...usual];
}
