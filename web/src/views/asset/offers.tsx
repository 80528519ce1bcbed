import { strings } from "../../strings";
import { assetTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { Badge } from "../../ui/badge";
import { Prose, Section } from "../../ui/facts";
import { EmptyState } from "../../ui/states";
import { Upstream } from "../../ui/upstream";
import type { More, Offered } from "./types";

const texts = assetTexts.offers;

/** How many resources, templates and prompts there are. */
export function offersOf(asset: Asset & More): number {
  return [asset.resources, asset.resource_templates, asset.prompts].reduce((sum, each) => sum + (each?.length ?? 0), 0);
}

/** What a server lends to read, and prompts to begin with. */
export default function Offers({ asset }: { asset: Asset & More }) {
  if (!offersOf(asset)) {
    return (
      <EmptyState icon="list" title={texts.none}>
        {texts.noneText}
      </EmptyState>
    );
  }
  return (
    <>
      <Part title={texts.resources} prefix="resources/" items={asset.resources} asset={asset} />
      <Part title={texts.templates} prefix="resource_templates/" items={asset.resource_templates} asset={asset} />
      <Part title={texts.prompts} prefix="prompts/" items={asset.prompts} asset={asset} />
    </>
  );
}

function Part({ title, prefix, items, asset }: { title: string; prefix: string; items: Offered[] | undefined; asset: Asset }) {
  if (!items?.length) return null;
  return (
    <Section title={title}>
      <ul class="tool-list">
        {items.map((item) => {
          const id = item.uri ?? item.uriTemplate ?? item.name ?? "";
          return (
            <li key={id}>
              <One item={item} id={id} changed={asset.held?.[prefix + id] !== undefined} />
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function One({ item, id, changed }: { item: Offered; id: string; changed: boolean }) {
  return (
    <details class="tool">
      <summary data-item>
        <code>
          <Upstream text={id} />
        </code>
        <span class="tool-lead">
          <Upstream text={item.title ?? (item.name === id ? (item.description ?? "") : (item.name ?? ""))} />
        </span>
        {changed && <Badge tone="bad">{assetTexts.changed}</Badge>}
        {item.mimeType && <Badge>{item.mimeType}</Badge>}
      </summary>
      <div class="tool-body">
        <Prose text={item.description || strings.find.noDescription} />
        {item.arguments && item.arguments.length > 0 && (
          <>
            <h3>{texts.arguments}</h3>
            <ul class="schema">
              {item.arguments.map((each) => (
                <li key={each.name}>
                  <div class="schema-line">
                    <code class="schema-name">
                      <Upstream text={each.name} />
                    </code>
                    {each.required && <span class="schema-needed">{strings.schema.required}</span>}
                  </div>
                  {each.description && (
                    <p>
                      <Upstream text={each.description} />
                    </p>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </details>
  );
}
