import "./register.css";
import { useEffect, useState } from "preact/hooks";
import { at, getTagged, send, ApiError } from "../../api";
import { Icon } from "../../icons";
import { kindAt, placeOf, viewOf } from "../../kinds";
import { Link, navigate, usePlace, type Params } from "../../router";
import { invalidate, useRead } from "../../store";
import { strings } from "../../strings";
import { actTexts } from "../../strings/act";
import type { Asset, Json, JsonObject, Schema } from "../../types";
import { Button } from "../../ui/button";
import { Select, TextArea, TextField } from "../../ui/field";
import { Page } from "../../ui/page";
import { SchemaForm } from "../../ui/schema-form";
import { ErrorState, Skeleton } from "../../ui/states";
import { attempt, toast, told } from "../../ui/toast";
import { given, LabelFields, type Labels } from "./labels";
import { objectOf } from "./other-forms";

const { edit, register } = actTexts;
const AUDIENCES = Object.entries(edit.audiences).map(([value, label]) => ({ value, label }));
const NULLABLE = ["owner_team", "technical_owner", "business_capability", "environment", "license", "documentation_url", "repository_url", "risk_level", "data_classification"];

/** Change what is said of an asset. What changes goes to the registry, and nothing else. */
export default function Edit({ params }: { params: Params }) {
  const { path: address } = usePlace();
  const kind = kindAt(address.split("/")[1] ?? "") ?? "server";
  const place = at(placeOf(kind), params["path"] ?? "");
  const [read, setRead] = useState<{ asset: Asset; etag: string | null } | null>(null);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    setRead(null);
    getTagged<Asset>(place).then(
      ({ data, etag }) => setRead({ asset: data, etag }),
      (reason: unknown) => setError(reason),
    );
  }, [place]);
  if (error) return <ErrorState error={error} />;
  if (!read) return <Skeleton lines={8} />;
  return <Form key={place} place={place} {...read} />;
}

interface Said {
  name: string;
  title: string;
  description: string;
  visibility: string;
  url: string;
  card: string;
  content: string;
}

function Form({ place, asset, etag }: { place: string; asset: Asset; etag: string | null }) {
  const known = asset as unknown as Record<string, Json | undefined>;
  const [said, setSaid] = useState<Said>(() => saidOf(asset));
  const [labels, setLabels] = useState<Labels>(() => labelsOf(asset));
  const [data, setData] = useState<JsonObject>(asset.data ?? {});
  const [wrong, setWrong] = useState<Record<string, string | undefined>>({});
  const [tag, setTag] = useState(etag);
  const [busy, setBusy] = useState(false);
  const skill = useRead<{ content: string }>(asset.kind === "skill" && !asset.url ? `${place}/content` : null);
  const content = skill.data?.content;
  useEffect(() => {
    if (content !== undefined) setSaid((now) => ({ ...now, content }));
  }, [content]);
  const field = (name: keyof Said) => ({ value: said[name], onValue: (text: string) => setSaid((now) => ({ ...now, [name]: text })) });
  const { now, before } = changesOf(asset, said, labels, data, content);
  const save = async (event: Event) => {
    event.preventDefault();
    if (!Object.keys(now).length) return toast(edit.nothing);
    if (typeof objectOf(said.card || "{}") === "string" || Object.values(wrong).some(Boolean)) return;
    setBusy(true);
    const done = await written(place, now, tag, () => setTag(null));
    setBusy(false);
    if (!done) return;
    invalidate(place, "/catalog");
    navigate(viewOf(asset));
    const undo = async () => {
      if (await attempt(() => send("PATCH", place, before), edit.undone)) invalidate(place, "/catalog");
    };
    toast(edit.saved, { undo: () => void undo() });
  };
  const name = asset.title || asset.name;
  if (asset.provenance.source !== "local") {
    return (
      <Page title={edit.title(name)}>
        <p class="notice">
          <Icon name="info" />
          {edit.elsewhere}
        </p>
      </Page>
    );
  }
  return (
    <Page title={edit.title(name)} above={<Link to={viewOf(asset)}>{name}</Link>}>
      <form class="panel measure" onSubmit={save} noValidate onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void save(event)}>
        {asset.kind !== "skill" && asset.kind !== "agent" && <TextField label={register.name} required {...field("name")} />}
        <TextField label={edit.shown} {...field("title")} />
        {asset.kind !== "skill" && asset.kind !== "agent" && <TextArea label={register.description} rows={3} {...field("description")} />}
        {asset.kind === "server" && known["url"] && <TextField label={register.server.url} hint={edit.refetch} type="url" {...field("url")} />}
        {asset.kind === "agent" && !known["card_url"] && <TextArea label={register.agent.card} mono rows={12} error={cardError(said.card)} {...field("card")} />}
        {asset.kind === "skill" && !asset.url && <TextArea label={register.skill.content} mono rows={14} {...field("content")} />}
        {(asset.kind === "skill" && asset.url) || (asset.kind === "agent" && known["card_url"]) ? <p class="quiet">{edit.byUrl}</p> : null}
        {asset.kind === "entity" && asset.type && <Data type={asset.type} value={data} onValue={setData} onError={(member, error) => setWrong((all) => ({ ...all, [member]: error }))} />}
        <Select label={edit.visibility} choices={AUDIENCES} {...field("visibility")} />
        <LabelFields value={labels} onValue={setLabels} />
        <div class="making-acts">
          <Button look="primary" type="submit" busy={busy} disabled={!Object.keys(now).length}>
            {edit.save}
          </Button>
          <Link to={viewOf(asset)} class="button plain">
            {strings.ui.cancel}
          </Link>
        </div>
      </form>
    </Page>
  );
}

/** Write a change against the state that was read; whether it was. Somebody else's change is told of, and then let go. */
async function written(place: string, changes: JsonObject, tag: string | null, onNewer: () => void): Promise<boolean> {
  try {
    await send("PATCH", place, changes, tag ? { ifMatch: tag } : {});
    return true;
  } catch (error) {
    const newer = error instanceof ApiError && error.status === 412;
    if (newer) onNewer();
    toast(newer ? edit.newer : told(error), { bad: true });
    return false;
  }
}

function Data(props: { type: string; value: JsonObject; onValue: (value: JsonObject) => void; onError: (name: string, error: string | undefined) => void }) {
  const read = useRead<{ schema: Schema }>(at("entity-types", props.type));
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />;
  return (
    <fieldset class="fieldset">
      <legend>{register.entity.data}</legend>
      <SchemaForm schema={read.data.schema} value={props.value} onValue={props.onValue} onError={props.onError} />
    </fieldset>
  );
}

function saidOf(asset: Asset): Said {
  return {
    name: asset.name,
    title: asset.title ?? "",
    description: asset.description,
    visibility: asset.visibility,
    url: asset.url ?? "",
    card: asset.card ? JSON.stringify(asset.card, null, 2) : "",
    content: "",
  };
}

function cardError(text: string): string | undefined {
  const card = objectOf(text);
  return typeof card === "string" ? card : undefined;
}

function labelsOf(asset: Asset): Labels {
  const known = asset as unknown as Record<string, string | null | undefined>;
  const texts = Object.fromEntries(NULLABLE.map((name) => [name, known[name] ?? ""]));
  return { ...texts, tags: shownTags(asset).join(", "), groups: asset.groups.join(", ") };
}

function shownTags(asset: Asset): string[] {
  return asset.tags.filter((tag) => tag !== "security-pending");
}

/** What differs from what was read, as it is now and as it was before. */
function changesOf(asset: Asset, said: Said, labels: Labels, data: JsonObject, content: string | undefined): { now: JsonObject; before: JsonObject } {
  const was = asset as unknown as Record<string, Json | undefined>;
  const wanted: JsonObject = { visibility: said.visibility, title: said.title.trim() || null, tags: [], groups: [], ...Object.fromEntries(NULLABLE.map((name) => [name, null])), ...given(labels) };
  if (asset.kind !== "skill" && asset.kind !== "agent") Object.assign(wanted, { name: said.name.trim(), description: said.description });
  if (asset.kind === "server" && asset.url) wanted["url"] = said.url.trim();
  if (asset.kind === "entity") wanted["data"] = data;
  const card = objectOf(said.card);
  if (asset.kind === "agent" && !was["card_url"] && typeof card === "object") wanted["card"] = card;
  if (asset.kind === "skill" && content !== undefined) wanted["content"] = said.content;
  const now: JsonObject = {};
  const before: JsonObject = {};
  for (const [name, value] of Object.entries(wanted)) {
    const old = name === "tags" ? shownTags(asset) : name === "content" ? content! : (was[name] ?? null);
    if (JSON.stringify(value) === JSON.stringify(old)) continue;
    now[name] = value;
    before[name] = old;
  }
  return { now, before };
}
