import { actTexts } from "../../strings/act";
import type { JsonObject } from "../../types";
import { Select, TextField } from "../../ui/field";
import { listed } from "./looking";

/** What may be said of any asset, as it stands in the fields. */
export type Labels = Record<string, string>;

const { labels } = actTexts.register;
const LISTS = ["tags", "groups"] as const;
const TEXTS = ["owner_team", "technical_owner", "business_capability", "environment", "license", "documentation_url", "repository_url"] as const;
const LEVELS = [{ value: "", label: labels.unsaid }, ...Object.entries(labels.levels).map(([value, label]) => ({ value, label }))];
const CLASSES = [{ value: "", label: labels.unsaid }, ...Object.entries(labels.classes).map(([value, label]) => ({ value, label }))];

/** Owner, audience, risk and links: the same of every kind. */
export function LabelFields({ value, onValue }: { value: Labels; onValue: (value: Labels) => void }) {
  const said = (name: string) => ({ value: value[name] ?? "", onValue: (text: string) => onValue({ ...value, [name]: text }) });
  return (
    <div class="columns">
      <TextField label={labels.tags} hint={labels.listHint} {...said("tags")} />
      <TextField label={labels.groups} hint={labels.groupsHint} {...said("groups")} />
      <Select label={labels.risk_level} choices={LEVELS} {...said("risk_level")} />
      <Select label={labels.data_classification} choices={CLASSES} {...said("data_classification")} />
      {TEXTS.map((name) => (
        <TextField key={name} label={labels[name]} {...said(name)} />
      ))}
    </div>
  );
}

/** What was filled in, as the registry takes it. */
export function given(value: Labels): JsonObject {
  const found: JsonObject = {};
  for (const name of LISTS) if (listed(value[name] ?? "").length) found[name] = listed(value[name] ?? "");
  for (const name of [...TEXTS, "risk_level", "data_classification"]) if (value[name]?.trim()) found[name] = value[name].trim();
  return found;
}

/** The same in two parts, for kinds whose registration keeps them apart. */
export function governed(value: Labels): JsonObject {
  const { tags, groups, ...governance } = given(value);
  return { ...(tags && { tags }), ...(groups && { groups }), ...(Object.keys(governance).length && { governance }) };
}
