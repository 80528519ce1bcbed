import { at, send } from "../../api";
import { Link } from "../../router";
import { invalidate, useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { IconButton } from "../../ui/button";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { attempt, toast } from "../../ui/toast";
import type { Grant, Policy, Scope } from "./types";

const texts = accessTexts.scopes;

/** Where a scope is made that has no name yet: no scope can be called that. */
export const NEW = "-";

/** All scopes, and who holds them. */
export function Scopes() {
  const read = useRead<Policy>("/policy");
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />;
  const { scopes, groups } = read.data;
  const add = (
    <Link to={`/access/scopes/${NEW}`} class="button primary">
      {texts.add}
    </Link>
  );
  if (!scopes.length) {
    return (
      <EmptyState icon="key" title={texts.empty} action={add}>
        {texts.emptyText}
      </EmptyState>
    );
  }
  const columns: Column<Scope>[] = [
    {
      id: "name",
      label: accessTexts.name,
      cell: (one) => (
        <Link to={`/access/scopes/${encodeURIComponent(one.name)}`} class="row-link" data-item>
          {one.name}
        </Link>
      ),
      width: 240,
    },
    { id: "grants", label: texts.grants, cell: (one) => one.grants.map(inShort).join("; ") },
    { id: "held", label: texts.heldBy, cell: (one) => groups.filter((each) => each.scopes.includes(one.name)).map((each) => each.name).join(", "), width: 200, from: "m" },
    { id: "remove", label: accessTexts.remove, cell: (one) => <IconButton icon="trash" label={`${accessTexts.remove} ${one.name}`} onClick={() => void remove(one)} />, width: 104, from: "m" },
  ];
  return (
    <>
      <div class="list-head">{add}</div>
      <Table label={texts.title} columns={columns} items={scopes} keyOf={(one) => one.name} />
    </>
  );
}

/** A grant in a few words: what may be done, on what. */
function inShort(grant: Grant): string {
  const acts = grant.actions?.join(", ") ?? (grant.effect === "deny" ? "*" : "call");
  const tools = grant.tools.join(", ") === "*" ? "" : `: ${grant.tools.join(", ")}`;
  return `${grant.effect === "deny" ? `${texts.effects.deny} ` : ""}${acts} · ${grant.assets.join(", ")}${tools}`;
}

export async function putScope({ name, grants, description }: Scope): Promise<Scope> {
  const made = await send<Scope>("PUT", at("scopes", name), { grants, description });
  invalidate("/policy");
  return made;
}

export async function remove(scope: Scope): Promise<boolean> {
  const done = await attempt(() => send("DELETE", at("scopes", scope.name)));
  invalidate("/policy");
  if (done) toast(accessTexts.removed(scope.name), { undo: () => void attempt(() => putScope(scope)) });
  return done !== undefined;
}
