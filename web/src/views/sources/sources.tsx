import "./sources.css";
import { Icon } from "../../icons";
import { Link } from "../../router";
import { useRead } from "../../store";
import { flowsTexts } from "../../strings/flows";
import { count } from "../../format";
import { Time } from "../../ui/facts";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { SourceState, useWhile } from "./state";
import type { Source } from "./types";

const { sources } = flowsTexts;

const COLUMNS: Column<Source>[] = [
  {
    id: "name",
    label: sources.columns.name,
    cell: (source) => (
      <Link to={`/sources/${encodeURIComponent(source.name)}`} class="row-link" data-item>
        {source.name}
      </Link>
    ),
  },
  { id: "kind", label: sources.columns.kind, cell: (source) => sources.kinds[source.kind]?.name ?? source.kind, width: 180, from: "m" },
  { id: "state", label: sources.columns.state, cell: (source) => <SourceState source={source} />, width: 180 },
  { id: "last", label: sources.columns.last, cell: (source) => source.last && <Time at={source.last.ended ?? source.last.started} />, width: 136, from: "m" },
  { id: "brought", label: sources.columns.brought, cell: (source) => broughtBy(source), number: true, width: 120, from: "l" },
  { id: "due", label: sources.columns.due, cell: (source) => source.enabled && source.due && <Time at={source.due} />, width: 136, from: "l" },
];

/** How much the last pass saw come in or found here. */
function broughtBy(source: Source): string {
  const run = source.running ?? source.last;
  return run ? count(run.added + run.changed + run.unchanged) : "";
}

/** Where assets come from beside this registry. */
export default function Sources() {
  const read = useRead<{ sources: Source[] }>("/sources");
  useWhile(Boolean(read.data?.sources.some((each) => each.running || each.removing)), read.again, read.data);
  const add = (
    <Link to="/add-source" class="button primary">
      <Icon name="plus" />
      {sources.add}
    </Link>
  );
  return (
    <Page title={sources.title} below={sources.lead} actions={add}>
      {!read.data ? (
        read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />
      ) : read.data.sources.length ? (
        <Table label={sources.title} columns={COLUMNS} items={read.data.sources} keyOf={(source) => source.name} />
      ) : (
        <EmptyState icon="import" title={sources.none} action={add}>
          {sources.noneText}
        </EmptyState>
      )}
    </Page>
  );
}
