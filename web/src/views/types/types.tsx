import "./types.css";
import { useMay } from "../../me";
import { Link } from "../../router";
import { useRead } from "../../store";
import { actTexts } from "../../strings/act";
import { Icon } from "../../icons";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import type { EntityType } from "../register/other-forms";

const { types } = actTexts;

/** The company's own kinds of things. */
export default function Types() {
  const read = useRead<{ types: EntityType[] }>("/entity-types");
  const may = useMay("policy");
  const add = may && (
    <Link to="/new-type" class="button primary">
      <Icon name="plus" />
      {types.new}
    </Link>
  );
  return (
    <Page title={types.title} below={types.lead} actions={add}>
      {!read.data ? (
        read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton />
      ) : read.data.types.length ? (
        <ul class="type-list">
          {read.data.types.map((each) => (
            <li key={each.name}>
              <Link to={`/types/${encodeURIComponent(each.name)}`} class="type-card" data-item>
                <Icon name="entity" />
                <span class="type-about">
                  <strong>{each.name}</strong>
                  {each.description && <span>{each.description}</span>}
                </span>
                <span class="quiet">{types.fields(Object.keys(each.schema.properties ?? {}).length)}</span>
              </Link>
            </li>
          ))}
        </ul>
      ) : (
        <EmptyState icon="entity" title={types.none} action={add}>
          {types.noneText}
        </EmptyState>
      )}
    </Page>
  );
}
