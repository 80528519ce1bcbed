import { words } from "../../format";
import { strings } from "../../strings";
import { assetTexts } from "../../strings/asset";
import type { Asset, Json, JsonObject } from "../../types";
import { Badge } from "../../ui/badge";
import { JsonBlock } from "../../ui/code";
import { Elsewhere, Facts, Prose, Section, Tags, type Fact } from "../../ui/facts";
import { EmptyState } from "../../ui/states";
import { Upstream } from "../../ui/upstream";
import type { More } from "./types";

const texts = assetTexts.card;
type CardSkill = NonNullable<Asset["skills"]>[number] & { examples?: string[]; inputModes?: string[]; outputModes?: string[] };

/** An agent card for people: what the agent can do, and how it is talked to. */
export default function Card({ asset }: { asset: Asset & More }) {
  const skills = (asset.skills ?? []) as CardSkill[];
  return (
    <>
      {skills.length ? (
        <ul class="tool-list">
          {skills.map((skill) => (
            <li key={skill.id}>
              <One skill={skill} approval={asset.requires_approval?.includes(skill.id) ?? false} />
            </li>
          ))}
        </ul>
      ) : (
        <EmptyState icon="agent" title={texts.none} />
      )}
      {asset.card && (
        <div class="measure card-facts-list">
          <Section title={texts.facts}>
            <Facts facts={factsOf(asset.card)} />
            {asset.card_signatures?.map((each, index) => (
              <p key={index} class="quiet">
                {texts.signatures}: {texts.signature(each.alg, each.kid)} <Badge tone="warn">{each.status === "malformed" ? texts.malformed : texts.unverified}</Badge>
              </p>
            ))}
          </Section>
          <details class="fold">
            <summary>{texts.raw}</summary>
            <JsonBlock value={asset.card} />
          </details>
        </div>
      )}
    </>
  );
}

function One({ skill, approval }: { skill: CardSkill; approval: boolean }) {
  return (
    <details class="tool">
      <summary data-item>
        <code>
          <Upstream text={skill.id} />
        </code>
        <span class="tool-lead">
          <Upstream text={skill.name} />
        </span>
        {approval && <Badge tone="warn">{assetTexts.facts.approval}</Badge>}
      </summary>
      <div class="tool-body">
        <Prose text={skill.description || strings.find.noDescription} />
        {skill.examples && skill.examples.length > 0 && (
          <>
            <h2>{texts.examples}</h2>
            <ul class="plain-list">
              {skill.examples.map((each) => (
                <li key={each}>
                  <Upstream text={each} />
                </li>
              ))}
            </ul>
          </>
        )}
        {skill.tags && skill.tags.length > 0 && <Tags tags={skill.tags} />}
      </div>
    </details>
  );
}

function factsOf(card: JsonObject): Fact[] {
  const list = (name: string) => named(card[name]);
  const abilities = Object.entries(isObject(card["capabilities"]) ? card["capabilities"] : {}).filter(([, value]) => value === true);
  const provider = isObject(card["provider"]) ? card["provider"] : {};
  const modes = [list("defaultInputModes"), list("defaultOutputModes")].filter(Boolean).join(" → ");
  return [
    [texts.provider, typeof provider["organization"] === "string" && <Elsewhere url={typeof provider["url"] === "string" ? provider["url"] : null}>{provider["organization"]}</Elsewhere>],
    [texts.protocol, typeof card["protocolVersion"] === "string" ? card["protocolVersion"] : undefined],
    [texts.abilities, abilities.map(([name]) => words(name)).join(", ")],
    [texts.modes, modes],
    [texts.security, isObject(card["securitySchemes"]) ? Object.keys(card["securitySchemes"]).join(", ") : undefined],
  ].map(([label, value]): Fact => [label as string, value === false ? undefined : value]);
}

function named(value: Json | undefined): string {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string").join(", ") : "";
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
