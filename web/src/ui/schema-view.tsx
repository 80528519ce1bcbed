import { limitsOf, resolved, typeOf } from "../schema";
import { strings } from "../strings";
import type { Schema } from "../types";
import { Upstream } from "./upstream";

const DEEPEST = 4;

/** A JSON Schema for people: what there is to fill in, what each thing is, and what it has to be. */
export function SchemaView({ schema, root = schema, depth = 0 }: { schema: Schema; root?: Schema; depth?: number }) {
  const real = resolved(schema, root);
  const members = Object.entries(real.properties ?? {});
  if (!members.length) return depth ? null : <p class="quiet">{strings.schema.nothing}</p>;
  return (
    <ul class="schema">
      {members.map(([name, member]) => (
        <Member key={name} name={name} member={member} root={root} depth={depth} needed={real.required?.includes(name) ?? false} />
      ))}
    </ul>
  );
}

function Member(props: { name: string; member: Schema; root: Schema; depth: number; needed: boolean }) {
  const { name, member, root, depth, needed } = props;
  const real = resolved(member, root);
  const inside = typeof real.items === "object" ? resolved(real.items, root) : real;
  const limits = limitsOf(real);
  return (
    <li>
      <div class="schema-line">
        <code class="schema-name">
          <Upstream text={name} />
        </code>
        <span class="schema-type">{typeOf(member, root)}</span>
        {needed && <span class="schema-needed">{strings.schema.required}</span>}
        {limits.map((each) => (
          <span key={each} class="schema-limit">
            {each}
          </span>
        ))}
      </div>
      {real.description && (
        <p>
          <Upstream text={real.description} />
        </p>
      )}
      {real.enum && (
        <p class="schema-choices">
          {real.enum.slice(0, 30).map((each) => (
            <code key={JSON.stringify(each)}>{typeof each === "string" ? each : JSON.stringify(each)}</code>
          ))}
        </p>
      )}
      {inside.properties && depth < DEEPEST && <SchemaView schema={inside} root={root} depth={depth + 1} />}
    </li>
  );
}
