import { useState } from "preact/hooks";
import { count, words } from "../format";
import { Icon } from "../icons";
import { navigate, withParams } from "../router";
import { strings } from "../strings";
import type { Counted } from "../types";
import { Button } from "../ui/button";
import { Checkbox } from "../ui/field";

const FACETS = ["tags", "owner", "environment", "stage", "risk", "health", "source"] as const;
type Facet = (typeof FACETS)[number];
const FEW = 6;

/** What was chosen, as it stands in the address. */
export interface Chosen {
  facets: Record<Facet | "type", string[]>;
  disabled: boolean;
  any: boolean;
}

export function filtersOf(query: URLSearchParams): Chosen {
  const facets = Object.fromEntries([...FACETS, "type" as const].map((name) => [name, query.getAll(name)])) as Chosen["facets"];
  const disabled = query.get("disabled") === "true";
  return { facets, disabled, any: disabled || FACETS.some((name) => facets[name].length > 0) };
}

/** The column of facets, each value with how many there are of it. */
export function Filters({ facets, chosen, total }: { facets: Record<string, Counted[]>; chosen: Chosen; total: number | null }) {
  const [open, setOpen] = useState(false);
  return (
    <aside class="filters" aria-label={strings.find.filters}>
      <span class="phone-only">
        <Button icon="filter" small aria-expanded={open} onClick={() => setOpen(!open)}>
          {strings.find.filters}
        </Button>
      </span>
      <div class={open ? "filter-list open" : "filter-list"}>
        {FACETS.map((name) => (
          <FacetList key={name} name={name} counted={facets[name] ?? []} chosen={chosen.facets[name]} total={total} />
        ))}
        <Checkbox
          label={strings.find.disabled}
          value={chosen.disabled}
          onValue={(on) => navigate(withParams({ disabled: on ? "true" : null }), { replace: true })}
        />
      </div>
    </aside>
  );
}

function FacetList({ name, counted, chosen, total }: { name: Facet; counted: Counted[]; chosen: string[]; total: number | null }) {
  const [all, setAll] = useState(false);
  const known = new Set(counted.map((each) => each.value));
  const values = [...counted, ...chosen.filter((value) => !known.has(value)).map((value) => ({ value, count: 0 }))];
  const parts = values.length > 1 || (total !== null && values[0] !== undefined && values[0].count !== total);
  if (!parts && !chosen.length) return null; // it would narrow nothing down
  const shown = all ? values : values.filter((each, index) => index < FEW || chosen.includes(each.value));
  const turn = (value: string, on: boolean) => {
    const next = on ? [...chosen, value] : chosen.filter((each) => each !== value);
    navigate(withParams({ [name]: next }), { replace: true });
  };
  return (
    <fieldset class="facet">
      <legend>{strings.find.facets[name]}</legend>
      {shown.map((each) => (
        <Checkbox
          key={each.value}
          label={labelOf(name, each.value)}
          count={count(each.count)}
          value={chosen.includes(each.value)}
          onValue={(on) => turn(each.value, on)}
        />
      ))}
      {values.length > FEW && (
        <Button look="quiet" small aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? strings.ui.fewer : `${strings.ui.more} (${values.length})`}
        </Button>
      )}
    </fieldset>
  );
}

/** What is chosen, each to be taken away. */
export function FilterBar({ chosen }: { chosen: Chosen }) {
  if (!chosen.any) return null;
  const chips = FACETS.flatMap((name) => chosen.facets[name].map((value) => ({ name, value })));
  const none = Object.fromEntries([...FACETS, "disabled"].map((name) => [name, null]));
  return (
    <div class="chips">
      {chips.map(({ name, value }) => (
        <Chip
          key={`${name}:${value}`}
          label={`${strings.find.facets[name]}: ${labelOf(name, value)}`}
          onRemove={() => navigate(withParams({ [name]: chosen.facets[name].filter((each) => each !== value) }), { replace: true })}
        />
      ))}
      {chosen.disabled && <Chip label={strings.find.disabled} onRemove={() => navigate(withParams({ disabled: null }), { replace: true })} />}
      <Button look="quiet" small onClick={() => navigate(withParams(none), { replace: true })}>
        {strings.find.clear}
      </Button>
    </div>
  );
}

function Chip({ label, onRemove }: { label: string; onRemove: () => void }) {
  return (
    <button type="button" class="chip" aria-label={strings.find.remove(label)} onClick={onRemove}>
      {label}
      <Icon name="cross" size={12} />
    </button>
  );
}

function labelOf(name: Facet, value: string): string {
  if (name === "stage") return strings.stages[value as keyof typeof strings.stages] ?? words(value);
  if (name === "health") return strings.health[value as keyof typeof strings.health] ?? words(value);
  if (name === "risk") return words(value);
  return name === "source" && value === "local" ? strings.find.local : value;
}
