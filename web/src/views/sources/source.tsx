import "./sources.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { at, send } from "../../api";
import { plural } from "../../format";
import { Icon } from "../../icons";
import { Link, navigate, usePlace, withParams, type Params } from "../../router";
import { invalidate, useRead } from "../../store";
import { flowsTexts } from "../../strings/flows";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Elsewhere, Facts, Section, Time, type Fact } from "../../ui/facts";
import { Menu } from "../../ui/menu";
import { Page } from "../../ui/page";
import { Switch } from "../../ui/field";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { attempt, toast, told } from "../../ui/toast";
import { Outcome, RunView } from "./run";
import { SourceState, useWhile } from "./state";
import type { Run, SourceDetails, Synced } from "./types";

const { sources } = flowsTexts;

/** One source: how it stands, what its passes did, and what can be asked of it. */
export default function SourceView({ params }: { params: Params }) {
  const name = params["name"] ?? "";
  const read = useRead<SourceDetails>(at("sources", name));
  const [wanted, setWanted] = useState(false);
  useWhile(Boolean(read.data?.running || read.data?.removing || wanted), read.again, read.data);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={8} />;
  return <Shown key={name} source={read.data} again={read.again} onWanted={setWanted} />;
}

function Shown({ source, again, onWanted }: { source: SourceDetails; again: () => void; onWanted: (wanted: boolean) => void }) {
  const { query } = usePlace();
  const [dry, setDry] = useState<Run | null>(null);
  const [busy, setBusy] = useState<"dry" | "sync" | null>(null);
  const [error, setError] = useState<unknown>();
  const tried = useRef(false);
  const place = at("sources", source.name);
  const ask = async (body: { dry_run?: boolean; force?: boolean; cancel?: boolean }) => {
    setBusy(body.dry_run ? "dry" : "sync");
    setError(undefined);
    onWanted(!body.dry_run);
    try {
      const done = await send<Synced>("POST", `${place}/syncs`, body);
      if (body.dry_run) setDry(done.run ?? null);
      else setDry(null);
    } catch (reason) {
      setError(reason);
    }
    setBusy(null);
    onWanted(false);
    again();
  };
  useEffect(() => {
    if (query.get("try") !== "1" || tried.current) return;
    tried.current = true;
    navigate(withParams({ try: null }), { replace: true });
    void ask({ dry_run: true });
  }, [query]);
  const shown = source.running ?? source.last;
  return (
    <Page
      title={source.name}
      above={<Link to="/sources">{sources.title}</Link>}
      beside={<SourceState source={source} />}
      below={source.description || sources.kinds[source.kind]?.text}
      actions={<Acts source={source} busy={busy} ask={(body) => void ask(body)} />}
    >
      {source.removing && <p class="notice warn">{sources.removing}</p>}
      <div class="two">
        <div aria-live="polite">
          {error ? (
            <p class="notice bad" role="alert">
              <Icon name="warning" />
              {told(error)}
            </p>
          ) : null}
          {busy === "dry" && (
            <Section title={sources.dryTitle}>
              <p class="quiet">{sources.trying}</p>
              <Skeleton lines={3} />
            </Section>
          )}
          {dry && busy !== "dry" && (
            <Section title={sources.dryTitle}>
              <RunView run={dry} />
              <p class="quiet">{dry.planned.length ? sources.dryScan : sources.dryNothing}</p>
            </Section>
          )}
          <Section title={source.running ? sources.running : sources.last} action={source.running && <Cancel ask={(body) => void ask(body)} />}>
            {shown ? <RunView run={shown} /> : <EmptyState icon="import" title={sources.noPasses} />}
          </Section>
          {source.runs.length > 1 && (
            <Section title={sources.passes}>
              <Table label={sources.passes} columns={PASSES} items={source.runs} keyOf={(run) => run.started} />
            </Section>
          )}
        </div>
        <aside aria-label={sources.about}>
          <Section title={sources.about}>
            <Enabled source={source} />
            <Facts facts={factsOf(source)} />
          </Section>
        </aside>
      </div>
    </Page>
  );
}

interface ActsProps {
  source: SourceDetails;
  busy: "dry" | "sync" | null;
  ask: (body: { dry_run?: boolean; force?: boolean; cancel?: boolean }) => void;
}

function Acts({ source, busy, ask }: ActsProps) {
  const [removing, setRemoving] = useState(false);
  if (source.removing) return null;
  return (
    <>
      <Button icon="search" busy={busy === "dry"} onClick={() => ask({ dry_run: true })}>
        {sources.dry}
      </Button>
      <Button look="primary" icon="refresh" busy={busy === "sync" || Boolean(source.running)} disabled={!source.enabled} onClick={() => ask({})}>
        {sources.sync}
      </Button>
      <Menu button={<Icon name="more" />} label={sources.more}>
        {(close) => (
          <div class="menu-acts">
            <Link to={`/sources/${encodeURIComponent(source.name)}/edit`} class="button quiet">
              <Icon name="edit" />
              {sources.edit}
            </Link>
            <Button look="quiet" icon="warning" disabled={!source.enabled} onClick={() => (close(), ask({ force: true }))}>
              {sources.force}
            </Button>
            <Button look="quiet" icon="trash" onClick={() => (close(), setRemoving(true))}>
              {sources.remove}
            </Button>
          </div>
        )}
      </Menu>
      {removing && <Removal name={source.name} onClose={() => setRemoving(false)} />}
    </>
  );
}

/** Not where "Sync now" is: whoever presses that twice ends nothing. */
function Cancel({ ask }: Pick<ActsProps, "ask">) {
  return (
    <Button small icon="cross" onClick={() => ask({ cancel: true })}>
      {sources.cancel}
    </Button>
  );
}

function Removal({ name, onClose }: { name: string; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    const done = await attempt(() => send<{ ok: boolean }>("DELETE", at("sources", name)));
    setBusy(false);
    if (!done) return;
    toast(done.ok ? sources.removed(name) : sources.removing);
    invalidate("/sources", "/catalog");
    navigate("/sources");
  };
  return (
    <Confirm title={sources.removeTitle(name)} action={sources.removeAct} danger busy={busy} onConfirm={() => void remove()} onClose={onClose}>
      <p>{sources.removeText}</p>
    </Confirm>
  );
}

function Enabled({ source }: { source: SourceDetails }) {
  const place = at("sources", source.name);
  const turn = async (enabled: boolean) => {
    if (!(await attempt(() => send("PATCH", place, { enabled })))) return;
    invalidate("/sources");
    const undo = async () => {
      if (await attempt(() => send("PATCH", place, { enabled: !enabled }))) invalidate("/sources");
    };
    toast(enabled ? sources.switchedOn(source.name) : sources.switchedOff(source.name), { undo: () => void undo() });
  };
  return <Switch label={sources.enabled} value={source.enabled} disabled={source.removing} onValue={(value) => void turn(value)} />;
}

function factsOf(source: SourceDetails): Fact[] {
  const { facts } = sources;
  const filters = [...source.names, ...source.tags, ...source.namespace.map((each) => `${each}…`)];
  const known = Object.entries(source.options).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return [
    [facts.kind, sources.kinds[source.kind]?.name ?? source.kind],
    [facts.url, source.url && <Elsewhere url={source.url} />],
    [facts.options, known.length > 0 && <span class="lines">{known.join("\n")}</span>],
    [facts.filters, filters.join(", ") || sources.all],
    [facts.audience, source.groups.join(", ") || sources.everybody],
    [facts.interval, sources.intervals[String(source.interval) as keyof typeof sources.intervals] ?? plural(Math.round(source.interval / 60), "minute")],
    [facts.due, source.enabled && (source.due ? <Time at={source.due} /> : sources.soon)],
    [facts.lag, source.lag != null && <Time at={new Date(Date.now() - source.lag * 1000).toISOString()} />],
    [facts.failures, source.failures || null],
    [facts.secrets, source.has_secrets ? sources.kept : sources.noSecrets],
    [facts.by, source.created_by],
  ].filter(([, value]) => value !== false) as Fact[];
}

const { passColumns } = sources;
const PASSES: Column<Run>[] = [
  { id: "began", label: passColumns.began, cell: (run) => <Time at={run.started} /> },
  { id: "outcome", label: passColumns.outcome, cell: (run) => <Outcome run={run} />, width: 120 },
  { id: "offers", label: passColumns.offers, cell: (run) => run.offers, number: true, width: 96, from: "m" },
  { id: "came", label: passColumns.came, cell: (run) => run.added + run.changed, number: true, width: 160 },
  { id: "gone", label: passColumns.gone, cell: (run) => run.retired, number: true, width: 96, from: "m" },
  { id: "refused", label: passColumns.refused, cell: (run) => run.refused, number: true, width: 96 },
];
