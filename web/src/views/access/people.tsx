import { useState } from "preact/hooks";
import { Link } from "../../router";
import { accessTexts } from "../../strings/access";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { PersonDialog } from "./person";
import { usePages } from "./shared";
import type { Person } from "./types";

const texts = accessTexts.people;
const PAGE = 200;

interface Answer {
  users: Person[];
  next_cursor: string | null;
}

/** Everybody who is known, where they come from, and how they stand. */
export function People() {
  const { first, items, more, rest } = usePages<Answer, Person>("/users", { limit: PAGE }, (answer) => answer.users);
  const [open, setOpen] = useState<Person | "new" | null>(null);
  if (!first.data) return first.error ? <ErrorState error={first.error} again={first.again} /> : <Skeleton lines={6} />;
  const add = (
    <Button look="primary" icon="plus" onClick={() => setOpen("new")}>
      {texts.add}
    </Button>
  );
  return (
    <>
      <div class="list-head">{items.length > 0 && add}</div>
      {items.length ? (
        <Table label={texts.title} columns={columnsOf(setOpen)} items={items} total={items.length + (rest ? 1 : 0)} keyOf={(one) => one.id} onEnd={more} />
      ) : (
        <EmptyState icon="people" title={texts.empty} action={add}>
          {texts.emptyText}
        </EmptyState>
      )}
      {open && <PersonDialog person={open === "new" ? null : open} onClose={() => setOpen(null)} />}
    </>
  );
}

function columnsOf(edit: (person: Person) => void): Column<Person>[] {
  return [
    {
      id: "name",
      label: accessTexts.name,
      cell: (one) => (
        <button type="button" class="row-button" data-item aria-label={texts.edit(one.id)} onClick={() => edit(one)}>
          {one.name || one.user_name || one.id}
          {one.name && one.name !== one.id && <span class="quiet"> {one.id}</span>}
        </button>
      ),
    },
    { id: "groups", label: accessTexts.groups.title, cell: (one) => groupsOf(one).join(", "), from: "m" },
    { id: "from", label: texts.from, cell: (one) => <Badge tone={one.provisioned ? "accent" : "neutral"}>{origin(one)}</Badge>, width: 168, from: "l" },
    { id: "state", label: texts.state, cell: (one) => <State person={one} />, width: 136 },
    { id: "login", label: texts.login, cell: (one) => (one.login_at ? <Time at={one.login_at} /> : accessTexts.never), width: 152, from: "l" },
    {
      id: "see",
      label: texts.see,
      cell: (one) => (
        <Link to={`/access/preview?who=${encodeURIComponent(`user:${one.id}`)}`} aria-label={`${texts.see}: ${one.id}`}>
          {accessTexts.preview.look}
        </Link>
      ),
      width: 128,
      from: "m",
    },
  ];
}

export function groupsOf(one: Person): string[] {
  return [...new Set([...one.groups, ...one.provider_groups, ...one.provisioned_groups])].sort();
}

function origin(one: Person): string {
  if (one.provisioned) return texts.provisioned[one.provisioned];
  return one.provider === "local" || !one.provider ? texts.unprovisioned : texts.at(one.provider);
}

function State({ person }: { person: Person }) {
  if (!person.active || person.provisioned === "inactive" || person.provisioned === "removed") return <Badge tone="bad">{texts.off}</Badge>;
  const local = person.provider === "local" || !person.provider;
  if (local && !person.has_password) return <Badge tone="warn">{texts.noPassword}</Badge>;
  return <Badge tone="good">{texts.active}</Badge>;
}
