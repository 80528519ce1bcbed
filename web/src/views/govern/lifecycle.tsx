import { useState } from "preact/hooks";
import { at, get } from "../../api";
import { count, words } from "../../format";
import { Icon } from "../../icons";
import { KINDS, placeOf, viewOf } from "../../kinds";
import { useKeys } from "../../keys";
import { Link, usePlace, withParams, navigate } from "../../router";
import { useLatest, useRead } from "../../store";
import { strings } from "../../strings";
import { governTexts } from "../../strings/govern";
import type { BrowseAnswer, Card } from "../../types";
import { Badge, Risk } from "../../ui/badge";
import { IconButton } from "../../ui/button";
import { Page } from "../../ui/page";
import { ErrorState, Skeleton } from "../../ui/states";
import { toast } from "../../ui/toast";
import { VirtualList } from "../../ui/virtual-list";
import { MoveDialog, move, nameOf, stageName } from "./move";
import { ChoiceFilter, FilterRow } from "./shared";
import type { Lifecycle } from "./types";
import "./govern.css";

const { stages } = strings;
const { lifecycle } = governTexts;
const STAGES = Object.keys(stages);
const RISKY = new Set(["high", "critical"]);
const MOST = 200;
/** A card with the gap below it: see `.board-card` in governTexts.css. */
const CARD_HEIGHT = 104;

interface Held {
  card: Card;
  asked: Promise<Lifecycle | null>;
  standing: Lifecycle | null;
}

/** Everything by its stage. Cards go where the registry says that they may go, and nowhere else. */
export default function LifecycleBoard() {
  const { query } = usePlace();
  const chosen = { kinds: query.get("kind"), owner: query.get("owner"), include_disabled: true };
  const read = useLatest<BrowseAnswer>("/catalog", { ...chosen, limit: MOST });
  const [held, setHeld] = useState<Held | null>(null);
  const [moving, setMoving] = useState<{ card: Card; to?: string } | null>(null);
  const cards = new Map<string, Card>();
  useKeys([{ key: "m", does: lifecycle.key, run: () => withFocus(cards, (card) => setMoving({ card })) }]);
  const lift = (card: Card) => {
    const asked = get<Lifecycle>(`${at(placeOf(card.kind), card.path)}/lifecycle`).catch(() => null);
    setHeld({ card, asked, standing: null });
    void asked.then((standing) => setHeld((before) => (before?.card === card ? { ...before, standing } : before)));
  };
  const drop = async (stage: string) => {
    if (!held || held.card.stage === stage) return setHeld(null);
    const standing = await held.asked;
    const way = standing?.next.find((each) => each.stage === stage);
    setHeld(null);
    if (!way || way.refusal) toast(way?.refusal ? lifecycle.refused(way.refusal) : lifecycle.noWay, { bad: true });
    else if (way.reason_required || stage === "deprecated") setMoving({ card: held.card, to: stage });
    else await move(held.card, stage);
  };
  const counted = new Map(read.data?.facets["stage"]?.map((each) => [each.value, each.count]));
  const whole = (read.data?.total ?? 0) <= MOST;
  return (
    <Page title={lifecycle.title} below={lifecycle.lead}>
      <Filters query={query} answer={read.data} />
      {!read.data && (read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={8} />)}
      {read.data && (
        <div class="board" role="group" aria-label={lifecycle.board} tabIndex={0}>
          {STAGES.map((stage) => (
            <Column
              key={stage}
              stage={stage}
              total={counted.get(stage) ?? 0}
              cards={whole ? read.data?.results.filter((card) => card.stage === stage) : undefined}
              chosen={chosen}
              known={cards}
              state={stateOf(held, stage)}
              onLift={lift}
              onLeave={() => setHeld(null)}
              onDrop={() => void drop(stage)}
              onMove={(card) => setMoving({ card })}
            />
          ))}
        </div>
      )}
      {moving && <MoveDialog key={moving.card.path} {...moving} onClose={() => setMoving(null)} />}
    </Page>
  );
}

type Welcome = "may" | "may-not" | "asking" | undefined;

/** Whether what is dragged may be dropped here; undefined while nothing is. */
function stateOf(held: Held | null, stage: string): Welcome {
  if (!held) return undefined;
  if (!held.standing) return "asking";
  return held.standing.next.some((way) => way.stage === stage && !way.refusal) ? "may" : "may-not";
}

function withFocus(cards: Map<string, Card>, run: (card: Card) => void): void {
  const key = document.activeElement?.closest<HTMLElement>("[data-card]")?.dataset["card"];
  const card = key === undefined ? undefined : cards.get(key);
  if (card) run(card);
}

function Filters({ query, answer }: { query: URLSearchParams; answer: BrowseAnswer | undefined }) {
  const owners = (answer?.facets["owner"] ?? []).map((each) => ({ value: each.value, label: each.value }));
  const kinds = KINDS.map((kind) => ({ value: kind, label: strings.kinds[kind].many }));
  const any = query.has("kind") || query.has("owner");
  return (
    <FilterRow any={any} clear={() => navigate(withParams({ kind: null, owner: null }), { replace: true })}>
      <ChoiceFilter label={governTexts.kind} name="kind" value={query.get("kind") ?? ""} choices={[{ value: "", label: governTexts.everything }, ...kinds]} />
      <ChoiceFilter label={lifecycle.owner} name="owner" value={query.get("owner") ?? ""} choices={[{ value: "", label: governTexts.everything }, ...owners]} />
    </FilterRow>
  );
}

interface ColumnProps {
  stage: string;
  total: number;
  /** Undefined where there are too many for one answer: then each column asks for its own. */
  cards: Card[] | undefined;
  chosen: Record<string, string | boolean | null>;
  known: Map<string, Card>;
  state: Welcome;
  onLift: (card: Card) => void;
  onLeave: () => void;
  onDrop: () => void;
  onMove: (card: Card) => void;
}

function Column({ stage, total, cards, chosen, known, state, onLift, onLeave, onDrop, onMove }: ColumnProps) {
  const own = useRead<BrowseAnswer>(cards === undefined && total > 0 ? "/catalog" : null, { ...chosen, stage, limit: MOST });
  const [over, setOver] = useState(false);
  const shown = cards ?? own.data?.results ?? [];
  for (const card of shown) known.set(keyOf(card), card);
  const id = `stage-${stage}`;
  const label = stageName(stage);
  return (
    <section
      class={["column", state ?? "", over && state === "may" ? "over" : "", total ? "" : "vacant"].filter(Boolean).join(" ")}
      aria-labelledby={id}
      onDragOver={(event) => {
        if (state !== "may" && state !== "asking") return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onDrop();
      }}
    >
      <h2 id={id}>
        {label} <span class="count">{count(total)}</span>
      </h2>
      {shown.length === 0 && total === 0 && <p class="quiet">{lifecycle.empty}</p>}
      {shown.length > 0 && (
        <VirtualList label={label} items={shown} total={total} rowHeight={CARD_HEIGHT} keyOf={keyOf}>
          {(card) => <BoardCard card={card} onLift={onLift} onLeave={onLeave} onMove={onMove} />}
        </VirtualList>
      )}
      {total > shown.length && shown.length > 0 && <p class="quiet">{lifecycle.rest(count(total - shown.length))}</p>}
    </section>
  );
}

function keyOf(card: Card): string {
  return `${card.kind}/${card.path}`;
}

function BoardCard({ card, onLift, onLeave, onMove }: { card: Card } & Pick<ColumnProps, "onLift" | "onLeave" | "onMove">) {
  const name = nameOf(card);
  return (
    <div
      class="board-card"
      draggable
      data-card={keyOf(card)}
      onDragStart={(event) => {
        event.dataTransfer?.setData("text/plain", keyOf(card));
        onLift(card);
      }}
      onDragEnd={onLeave}
    >
      <div class="card-head">
        <Icon name={card.kind} size={14} />
        <Link to={viewOf(card)} data-item class="row-link" title={name}>
          {name}
        </Link>
        <IconButton icon="right" label={lifecycle.move(name)} onClick={() => onMove(card)} />
      </div>
      <span class="card-path">{card.kind === "entity" ? words(card.type ?? "") : strings.kinds[card.kind].one}</span>
      <div class="board-foot">
        <span class="card-facts">{card.owner}</span>
        {RISKY.has(card.risk ?? "") && <Risk level={card.risk ?? ""} />}
        {!card.enabled && <Badge tone="warn">{strings.find.off}</Badge>}
      </div>
    </div>
  );
}
