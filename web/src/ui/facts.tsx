import type { ComponentChildren } from "preact";
import { ago, exact, safeUrl } from "../format";
import { Icon } from "../icons";
import { Upstream } from "./upstream";

export type Fact = [label: string, value: ComponentChildren];

/** What is known of a thing, name by name; what is not known is left out. */
export function Facts({ facts }: { facts: Fact[] }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return (
    <dl class="facts">
      {known.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A time as people say it; exactly, when one points at it. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exact(at)}>
      {ago(at)}
    </time>
  );
}

/** A link that an upstream gave: http and https alone, and it learns nothing of where one comes from. */
export function Elsewhere({ url, children }: { url: string | null | undefined; children?: ComponentChildren }) {
  const safe = safeUrl(url);
  if (!safe) return <>{children ?? url}</>;
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer nofollow" class="elsewhere">
      {children ?? safe.replace(/^https?:\/\//, "").replace(/\/$/, "")}
      <Icon name="external" size={12} />
    </a>
  );
}

/** A part of a view, with a heading. */
export function Section({ title, children, action }: { title: string; children: ComponentChildren; action?: ComponentChildren }) {
  return (
    <section class="section">
      <header>
        <h2>{title}</h2>
        {action}
      </header>
      {children}
    </section>
  );
}

/** Text of an upstream: paragraphs, and nothing in it is markup. */
export function Prose({ text }: { text: string }) {
  return (
    <div class="prose">
      {text
        .trim()
        .split(/\n{2,}/)
        .map((each, index) => (
          <p key={index}>
            <Upstream text={each} />
          </p>
        ))}
    </div>
  );
}

export function Tags({ tags }: { tags: string[] }) {
  return (
    <ul class="tags">
      {tags.map((each) => (
        <li key={each}>{each}</li>
      ))}
    </ul>
  );
}
