import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { Link } from "../../router";
import { invalidate, useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Button, IconButton } from "../../ui/button";
import { TextField } from "../../ui/field";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { attempt, toast } from "../../ui/toast";
import { FormDialog, Picks } from "./shared";
import type { Group, Policy } from "./types";

const texts = accessTexts.groups;

/** Groups, and the scopes that they bring. */
export function Groups() {
  const read = useRead<Policy>("/policy");
  const [open, setOpen] = useState<Group | "new" | null>(null);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />;
  const add = (
    <Button look="primary" icon="plus" onClick={() => setOpen("new")}>
      {texts.add}
    </Button>
  );
  const { groups, scopes } = read.data;
  return (
    <>
      <div class="list-head">{groups.length > 0 && add}</div>
      {groups.length ? (
        <Table label={texts.title} columns={columnsOf(setOpen)} items={groups} keyOf={(one) => one.name} />
      ) : (
        <EmptyState icon="people" title={texts.empty} action={add}>
          {texts.emptyText}
        </EmptyState>
      )}
      {open && <GroupDialog group={open === "new" ? null : open} known={scopes.map((each) => each.name)} onClose={() => setOpen(null)} />}
    </>
  );
}

function columnsOf(edit: (group: Group) => void): Column<Group>[] {
  return [
    {
      id: "name",
      label: accessTexts.name,
      cell: (one) => (
        <button type="button" class="row-button" data-item aria-label={texts.edit(one.name)} onClick={() => edit(one)}>
          {one.name}
        </button>
      ),
      width: 240,
    },
    { id: "scopes", label: accessTexts.scopes.title, cell: (one) => one.scopes.join(", ") || accessTexts.none },
    { id: "description", label: accessTexts.description, cell: (one) => one.description, from: "l" },
    {
      id: "see",
      label: accessTexts.people.see,
      cell: (one) => (
        <span class="row-actions">
          <Link to={`/access/preview?who=${encodeURIComponent(`group:${one.name}`)}`} aria-label={`${accessTexts.people.see}: ${one.name}`}>
            {accessTexts.preview.look}
          </Link>
          <IconButton icon="trash" label={`${accessTexts.remove} ${one.name}`} onClick={() => void remove(one)} />
        </span>
      ),
      width: 144,
      from: "m",
    },
  ];
}

function GroupDialog({ group, known, onClose }: { group: Group | null; known: string[]; onClose: () => void }) {
  const [name, setName] = useState(group?.name ?? "");
  const [description, setDescription] = useState(group?.description ?? "");
  const [scopes, setScopes] = useState(group?.scopes ?? []);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    const made = await attempt(() => put({ name: name.trim(), description, scopes }), accessTexts.saved(name.trim()));
    setBusy(false);
    if (made) onClose();
  };
  return (
    <FormDialog title={group ? texts.edit(group.name) : texts.add} action={accessTexts.save} busy={busy} ready={Boolean(name.trim())} onSave={() => void save()} onClose={onClose}>
      {!group && <TextField label={accessTexts.name} hint={texts.hint} required value={name} onValue={setName} />}
      <TextField label={accessTexts.description} value={description} onValue={setDescription} />
      <Picks label={texts.scopes} known={known} value={scopes} onValue={setScopes} />
    </FormDialog>
  );
}

async function put({ name, scopes, description }: Group): Promise<Group> {
  const made = await send<Group>("PUT", at("groups", name), { scopes, description });
  invalidate("/policy");
  return made;
}

async function remove(group: Group): Promise<void> {
  const done = await attempt(() => send("DELETE", at("groups", group.name)));
  invalidate("/policy");
  if (done) toast(accessTexts.removed(group.name), { undo: () => void attempt(() => put(group)) });
}
