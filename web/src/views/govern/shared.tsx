/** Small parts that the views of this area share. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { exact } from "../../format";
import { unseen } from "../../hidden";
import { Icon } from "../../icons";
import { useKeys } from "../../keys";
import { viewOf } from "../../kinds";
import { Link, navigate, withParams } from "../../router";
import { governTexts } from "../../strings/govern";
import type { Kind } from "../../types";
import { Badge, type Tone } from "../../ui/badge";
import { IconButton } from "../../ui/button";
import { Field, type Choice } from "../../ui/field";
import { Upstream } from "../../ui/upstream";
import { unescaped } from "./evidence";
import type { Grade, Severity, Verdict } from "./types";


/** `server/weather` as what Link and the API take. */
export function named(ref: string): { kind: Kind; path: string } {
  const slash = ref.indexOf("/");
  return { kind: ref.slice(0, slash) as Kind, path: ref.slice(slash + 1) };
}

const LINKED = new Set(["server", "agent", "skill", "virtual_server", "entity"]);

/** An asset by `kind/path`, linked where there is a view of its kind. */
export function AssetLink({ of, tab, item }: { of: string; tab?: string; item?: boolean }) {
  const asset = named(of);
  if (!LINKED.has(asset.kind)) return <code>{of}</code>;
  return (
    <Link to={viewOf(asset, tab)} class="asset-link" {...(item ? { "data-item": true } : {})}>
      <Icon name={asset.kind} size={14} />
      {asset.path}
    </Link>
  );
}

const GRADES: Record<Grade, Tone> = { cosmetic: "neutral", minor: "neutral", material: "warn", privilege_widened: "bad" };
const VERDICTS: Record<Verdict, Tone> = { pass: "good", review: "warn", block: "bad" };
const SEVERITIES: Record<Severity, Tone> = { info: "neutral", low: "neutral", medium: "accent", high: "warn", critical: "bad" };

export function GradeBadge({ grade }: { grade: Grade }) {
  return <Badge tone={GRADES[grade]}>{governTexts.approvals.grades[grade]}</Badge>;
}

export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  return <Badge tone={VERDICTS[verdict]}>{governTexts.approvals.scan[verdict]}</Badge>;
}

export function SeverityBadge({ severity }: { severity: Severity }) {
  return <Badge tone={SEVERITIES[severity]}>{governTexts.findings.severities[severity]}</Badge>;
}

/** What a scan quotes, with what nobody sees written out. */
export function Evidence({ text }: { text: string }) {
  const quoted = unescaped(text);
  const hidden = unseen(quoted);
  return (
    <div class="evidence-lines">
      <pre tabIndex={0} aria-label={governTexts.findings.evidence}>
        <Upstream text={quoted} />
      </pre>
      {hidden > 0 && <p class="quiet">{governTexts.findings.invisible(hidden)}</p>}
    </div>
  );
}

/** Beside a list, what is known of one of its things: over the page where there is no room beside. */
export function Split({ list, detail }: { list: ComponentChildren; detail: ComponentChildren | null }) {
  return (
    <div class={detail ? "split open" : "split"}>
      <div class="split-list">{list}</div>
      {detail}
    </div>
  );
}

interface DetailProps {
  title: string;
  /** The parameters of the address that name the thing. */
  params: string[];
  children: ComponentChildren;
}

export function Detail({ title, params, children }: DetailProps) {
  const close = () => {
    navigate(withParams(Object.fromEntries(params.map((name) => [name, null]))), { replace: true });
    document.querySelector<HTMLElement>("[data-item][aria-current]")?.focus();
  };
  useKeys([{ key: "Escape", does: governTexts.closeDetails, run: close }]);
  return (
    <aside class="detail" aria-label={governTexts.details}>
      <header>
        <h2>{title}</h2>
        <IconButton icon="cross" label={governTexts.closeDetails} onClick={close} />
      </header>
      {children}
    </aside>
  );
}

type TextProps = { label: string; name: string; value: string; hint?: string; type?: string; list?: string };

/** A filter that stands in the address: it counts when one leaves it, or presses Enter. */
export function TextFilter({ label, name, value, hint, type = "text" }: TextProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current && input.current !== document.activeElement) input.current.value = value;
  }, [value]);
  return (
    <Field label={label}>
      {(ids) => (
        <input
          ref={input}
          class="input"
          type={type as "text"}
          defaultValue={value}
          placeholder={hint}
          autocomplete="off"
          {...ids}
          onChange={(event) => {
            const next = event.currentTarget.value.trim();
            if (next !== value) navigate(withParams({ [name]: next || null }), { replace: true });
          }}
        />
      )}
    </Field>
  );
}

export function ChoiceFilter({ label, name, value, choices }: { label: string; name: string; value: string; choices: Choice[] }) {
  return (
    <Field label={label}>
      {(ids) => (
        <select class="input" {...ids} value={value} onChange={(event) => navigate(withParams({ [name]: event.currentTarget.value || null }), { replace: true })}>
          {choices.map((each) => (
            <option key={each.value} value={each.value}>
              {each.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** The filters of a list in a row; on a phone behind a button. */
export function FilterRow({ children, any, clear }: { children: ComponentChildren; any: boolean; clear: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <section class="filter-row" aria-label={governTexts.filters}>
      <span class="phone-only">
        <button type="button" class="button plain small" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="filter" />
          {governTexts.filters}
        </button>
      </span>
      <div class={open ? "filter-fields open" : "filter-fields"}>
        {children}
        {any && (
          <button type="button" class="button quiet small" onClick={clear}>
            {governTexts.clear}
          </button>
        )}
      </div>
    </section>
  );
}

/** Choices of a select, of a table of texts; the first one leaves the matter open. */
export function choicesOf(texts: Record<string, string>, open?: string): Choice[] {
  const found = Object.entries(texts).map(([value, label]) => ({ value, label }));
  return open === undefined ? found : [{ value: "", label: open }, ...found];
}

/** A time to the second, for those who compare. */
export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exact(at)}>
      {clock.format(new Date(at))}
    </time>
  );
}

const clock = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Do something again and again while a view is there and looked at. */
export function useEvery(seconds: number | null, run: () => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    if (seconds === null) return;
    const timer = window.setInterval(() => document.hidden || latest.current(), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
}
