import { useState } from "preact/hooks";
import { words } from "../../format";
import { KINDS } from "../../kinds";
import { Link, navigate, type Params } from "../../router";
import { useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Button, IconButton } from "../../ui/button";
import { TextField } from "../../ui/field";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Segments } from "../../ui/tabs";
import { attempt } from "../../ui/toast";
import { Reaches, usePreview } from "./preview";
import { NEW, putScope, remove } from "./scopes";
import { NamesField } from "./shared";
import type { Grant, Policy, Scope } from "./types";
import "./access.css";

const texts = accessTexts.scopes;
const EVERYTHING = ["*"];
const EMPTY: Grant = { kinds: EVERYTHING, assets: [], methods: EVERYTHING, tools: EVERYTHING, actions: null, effect: "allow" };
const GRANTED = ["list", "read", "call", "rate", "register", "update", "toggle", "refresh", "delete", "transition", "scan", "approve", "audit", "policy", "token", "provision", "*"];

/** One scope: its grants beside what they match, worked out as one writes. */
export default function ScopeView({ params }: { params: Params }) {
  const name = params["name"] ?? NEW;
  const read = useRead<Policy>("/policy");
  if (!read.data) {
    return (
      <Page title={name === NEW ? texts.new : name} above={<Above />}>
        {read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />}
      </Page>
    );
  }
  const scope = read.data.scopes.find((each) => each.name === name);
  if (!scope && name !== NEW) {
    return (
      <Page title={name} above={<Above />}>
        <EmptyState icon="key" title={texts.missing} />
      </Page>
    );
  }
  return <Editor key={name} stored={scope} />;
}

function Above() {
  return <Link to="/access/scopes">{texts.back}</Link>;
}

function Editor({ stored }: { stored: Scope | undefined }) {
  const [name, setName] = useState(stored?.name ?? "");
  const [description, setDescription] = useState(stored?.description ?? "");
  const [grants, setGrants] = useState<Grant[]>(stored?.grants ?? [EMPTY]);
  const [busy, setBusy] = useState(false);
  const seen = usePreview(grants.length ? { grants } : null);
  const change = (index: number, to: Grant | null) => setGrants(grants.flatMap((each, at) => (at !== index ? [each] : to ? [to] : [])));
  const save = async () => {
    setBusy(true);
    const made = await attempt(() => putScope({ name: name.trim(), description, grants }), accessTexts.saved(name.trim()));
    setBusy(false);
    if (made && !stored) navigate(`/access/scopes/${encodeURIComponent(made.name)}`, { replace: true });
  };
  const actions = (
    <>
      {stored && (
        <Button icon="trash" onClick={() => void remove(stored).then((gone) => gone && navigate("/access/scopes"))}>
          {accessTexts.remove}
        </Button>
      )}
      <Button look="primary" busy={busy} disabled={!name.trim()} onClick={() => void save()}>
        {accessTexts.save}
      </Button>
    </>
  );
  return (
    <Page title={stored ? stored.name : texts.new} above={<Above />} actions={actions}>
      <div class="two-equal">
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim()) void save();
          }}
        >
          {!stored && <TextField label={accessTexts.name} required value={name} onValue={setName} />}
          <TextField label={accessTexts.description} value={description} onValue={setDescription} />
          {grants.map((grant, index) => (
            <GrantFields key={`${index}/${grants.length}`} number={index + 1} grant={grant} onGrant={(to) => change(index, to)} />
          ))}
          <Button icon="plus" onClick={() => setGrants([...grants, EMPTY])}>
            {texts.addGrant}
          </Button>
          <button type="submit" hidden />
        </form>
        <section class="matches" aria-label={texts.matches}>
          <h2>{texts.matches}</h2>
          <p class="quiet">{texts.matchesLead}</p>
          {grants.length ? <Reaches {...seen} nothing={texts.nothing} /> : <p class="notice">{texts.noGrants}</p>}
        </section>
      </div>
    </Page>
  );
}

/** One rule. What is left empty means what its hint says. */
function GrantFields({ number, grant, onGrant }: { number: number; grant: Grant; onGrant: (grant: Grant | null) => void }) {
  const set = (changes: Partial<Grant>) => onGrant({ ...grant, ...changes });
  return (
    <fieldset class="grant">
      <legend>{texts.grant(number)}</legend>
      <div class="grant-head">
        <Segments
          label={texts.effect}
          value={grant.effect}
          onValue={(effect) => set({ effect })}
          choices={(["allow", "deny"] as const).map((value) => ({ value, label: texts.effects[value] }))}
        />
        <IconButton icon="trash" label={texts.removeGrant(number)} onClick={() => onGrant(null)} />
      </div>
      <NamesField label={texts.assets} hint={texts.assetsHint} placeholder="weather, github-*" value={grant.assets} onValue={(assets) => set({ assets })} />
      <NamesField label={texts.tools} hint={texts.toolsHint} placeholder="get_*" value={grant.tools} onValue={(tools) => set({ tools })} />
      <NamesField label={texts.methods} hint={texts.methodsHint} value={grant.methods} onValue={(methods) => set({ methods })} />
      <Turns
        label={texts.kinds}
        hint={texts.kindsHint}
        names={[...KINDS, "tool", "registry"]}
        value={grant.kinds.filter((each) => each !== "*" && each !== "all")}
        onValue={(kinds) => set({ kinds: kinds.length ? kinds : EVERYTHING })}
      />
      <Turns
        label={texts.actions}
        hint={grant.effect === "deny" ? texts.actionsDeny : texts.actionsAllow}
        names={GRANTED}
        value={grant.actions ?? []}
        onValue={(actions) => set({ actions: actions.length ? actions : null })}
      />
    </fieldset>
  );
}

/** A few of many words, each turned on and off. */
function Turns(props: { label: string; hint: string; names: string[]; value: string[]; onValue: (names: string[]) => void }) {
  const turn = (name: string) => props.onValue(props.value.includes(name) ? props.value.filter((each) => each !== name) : [...props.value, name]);
  return (
    <div class="field" role="group" aria-label={props.label}>
      <span class="label">{props.label}</span>
      <span class="hint">{props.hint}</span>
      <div class="turns">
        {[...new Set([...props.names, ...props.value])].map((name) => (
          <button key={name} type="button" class="turn" aria-pressed={props.value.includes(name)} onClick={() => turn(name)}>
            {name === "*" ? texts.everything : words(name)}
          </button>
        ))}
      </div>
    </div>
  );
}
