import { useEffect, useRef, useState } from "preact/hooks";
import { send } from "../../api";
import { count, words } from "../../format";
import { Icon } from "../../icons";
import { viewOf } from "../../kinds";
import { Link, navigate, usePlace, withParams } from "../../router";
import { useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Field, TextField } from "../../ui/field";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import type { Grant, Policy, PreviewAnswer, Reach } from "./types";

const texts = accessTexts.preview;
const PAUSE = 250;
const PAGE = 100;

/** What somebody may see and call, decided by the registry as if they asked. */
export function Preview() {
  const { query } = usePlace();
  const who = query.get("who") ?? "";
  const policy = useRead<Policy>("/policy");
  const [text, setText] = useState(who);
  const path = query.get("path") ?? "";
  const seen = usePreview(who ? { subject: who, path } : null, path ? PAUSE : 0);
  useEffect(() => setText(who), [who]);
  const suggestions = [...(policy.data?.groups.map((each) => `group:${each.name}`) ?? []), ...(policy.data?.scopes.map((each) => `scope:${each.name}`) ?? [])];
  return (
    <>
      <p class="lead">{texts.lead}</p>
      <form
        class="ask-line"
        onSubmit={(event) => {
          event.preventDefault();
          navigate(withParams({ who: text.trim() || null }), { replace: true });
        }}
      >
        <Field label={texts.who} hint={texts.whoHint}>
          {(ids) => <input class="input" type="text" autocomplete="off" list="preview-subjects" {...ids} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        </Field>
        <datalist id="preview-subjects">
          {suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <Button look="primary" type="submit">
          {texts.look}
        </Button>
      </form>
      {who ? (
        <>
          <div class="short-field">
            <TextField label={texts.filter} value={path} onValue={(next) => navigate(withParams({ path: next || null }), { replace: true })} />
          </div>
          <Reaches {...seen} nothing={path ? texts.noPath : texts.nothing} subject={who} />
        </>
      ) : (
        <EmptyState icon="user" title={texts.begin}>
          {texts.beginText}
        </EmptyState>
      )}
    </>
  );
}

export interface Seen {
  answer: PreviewAnswer | undefined;
  error: unknown;
  loading: boolean;
  more: () => void;
}

/** What a subject, or grants that nobody has stored, would open: asked again a little after the last change. */
export function usePreview(body: { subject: string; path: string } | { grants: Grant[] } | null, pause = PAUSE): Seen {
  const key = JSON.stringify(body);
  const [seen, setSeen] = useState<{ key: string; answer?: PreviewAnswer; error?: unknown }>({ key: "" });
  const reading = useRef<AbortController | null>(null);
  const read = (cursor: string | null, before: Reach[]) => {
    reading.current?.abort();
    const mine = (reading.current = new AbortController());
    send<PreviewAnswer>("POST", "/access/previews", { ...body, limit: PAGE, cursor }, { signal: mine.signal }).then(
      (answer) => !mine.signal.aborted && setSeen({ key, answer: { ...answer, assets: [...before, ...answer.assets] } }),
      (error: unknown) => !mine.signal.aborted && setSeen({ key, error }),
    );
  };
  useEffect(() => {
    if (body === null) return;
    const wait = window.setTimeout(() => read(null, []), pause);
    return () => {
      clearTimeout(wait);
      reading.current?.abort();
    };
  }, [key]);
  const { answer } = seen;
  const more = () => {
    if (answer?.next_cursor) read(answer.next_cursor, answer.assets);
  };
  return { answer, error: seen.error, loading: body !== null && seen.key !== key, more };
}

/** Assets within reach, and what of each. Without a subject they are of grants that are being written. */
export function Reaches({ answer, error, loading, more, nothing, subject }: Seen & { nothing: string; subject?: string }) {
  if (error !== undefined) return <ErrorState error={error} />;
  if (!answer) return loading ? <Skeleton lines={4} /> : null;
  return (
    <section aria-busy={loading} class={loading ? "reaches waiting" : "reaches"}>
      <p role="status" class="quiet">
        {texts.found(count(answer.total), count(answer.callable))}
      </p>
      {answer.assets.length > 0 ? (
        <Table label={texts.title} columns={columnsOf(subject)} items={answer.assets} total={answer.total} keyOf={(one) => `${one.kind}/${one.path}`} />
      ) : (
        <p class="notice">{nothing}</p>
      )}
      {answer.next_cursor && (
        <Button onClick={more} busy={loading}>
          {texts.more}
        </Button>
      )}
    </section>
  );
}

function columnsOf(subject: string | undefined): Column<Reach>[] {
  const columns: Column<Reach>[] = [
    {
      id: "asset",
      label: texts.columns.asset,
      cell: (one) => (
        <Link to={viewOf(one)} class="row-link with-icon" data-item>
          <Icon name={one.kind} />
          {one.name}
        </Link>
      ),
    },
    { id: "why", label: texts.columns.why, cell: (one) => (one.hidden ? <Badge tone="bad">{texts.hidden}</Badge> : one.why), from: "l" },
    { id: "may", label: texts.columns.may, cell: (one) => <May reach={one} />, from: "m" },
    { id: "tools", label: texts.columns.tools, cell: (one) => <span title={one.tools.join(", ")}>{toolsOf(one)}</span>, width: 112 },
  ];
  if (subject === undefined) return columns;
  return [...columns, { id: "whyNot", label: texts.whyNot, cell: (one) => <WhyLink reach={one} subject={subject} />, width: 96, from: "l" }];
}

function May({ reach }: { reach: Reach }) {
  const told = reach.actions.filter((each) => each !== "list" && each !== "rate");
  return <span title={reach.actions.map(words).join(", ")}>{told.map(words).join(", ") || words("list")}</span>;
}

function toolsOf(reach: Reach): string {
  if (!reach.parts) return "";
  return reach.tools.length === reach.parts ? texts.all(reach.parts) : texts.of(reach.tools.length, reach.parts);
}

function WhyLink({ reach, subject }: { reach: Reach; subject: string }) {
  const query = new URLSearchParams({ subject, action: "call", asset: `${reach.kind}/${reach.path}` });
  return (
    <Link to={`/access/why?${query.toString()}`} aria-label={`${texts.whyNot} ${reach.name}`}>
      {texts.whyNot}
    </Link>
  );
}
