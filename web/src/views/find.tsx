import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../api";
import { count, words } from "../format";
import { Icon } from "../icons";
import { KINDS } from "../kinds";
import { useMay } from "../me";
import { useRemembered } from "../remembered";
import { Link, navigate, usePlace, withParams } from "../router";
import { useLatest } from "../store";
import { strings } from "../strings";
import type { BrowseAnswer, Card } from "../types";
import { CodeBlock } from "../ui/code";
import { IconButton } from "../ui/button";
import { useKeptFocus } from "../ui/kept-focus";
import { Page } from "../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../ui/states";
import { Tabs, type Tab } from "../ui/tabs";
import { FilterBar, Filters, filtersOf } from "./find-filters";
import { Results } from "./find-results";

type Layout = "cards" | "table";

const PAGE = 60;
/** Of a search the best come first: fewer of them are there sooner. */
const BEST = 30;
/** Keeps the line of the summary while that is on its way: nothing below moves when it comes. */
const NBSP = "\u00a0";
const NONE: Card[] = [];

/** The home of the page: everything that one may see, searched, narrowed down and counted. */
export default function Find() {
  const { query } = usePlace();
  const [layout, setLayout] = useRemembered<Layout>("find.layout", "cards");
  const chosen = useMemo(() => filtersOf(query), [query.toString()]);
  const asked = { query: query.get("q"), kinds: query.getAll("kind"), ...chosen.facets, include_disabled: chosen.disabled || null };
  const read = useLatest<BrowseAnswer>("/catalog", { ...asked, limit: asked.query ? BEST : PAGE });
  const { cards, more } = usePages(read.data, asked);
  const main = useRef<HTMLDivElement>(null);
  useKeptFocus(main, cards);
  const total = read.data?.total ?? 0;
  const narrowed = Boolean(query.get("q")) || chosen.any || query.has("kind");
  return (
    <Page title={strings.find.title} actions={<Register />} below={read.data ? <Summary total={total} query={query.get("q")} /> : NBSP}>
      <div class="find-bar">
        <Tabs label={strings.find.tabs} tabs={tabsOf(read.data, query.has("q"))} current={tabAt(query)} />
        <div class="find-tools" role="group" aria-label={strings.find.layout}>
          <IconButton icon="find" label={strings.find.cards} aria-pressed={layout === "cards"} onClick={() => setLayout("cards")} />
          <IconButton icon="table" label={strings.find.table} aria-pressed={layout === "table"} onClick={() => setLayout("table")} />
        </div>
      </div>
      <div class="find">
        <Filters facets={read.data?.facets ?? {}} chosen={chosen} total={query.get("q") ? null : total} />
        <div class="find-main" ref={main}>
          <FilterBar chosen={chosen} />
          {read.data?.suggestions.length ? <Suggestions names={read.data.suggestions} /> : null}
          {read.error && !read.data ? <ErrorState error={read.error} again={read.again} /> : null}
          {!read.data && !read.error ? <Skeleton lines={8} /> : null}
          {read.data && cards.length > 0 && <Results cards={cards} total={query.get("q") ? cards.length : total} layout={layout} onEnd={more} />}
          {read.data && !cards.length && (narrowed ? <Nothing /> : <Empty />)}
        </div>
      </div>
    </Page>
  );
}

/** The cards of the first page and of those after it, which are read as one comes near the end. */
function usePages(first: BrowseAnswer | undefined, asked: Record<string, unknown>) {
  const key = JSON.stringify(asked);
  const [rest, setRest] = useState<{ key: string; total: number; cards: Card[]; cursor: string | null } | null>(null);
  const reading = useRef<AbortController | null>(null);
  useEffect(() => () => reading.current?.abort(), [key]);
  const fits = rest !== null && first !== undefined && rest.key === key && rest.total === first.total;
  const cursor = fits ? rest.cursor : (first?.next_cursor ?? null);
  const before = fits ? rest.cards : NONE;
  const more = useCallback(() => {
    if (!cursor || !first || (reading.current && !reading.current.signal.aborted)) return;
    const mine = (reading.current = new AbortController());
    const options = { query: { ...(asked as object), limit: 200, cursor }, signal: mine.signal };
    get<BrowseAnswer>("/catalog", options)
      .then((page) => setRest({ key, total: first.total, cards: [...before, ...page.results], cursor: page.next_cursor ?? null }))
      .catch(() => undefined) // the next turn of the wheel tries again
      .finally(() => {
        if (reading.current === mine) reading.current = null;
      });
  }, [key, cursor, first]);
  const cards = useMemo(() => [...(first?.results ?? []), ...before], [first, before]);
  return { cards, more };
}

function Register() {
  if (!useMay("register")) return null;
  return (
    <Link to="/register" class="button primary">
      <Icon name="plus" />
      {strings.nav.register}
    </Link>
  );
}

function Summary({ total, query }: { total: number; query: string | null }) {
  return (
    <span role="status">
      {strings.find.count(count(total), true)}
      {query && (
        <>
          {" "}
          for <strong>{query}</strong>
        </>
      )}
    </span>
  );
}

/** A tab for each kind. What is counted goes by the filters and not by the words: beside these it would mislead. */
function tabsOf(answer: BrowseAnswer | undefined, searched: boolean): Tab[] {
  const kinds = new Map(answer?.facets["kind"]?.map((each) => [each.value, each.count]));
  const all = [...kinds.values()].reduce((sum, each) => sum + each, 0);
  const counted = (value: number) => (answer && !searched ? value : undefined);
  const tabs: Tab[] = [{ id: "", label: strings.find.all, count: counted(all), to: withParams({ kind: null, type: null }) }];
  for (const kind of KINDS.filter((each) => each !== "entity")) {
    const to = withParams({ kind, type: null });
    tabs.push({ id: kind, label: strings.kinds[kind].many, count: counted(kinds.get(kind) ?? 0), to });
  }
  for (const type of answer?.facets["type"] ?? []) {
    tabs.push({ id: `entity:${type.value}`, label: words(type.value), count: type.count, to: withParams({ kind: "entity", type: type.value }) });
  }
  return tabs;
}

function tabAt(query: URLSearchParams): string {
  const kind = query.get("kind") ?? "";
  return kind === "entity" ? `entity:${query.get("type") ?? ""}` : kind;
}

function Suggestions({ names }: { names: string[] }) {
  return (
    <p class="suggestions">
      {strings.find.suggestion}{" "}
      {names.map((name) => (
        <Link key={name} to={withParams({ q: name })}>
          {name}
        </Link>
      ))}
      ?
    </p>
  );
}

function Nothing() {
  const clear = (
    <button type="button" class="button plain" onClick={() => navigate("/")}>
      {strings.find.clear}
    </button>
  );
  return (
    <EmptyState icon="search" title={strings.find.nothing} action={clear}>
      {strings.find.nothingText}
    </EmptyState>
  );
}

function Empty() {
  const command = <CodeBlock text="airegistry register my-server https://mcp.example.com/mcp" />;
  return (
    <EmptyState icon="find" title={strings.find.empty} action={command}>
      {strings.find.emptyText}
    </EmptyState>
  );
}

