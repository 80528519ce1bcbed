import { words } from "../format";
import { Icon } from "../icons";
import { viewOf } from "../kinds";
import { Link } from "../router";
import { strings } from "../strings";
import type { Card } from "../types";
import { Badge, Health, Stage } from "../ui/badge";
import { Time } from "../ui/facts";
import { Table, type Column } from "../ui/table";
import { VirtualList } from "../ui/virtual-list";

interface ResultsProps {
  cards: Card[];
  total: number;
  layout: "cards" | "table";
  onEnd: () => void;
}

/** A row of cards, its gap included: see `.card` in views.css. */
const CARD_HEIGHT = 164;
const CARD_WIDTH = 296;

export function Results({ cards, total, layout, onEnd }: ResultsProps) {
  if (layout === "table") {
    return <Table label={strings.find.results} columns={COLUMNS} items={cards} total={total} keyOf={keyOf} onEnd={onEnd} />;
  }
  return (
    <VirtualList
      label={strings.find.results}
      items={cards}
      total={total}
      rowHeight={CARD_HEIGHT}
      minWidth={CARD_WIDTH}
      keyOf={keyOf}
      onEnd={onEnd}
    >
      {(card) => <AssetCard card={card} />}
    </VirtualList>
  );
}

function keyOf(card: Card): string {
  return `${card.kind}/${card.path}`;
}

function AssetCard({ card }: { card: Card }) {
  const id = `about-${card.kind}-${card.path}`;
  const name = card.title || card.name;
  return (
    <Link to={viewOf(card)} class="card" data-item aria-label={`${name}, ${kindOf(card)}`} aria-describedby={id}>
      <span class="card-head">
        <Icon name={card.kind} />
        <strong>{name}</strong>
        {card.health && card.health !== "unknown" && <Health health={card.health} />}
      </span>
      <span class="card-path">{card.path}</span>
      <span class="card-text" id={id}>{card.description || strings.find.noDescription}</span>
      <span class="card-foot">{footOf(card)}</span>
    </Link>
  );
}

/** What is worth a word at the foot of a card, the most telling first. */
function footOf(card: Card) {
  const parts = [kindOf(card)];
  if (card.tools != null) parts.push(card.kind === "agent" ? strings.find.skills(card.tools) : strings.find.tools(card.tools));
  if (card.owner) parts.push(card.owner);
  return (
    <>
      <span class="card-facts">{parts.join(" · ")}</span>
      {!card.enabled ? <Badge tone="warn">{strings.find.off}</Badge> : card.stage !== "approved_dev" && <Stage stage={card.stage} />}
    </>
  );
}

const { columns } = strings.find;

function kindOf(card: Card): string {
  return card.kind === "entity" ? words(card.type ?? "") : strings.kinds[card.kind].one;
}

const COLUMNS: Column<Card>[] = [
  {
    id: "name",
    label: columns.name,
    cell: (card) => (
      <Link to={viewOf(card)} data-item class="row-link">
        {card.title || card.name}
      </Link>
    ),
  },
  { id: "kind", label: columns.kind, cell: kindOf, width: 132, from: "m" },
  { id: "owner", label: columns.owner, cell: (card) => card.owner, width: 120, from: "l" },
  { id: "stage", label: columns.stage, cell: (card) => <Stage stage={card.stage} />, width: 160, from: "m" },
  { id: "health", label: columns.health, cell: (card) => card.health && <Health health={card.health} />, width: 140 },
  { id: "tools", label: columns.tools, cell: (card) => card.tools, number: true, width: 80, from: "m" },
  { id: "updated", label: columns.updated, cell: (card) => <Time at={card.updated_at} />, width: 136, from: "l" },
];
