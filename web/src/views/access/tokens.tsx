import { useState } from "preact/hooks";
import { at, send } from "../../api";
import type { Params } from "../../router";
import { invalidate, useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Time } from "../../ui/facts";
import { Select, Switch, TextField } from "../../ui/field";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Tabs } from "../../ui/tabs";
import { attempt } from "../../ui/toast";
import { useMay } from "../../me";
import { Clients } from "./clients";
import { FormDialog, NamesField, Once, Picks } from "./shared";
import type { Policy, Token } from "./types";
import "./access.css";

const texts = accessTexts.tokens;
type TabId = keyof typeof texts.tabs;

/** Credentials of machines: bearer tokens and OAuth clients. */
export default function TokensView({ params }: { params: Params }) {
  const current: TabId = params["tab"] === "clients" ? "clients" : "tokens";
  const tabs = (["tokens", "clients"] as const).map((id) => ({ id, label: texts.tabs[id], to: id === "tokens" ? "/tokens" : `/tokens/${id}` }));
  return (
    <Page title={texts.title} below={texts.lead}>
      <Tabs label={texts.sections} current={current} tabs={tabs} />
      {current === "tokens" ? <Tokens /> : <Clients />}
    </Page>
  );
}

function Tokens() {
  const read = useRead<{ tokens: Token[] }>("/tokens");
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const [past, setPast] = useState(false);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />;
  const shown = read.data.tokens.filter((each) => past || standing(each) === "good");
  const add = (
    <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
      {texts.add}
    </Button>
  );
  const revoke = async (token: Token) => {
    setRevoking(null);
    await attempt(() => send("DELETE", at("tokens", token.id)), accessTexts.removed(token.name));
    invalidate("/tokens");
  };
  return (
    <>
      <div class="list-head">
        <Switch label={texts.past} value={past} onValue={setPast} />
        {add}
      </div>
      {shown.length ? (
        <Table label={texts.title} columns={columnsOf(setRevoking)} items={shown} keyOf={(one) => one.id} />
      ) : (
        <EmptyState icon="key" title={texts.empty}>
          {texts.emptyText}
        </EmptyState>
      )}
      {adding && <NewToken onClose={() => setAdding(false)} />}
      {revoking && (
        <Confirm title={`${texts.revoke} ${revoking.name}?`} action={texts.revoke} danger onClose={() => setRevoking(null)} onConfirm={() => void revoke(revoking)}>
          <p>{texts.revokeText(revoking.name)}</p>
        </Confirm>
      )}
    </>
  );
}

function columnsOf(revoke: (token: Token) => void): Column<Token>[] {
  return [
    { id: "name", label: accessTexts.name, cell: (one) => <strong>{one.name}</strong> },
    { id: "holds", label: texts.holds, cell: (one) => [...one.groups, ...one.scopes].join(", ") || accessTexts.none, from: "m" },
    { id: "made", label: texts.made, cell: (one) => one.created_by, width: 144, from: "l" },
    { id: "used", label: texts.used, cell: (one) => (one.last_used_at ? <Time at={one.last_used_at} /> : accessTexts.never), width: 128, from: "m" },
    { id: "expires", label: texts.expires, cell: (one) => <Ends token={one} />, width: 136 },
    {
      id: "revoke",
      label: texts.revoke,
      cell: (one) =>
        standing(one) === "good" && (
          <Button small data-item aria-label={`${texts.revoke} ${one.name}`} onClick={() => revoke(one)}>
            {texts.revoke}
          </Button>
        ),
      width: 112,
    },
  ];
}

function standing(token: Token): "good" | "revoked" | "ended" {
  if (token.revoked_at) return "revoked";
  return new Date(token.expires_at).getTime() < Date.now() ? "ended" : "good";
}

function Ends({ token }: { token: Token }) {
  const state = standing(token);
  return state === "good" ? <Time at={token.expires_at} /> : <Badge tone="bad">{state === "revoked" ? texts.revoked : texts.ended}</Badge>;
}

interface Minted {
  token: string;
  name: string;
}

/** Make a token. `own` is one for oneself, out of what one may do, which anybody may have. */
export function NewToken({ own = false, onClose }: { own?: boolean; onClose: () => void }) {
  const policy = useRead<Policy>(useMay("policy") && !own ? "/policy" : null);
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [groups, setGroups] = useState<string[]>([]);
  const [life, setLife] = useState(own ? "3600" : "86400");
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<Minted | null>(null);
  const save = async () => {
    setBusy(true);
    const common = { name: name.trim(), expires_in: Number(life) };
    const minted = await attempt(() =>
      own ? send<Minted>("POST", "/tokens/vended", { ...common, ...(scopes.length ? { scopes } : {}) }) : send<Minted>("POST", "/tokens", { ...common, scopes, groups }),
    );
    setBusy(false);
    invalidate("/tokens");
    if (minted) setMade(minted);
  };
  if (made) return <Once title={texts.shown} text={texts.shownText} secret={made.token} onClose={onClose} />;
  const lives = Object.entries(texts.lives).filter(([seconds]) => !own || Number(seconds) <= 86400);
  return (
    <FormDialog title={own ? accessTexts.account.own : texts.add} action={texts.add2} busy={busy} ready={Boolean(name.trim())} onSave={() => void save()} onClose={onClose}>
      <TextField label={accessTexts.name} hint={own ? undefined : texts.nameHint} required value={name} onValue={setName} />
      {policy.data ? (
        <>
          <Picks label={texts.scopes} known={policy.data.scopes.map((each) => each.name)} value={scopes} onValue={setScopes} />
          <Picks label={texts.groups} known={policy.data.groups.map((each) => each.name)} value={groups} onValue={setGroups} />
        </>
      ) : (
        <NamesField label={texts.scopes} value={scopes} onValue={setScopes} />
      )}
      <Select label={texts.ends} value={life} onValue={setLife} choices={lives.map(([value, label]) => ({ value, label }))} />
    </FormDialog>
  );
}
