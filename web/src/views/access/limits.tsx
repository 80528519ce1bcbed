import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { count } from "../../format";
import { invalidate, useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Button, IconButton } from "../../ui/button";
import { Checkbox, Select, TextField } from "../../ui/field";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { attempt, toast } from "../../ui/toast";
import { FormDialog, NamesField } from "./shared";
import type { Limit } from "./types";

const texts = accessTexts.limits;
const ALL = ["*"];
const EMPTY: Limit = { name: "", subjects: ALL, assets: ALL, tools: ALL, per: ["caller"], calls: 60, seconds: 60, burst: null, concurrent: null, streams: null, description: "" };
const NUMBERS = ["calls", "burst", "concurrent", "streams"] as const;

/** Limits and quotas on calls. */
export function Limits() {
  const read = useRead<{ limits: Limit[] }>("/limits");
  const [open, setOpen] = useState<Limit | null>(null);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={4} />;
  const { limits } = read.data;
  const add = (
    <Button look="primary" icon="plus" onClick={() => setOpen(EMPTY)}>
      {texts.add}
    </Button>
  );
  return (
    <>
      <div class="list-head">{limits.length > 0 && add}</div>
      {limits.length ? (
        <Table label={texts.tabs.limits} columns={columnsOf(setOpen)} items={limits} keyOf={(one) => one.name} />
      ) : (
        <EmptyState icon="shield" title={texts.empty} action={add}>
          {texts.emptyText}
        </EmptyState>
      )}
      {open && <LimitDialog limit={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function columnsOf(edit: (limit: Limit) => void): Column<Limit>[] {
  return [
    {
      id: "name",
      label: accessTexts.name,
      cell: (one) => (
        <button type="button" class="row-button" data-item aria-label={texts.edit(one.name)} onClick={() => edit(one)}>
          {one.name}
        </button>
      ),
      width: 176,
    },
    { id: "lets", label: texts.lets, cell: letsThrough },
    { id: "whom", label: texts.whom, cell: (one) => one.subjects.join(", "), from: "m" },
    { id: "what", label: texts.what, cell: (one) => one.assets.join(", "), from: "l" },
    { id: "per", label: texts.per, cell: (one) => one.per.map((each) => texts.pers[each]).join(", ") || texts.together, from: "l" },
    { id: "remove", label: accessTexts.remove, cell: (one) => <IconButton icon="trash" label={`${accessTexts.remove} ${one.name}`} onClick={() => void remove(one)} />, width: 96 },
  ];
}

function letsThrough(limit: Limit): string {
  const parts = [];
  if (limit.calls != null) parts.push(texts.ofCalls(count(limit.calls), windowOf(limit.seconds)));
  if (limit.concurrent != null) parts.push(texts.ofConcurrent(count(limit.concurrent)));
  if (limit.streams != null) parts.push(texts.ofStreams(count(limit.streams)));
  return parts.join(", ");
}

function windowOf(seconds: number): string {
  return (texts.windows as Record<string, string>)[String(seconds)] ?? texts.seconds(seconds);
}

function LimitDialog({ limit, onClose }: { limit: Limit; onClose: () => void }) {
  const [made, setMade] = useState(limit);
  const [typed, setTyped] = useState<Record<string, string>>(() => Object.fromEntries(NUMBERS.map((name) => [name, limit[name] === null ? "" : String(limit[name])])));
  const [busy, setBusy] = useState(false);
  const wrong = (name: (typeof NUMBERS)[number]) => (/^\d*$/.test(typed[name] ?? "") ? undefined : texts.whole);
  const set = (changes: Partial<Limit>) => setMade({ ...made, ...changes });
  const turn = (name: Limit["per"][number], on: boolean) => set({ per: on ? [...made.per, name] : made.per.filter((each) => each !== name) });
  const save = async () => {
    setBusy(true);
    const numbers = Object.fromEntries(NUMBERS.map((name) => [name, typed[name] ? Number(typed[name]) : null]));
    const done = await attempt(() => put({ ...made, ...numbers }), accessTexts.saved(made.name));
    setBusy(false);
    if (done) onClose();
  };
  const number = (name: (typeof NUMBERS)[number]) => (
    <TextField label={texts[name]} inputMode="numeric" error={wrong(name)} value={typed[name] ?? ""} onValue={(text) => setTyped({ ...typed, [name]: text })} />
  );
  const windows = { [String(made.seconds)]: windowOf(made.seconds), ...texts.windows };
  const ready = Boolean(made.name.trim()) && !NUMBERS.some(wrong);
  return (
    <FormDialog title={limit.name ? texts.edit(limit.name) : texts.add} action={accessTexts.save} busy={busy} ready={ready} onSave={() => void save()} onClose={onClose}>
      {!limit.name && <TextField label={accessTexts.name} required value={made.name} onValue={(name) => set({ name })} />}
      <div class="pair">
        {number("calls")}
        <Select label={texts.within} value={String(made.seconds)} onValue={(text) => set({ seconds: Number(text) })} choices={Object.entries(windows).map(([value, label]) => ({ value, label }))} />
        {number("burst")}
        {number("concurrent")}
      </div>
      <NamesField label={texts.whom} hint={texts.whomHint} value={made.subjects} onValue={(subjects) => set({ subjects })} />
      <NamesField label={texts.what} value={made.assets} onValue={(assets) => set({ assets })} />
      <NamesField label={texts.tools} value={made.tools} onValue={(tools) => set({ tools })} />
      <fieldset class="choices">
        <legend>{texts.per}</legend>
        {(["caller", "asset", "tool"] as const).map((each) => (
          <Checkbox key={each} label={texts.pers[each]} value={made.per.includes(each)} onValue={(on) => turn(each, on)} />
        ))}
      </fieldset>
    </FormDialog>
  );
}

async function put({ name, ...limit }: Limit): Promise<Limit> {
  const made = await send<Limit>("PUT", at("limits", name.trim()), limit);
  invalidate("/limits");
  return made;
}

async function remove(limit: Limit): Promise<void> {
  const done = await attempt(() => send("DELETE", at("limits", limit.name)));
  invalidate("/limits");
  if (done) toast(accessTexts.removed(limit.name), { undo: () => void attempt(() => put(limit)) });
}
