import type { Params } from "../../router";
import { accessTexts } from "../../strings/access";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { Limits } from "./limits";
import { Quarantine } from "./quarantine";
import "./access.css";

const texts = accessTexts.limits;
const IDS = ["limits", "quarantine"] as const;

/** How much is let through, and who or what is cut off. */
export default function ProtectionView({ params }: { params: Params }) {
  const current = IDS.find((id) => id === params["tab"]) ?? "limits";
  return (
    <Page title={texts.title} below={texts.lead}>
      <Tabs label={texts.sections} current={current} tabs={IDS.map((id) => ({ id, label: texts.tabs[id], to: id === "limits" ? "/protection" : `/protection/${id}` }))} />
      {current === "limits" ? <Limits /> : <Quarantine />}
    </Page>
  );
}
