import "./register.css";
import { kindAt, placeOf } from "../../kinds";
import { usePlace, type Params } from "../../router";
import { strings } from "../../strings";
import { actTexts } from "../../strings/act";
import type { Kind } from "../../types";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { AgentForm, EntityForm, SkillForm } from "./other-forms";
import { ServerForm } from "./server-form";

const KINDS: Kind[] = ["server", "agent", "skill", "entity"];

/** Put something into the catalog: seen first, then stored. */
export default function Register({ params }: { params: Params }) {
  const { query } = usePlace();
  const { register } = actTexts;
  const kind = KINDS.find((each) => each === kindAt(params["kind"] ?? "")) ?? "server";
  const tabs = KINDS.map((each) => ({ id: each, label: strings.kinds[each].one, to: `/register/${placeOf(each)}` }));
  tabs.push({ id: "virtual_server", label: strings.kinds.virtual_server.one, to: "/compose" });
  return (
    <Page title={register.title} below={register.lead}>
      <Tabs label={register.kinds} tabs={tabs} current={kind} />
      {kind === "server" && <ServerForm url={query.get("url") ?? ""} />}
      {kind === "agent" && <AgentForm />}
      {kind === "skill" && <SkillForm />}
      {kind === "entity" && <EntityForm type={query.get("type")} />}
    </Page>
  );
}
