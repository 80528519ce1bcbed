import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { invalidate, useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Switch, TextField } from "../../ui/field";
import { attempt } from "../../ui/toast";
import { FormDialog, Once, Picks } from "./shared";
import type { Person, Policy } from "./types";

const texts = accessTexts.people;
type Asking = "remove" | "password" | null;

/** Somebody to add, or to change: groups, whether they may sign in, and what helps when a laptop is lost. */
export function PersonDialog({ person, onClose }: { person: Person | null; onClose: () => void }) {
  const policy = useRead<Policy>("/policy");
  const [id, setId] = useState(person?.id ?? "");
  const [name, setName] = useState(person?.name ?? "");
  const [email, setEmail] = useState(person?.email ?? "");
  const [groups, setGroups] = useState(person?.groups ?? []);
  const [active, setActive] = useState(person?.active ?? true);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState<Asking>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const save = async () => {
    setBusy(true);
    const changes = { name: name || null, email: email || null, groups, ...(person && active !== person.active ? { active } : {}) };
    const made = await attempt(() => putPerson(id.trim(), changes), accessTexts.saved(id.trim()));
    setBusy(false);
    if (made) onClose();
  };
  const remove = async () => {
    const done = await attempt(() => send("DELETE", at("users", id)), accessTexts.removed(id));
    invalidate("/users");
    if (done) onClose();
  };
  const password = async () => {
    setAsking(null);
    const made = await attempt(() => send<{ password: string | null }>("PUT", at("users", id, "password"), {}));
    invalidate("/users");
    if (made?.password) setSecret(made.password);
  };
  if (secret) return <Once title={texts.password} text={texts.passwordShown} secret={secret} onClose={onClose} />;
  if (asking === "remove") {
    return (
      <Confirm title={`${accessTexts.remove} ${id}?`} action={accessTexts.remove} danger onClose={() => setAsking(null)} onConfirm={() => void remove()}>
        <p>{texts.removeText(id)}</p>
      </Confirm>
    );
  }
  if (asking === "password") {
    return (
      <Confirm title={texts.password} action={texts.password} onClose={() => setAsking(null)} onConfirm={() => void password()}>
        <p>{texts.passwordText}</p>
      </Confirm>
    );
  }
  const known = policy.data?.groups.map((each) => each.name) ?? [];
  return (
    <FormDialog title={person ? texts.edit(person.id) : texts.add} action={accessTexts.save} busy={busy} ready={Boolean(id.trim())} onSave={() => void save()} onClose={onClose}>
      {!person && <TextField label={texts.id} hint={texts.idHint} required value={id} onValue={setId} />}
      <TextField label={accessTexts.name} value={name} onValue={setName} />
      <TextField label={texts.email} type="email" value={email} onValue={setEmail} />
      <Picks label={texts.groups} known={known} value={groups} onValue={setGroups} />
      {person && <Switch label={texts.active} value={active} onValue={setActive} />}
      {person && <More person={person} ask={setAsking} />}
    </FormDialog>
  );
}

/** What is done at once, whatever stands in the form. */
function More({ person, ask }: { person: Person; ask: (what: Asking) => void }) {
  const end = () => attempt(() => send<{ sessions: number }>("DELETE", at("users", person.id, "sessions")), (made) => texts.signedOut(made.sessions));
  const reset = async () => {
    await attempt(() => send("DELETE", at("users", person.id, "second-factor")), texts.factorReset);
    invalidate("/users");
  };
  return (
    <div class="more">
      {person.provider === "local" && (
        <Button small onClick={() => ask("password")}>
          {texts.password}
        </Button>
      )}
      <Button small onClick={() => void end()}>
        {texts.signOut}
      </Button>
      {person.second_factor && (
        <Button small onClick={() => void reset()}>
          {texts.resetFactor}
        </Button>
      )}
      <Button small look="quiet" icon="trash" onClick={() => ask("remove")}>
        {accessTexts.remove}
      </Button>
    </div>
  );
}

/** Write what was changed of somebody; all lists of people follow. */
async function putPerson(id: string, changes: object): Promise<Person> {
  const made = await send<Person>("PUT", at("users", id), changes);
  invalidate("/users");
  return made;
}
