import "../register/register.css";
import "./types.css";
import { useState } from "preact/hooks";
import { at, get, send } from "../../api";
import { Icon } from "../../icons";
import { viewOf } from "../../kinds";
import { useMay } from "../../me";
import { Link, navigate, usePlace, type Params } from "../../router";
import { invalidate, useRead } from "../../store";
import { actTexts } from "../../strings/act";
import type { Asset } from "../../types";
import { Stage } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { Page } from "../../ui/page";
import { SchemaView } from "../../ui/schema-view";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Tabs } from "../../ui/tabs";
import { attempt, toast } from "../../ui/toast";
import type { EntityType } from "../register/other-forms";
import { TypeForm } from "./type-form";

const { types } = actTexts;

/** One type: what there is of it, and its schema. */
export default function TypeView({ params }: { params: Params }) {
  const { query } = usePlace();
  const name = params["name"] ?? "";
  const place = at("entity-types", name);
  const read = useRead<EntityType>(place);
  const may = useMay("policy");
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />;
  const type = read.data;
  const here = `/types/${encodeURIComponent(name)}`;
  const current = query.get("tab") === "schema" ? "schema" : "entities";
  const remove = async () => {
    if (!(await attempt(() => send("DELETE", place)))) return;
    invalidate("/entity-types");
    navigate("/types");
    const undo = async () => {
      const body = { schema: type.schema, description: type.description };
      if (await attempt(() => send("PUT", place, body), types.restored(name))) invalidate("/entity-types");
    };
    toast(types.removed(name), { undo: () => void undo() });
  };
  const tabs = [
    { id: "entities", label: types.tabs.entities, to: here },
    { id: "schema", label: types.tabs.schema, to: `${here}?tab=schema` },
  ];
  return (
    <Page
      title={name}
      above={<Link to="/types">{types.title}</Link>}
      below={type.description}
      actions={
        <>
          {may && (
            <Button icon="trash" onClick={() => void remove()}>
              {types.remove}
            </Button>
          )}
          <Register name={name} />
        </>
      }
    >
      <Tabs label={types.sections} tabs={tabs} current={current} />
      {current === "entities" ? <Entities key={name} name={name} /> : may ? <TypeForm key={JSON.stringify(type)} type={type} /> : <ReadOnly type={type} />}
    </Page>
  );
}

function ReadOnly({ type }: { type: EntityType }) {
  return (
    <>
      <p class="quiet">{types.readOnly}</p>
      <SchemaView schema={type.schema} />
    </>
  );
}

function Register({ name }: { name: string }) {
  if (!useMay("register")) return null;
  return (
    <Link to={`/register/entities?type=${encodeURIComponent(name)}`} class="button primary">
      <Icon name="plus" />
      {types.entity(name)}
    </Link>
  );
}

interface Entities {
  entities: Asset[];
  next_cursor?: string | null;
}

const COLUMNS: Column<Asset>[] = [
  {
    id: "name",
    label: types.columns.name,
    cell: (asset) => (
      <Link to={viewOf(asset)} class="row-link" data-item>
        {asset.title || asset.name}
      </Link>
    ),
  },
  { id: "path", label: types.columns.path, cell: (asset) => asset.path, from: "m" },
  { id: "stage", label: types.columns.stage, cell: (asset) => <Stage stage={asset.stage} />, width: 160 },
  { id: "updated", label: types.columns.updated, cell: (asset) => <Time at={asset.updated_at} />, width: 136, from: "m" },
];

const PAGE = 100;

function Entities({ name }: { name: string }) {
  const read = useRead<Entities>("/entities", { type: name, limit: PAGE, detail: "brief" });
  const [rest, setRest] = useState<{ of: Entities; assets: Asset[]; cursor: string | null } | null>(null);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />;
  const mine = rest?.of === read.data ? rest : null;
  const assets = [...read.data.entities, ...(mine?.assets ?? [])];
  const cursor = mine ? mine.cursor : (read.data.next_cursor ?? null);
  if (!assets.length) {
    return (
      <EmptyState icon="entity" title={types.noEntities} action={<Register name={name} />}>
        {types.noEntitiesText}
      </EmptyState>
    );
  }
  const of = read.data;
  const more = async () => {
    const page = await attempt(() => get<Entities>("/entities", { query: { type: name, limit: PAGE, detail: "brief", cursor } }));
    if (page) setRest({ of, assets: [...(mine?.assets ?? []), ...page.entities], cursor: page.next_cursor ?? null });
  };
  return (
    <>
      <Table label={types.tabs.entities} columns={COLUMNS} items={assets} keyOf={(asset) => asset.path} />
      {cursor && (
        <p class="more-rows">
          <Button onClick={() => void more()}>{types.more}</Button>
        </p>
      )}
    </>
  );
}
