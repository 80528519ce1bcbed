import type { ComponentType } from "preact";
import type { Params } from "../../router";
import { accessTexts } from "../../strings/access";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { Groups } from "./groups";
import { People } from "./people";
import { Preview } from "./preview";
import { Scopes } from "./scopes";
import { Issuers, Providers } from "./trust";
import { Why } from "./why";
import "./access.css";

const texts = accessTexts;
type TabId = keyof typeof texts.tabs;
const SHOWN: Record<TabId, ComponentType> = { people: People, groups: Groups, scopes: Scopes, preview: Preview, why: Why, providers: Providers, issuers: Issuers };
const IDS = Object.keys(SHOWN) as TabId[];

/** Who there is and what they hold: for administrators of policy. */
export default function AccessView({ params }: { params: Params }) {
  const current = IDS.find((id) => id === params["tab"]) ?? "people";
  const Shown = SHOWN[current];
  return (
    <Page title={texts.title} below={texts.lead}>
      <Tabs label={texts.sections} current={current} tabs={IDS.map((id) => ({ id, label: texts.tabs[id], to: id === "people" ? "/access" : `/access/${id}` }))} />
      <Shown />
    </Page>
  );
}
