import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { words } from "../../format";
import { invalidate } from "../../store";
import { strings } from "../../strings";
import { accessTexts } from "../../strings/access";
import { Badge } from "../../ui/badge";
import { Button, IconButton } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Time } from "../../ui/facts";
import { TextField } from "../../ui/field";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { attempt } from "../../ui/toast";
import { FormDialog, NamesField, Once, usePages } from "./shared";
import type { Client } from "./types";

const texts = accessTexts.clients;

interface Answer {
  clients: Client[];
  next_cursor: string | null;
}

interface Put {
  client_secret: string | null;
}

/** OAuth clients: assistants that registered themselves, and those that administrators let in. */
export function Clients() {
  const { first, items, more, rest } = usePages<Answer, Client>("/clients", { limit: 200 }, (answer) => answer.clients);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Client | null>(null);
  if (!first.data) return first.error ? <ErrorState error={first.error} again={first.again} /> : <Skeleton lines={6} />;
  const remove = async (client: Client) => {
    setRemoving(null);
    await attempt(() => send("DELETE", at("clients", client.client_id)), accessTexts.removed(nameOf(client)));
    invalidate("/clients");
  };
  const add = (
    <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
      {texts.add}
    </Button>
  );
  return (
    <>
      <div class="list-head">{items.length > 0 && add}</div>
      {items.length ? (
        <Table label={texts.title} columns={columnsOf(setRemoving)} items={items} total={items.length + (rest ? 1 : 0)} keyOf={(one) => one.client_id} onEnd={more} />
      ) : (
        <EmptyState icon="server" title={texts.empty} action={add}>
          {texts.emptyText}
        </EmptyState>
      )}
      {adding && <NewClient onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm title={`${accessTexts.remove} ${nameOf(removing)}?`} action={accessTexts.remove} danger onClose={() => setRemoving(null)} onConfirm={() => void remove(removing)}>
          <p>{texts.removeText(nameOf(removing))}</p>
        </Confirm>
      )}
    </>
  );
}

function nameOf(client: Client): string {
  return client.client_name || client.client_id;
}

function columnsOf(remove: (client: Client) => void): Column<Client>[] {
  return [
    { id: "name", label: accessTexts.name, cell: (one) => <strong title={one.client_id}>{nameOf(one)}</strong> },
    { id: "origin", label: texts.origin, cell: (one) => texts.origins[one.origin], width: 168, from: "m" },
    { id: "grants", label: texts.grants, cell: (one) => one.grant_types.map(short).join(", "), from: "l" },
    { id: "used", label: texts.used, cell: (one) => (one.used_at ? <Time at={one.used_at} /> : accessTexts.never), width: 128, from: "m" },
    { id: "active", label: texts.active, cell: (one) => <Badge tone={one.active ? "good" : "bad"}>{one.active ? strings.ui.yes : strings.ui.no}</Badge>, width: 96 },
    { id: "remove", label: accessTexts.remove, cell: (one) => <IconButton icon="trash" data-item label={`${accessTexts.remove} ${nameOf(one)}`} onClick={() => remove(one)} />, width: 96 },
  ];
}

function short(grant: string): string {
  return words(grant.split(":").at(-1) ?? grant);
}

/** A machine that gets its tokens with a secret of its own, which is made here. */
function NewClient({ onClose }: { onClose: () => void }) {
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const [groups, setGroups] = useState<string[]>([]);
  const [scopes, setScopes] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const save = async () => {
    setBusy(true);
    const body = { client_name: name || null, groups, scopes, grant_types: ["client_credentials"] };
    const made = await attempt(() => send<Put>("PUT", at("clients", id.trim()), body), accessTexts.saved(id.trim()));
    setBusy(false);
    invalidate("/clients");
    if (made?.client_secret) setSecret(made.client_secret);
    else if (made) onClose();
  };
  if (secret) return <Once title={texts.secret} text={texts.secretText} secret={secret} onClose={onClose} />;
  return (
    <FormDialog title={texts.add} action={accessTexts.save} busy={busy} ready={Boolean(id.trim())} onSave={() => void save()} onClose={onClose}>
      <TextField label={texts.id} required value={id} onValue={setId} />
      <TextField label={accessTexts.name} value={name} onValue={setName} />
      <NamesField label={accessTexts.tokens.groups} value={groups} onValue={setGroups} />
      <NamesField label={accessTexts.tokens.scopes} value={scopes} onValue={setScopes} />
    </FormDialog>
  );
}
