import "../register/register.css";
import "./sources.css";
import { Link, type Params } from "../../router";
import { useRead } from "../../store";
import { flowsTexts } from "../../strings/flows";
import { Page } from "../../ui/page";
import { ErrorState, Skeleton } from "../../ui/states";
import { at } from "../../api";
import { isKind, SOURCE_KINDS } from "./kinds";
import { SourceForm } from "./source-form";
import type { Source } from "./types";

const { sources } = flowsTexts;

/** Choose a kind of source, then say which one; or change one, by its name. */
export default function AddSource({ params }: { params: Params }) {
  const { kind, name } = params;
  if (name) return <Change key={name} name={name} />;
  const above = <Link to="/sources">{sources.title}</Link>;
  if (!isKind(kind)) {
    return (
      <Page title={sources.add} above={above} below={sources.lead}>
        <ul class="kind-list" aria-label={sources.kind}>
          {SOURCE_KINDS.map((each) => (
            <li key={each}>
              <Link to={`/add-source/${each}`} class="kind-card" data-item>
                <strong>{sources.kinds[each].name}</strong>
                <span>{sources.kinds[each].text}</span>
              </Link>
            </li>
          ))}
        </ul>
      </Page>
    );
  }
  return (
    <Page title={`${sources.add}: ${sources.kinds[kind].name}`} above={<Link to="/add-source">{sources.add}</Link>} below={sources.kinds[kind].text}>
      <SourceForm key={kind} kind={kind} />
    </Page>
  );
}

function Change({ name }: { name: string }) {
  const read = useRead<Source>(at("sources", name));
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={6} />;
  return (
    <Page title={`${sources.edit} ${name}`} above={<Link to={`/sources/${encodeURIComponent(name)}`}>{name}</Link>}>
      <SourceForm kind={read.data.kind} source={read.data} />
    </Page>
  );
}
