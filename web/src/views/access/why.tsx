import { useState } from "preact/hooks";
import { at } from "../../api";
import { Icon } from "../../icons";
import { useMay } from "../../me";
import { Link, navigate, usePlace, withParams } from "../../router";
import { useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Button } from "../../ui/button";
import { Facts } from "../../ui/facts";
import { TextField } from "../../ui/field";
import { ErrorState, Skeleton } from "../../ui/states";
import type { Explanation } from "./types";

const texts = accessTexts.why;
const FIELDS = ["subject", "action", "asset", "tool"] as const;

/** One question to the policy. It stands in the address, so that the answer can be sent to whoever asked. */
export function Why() {
  const { query } = usePlace();
  const [asked, setAsked] = useState(() => Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ""])) as Record<(typeof FIELDS)[number], string>);
  const ready = Boolean(query.get("subject") && query.get("action") && query.get("asset"));
  const read = useRead<Explanation>(ready ? "/access/explanation" : null, Object.fromEntries(FIELDS.map((name) => [name, query.get(name)])));
  const field = (name: (typeof FIELDS)[number], hint?: string) => (
    <TextField label={texts[name]} hint={hint} required={name !== "tool"} value={asked[name]} onValue={(text) => setAsked({ ...asked, [name]: text })} />
  );
  return (
    <div class="two-equal">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          const to = withParams(asked);
          if (to === withParams({})) read.again();
          else navigate(to, { replace: true });
        }}
      >
        <p class="quiet">{texts.lead}</p>
        {field("subject", accessTexts.preview.whoHint)}
        {field("action")}
        {field("asset", texts.assetHint)}
        {field("tool")}
        <Button look="primary" type="submit">
          {texts.ask}
        </Button>
      </form>
      <section aria-live="polite" aria-label={texts.title}>
        {read.data ? <Answer found={read.data} /> : read.error ? <ErrorState error={read.error} /> : ready && <Skeleton />}
      </section>
    </div>
  );
}

export function Answer({ found }: { found: Explanation }) {
  const { rule } = found;
  const may = useMay("policy");
  const ruled = rule && texts.ruleText(rule.grant + 1, rule.scope, rule.effect);
  return (
    <>
      <p class={found.allowed ? "notice good" : "notice bad"}>
        <Icon name={found.allowed ? "check" : "shield"} />
        <strong>{found.allowed ? texts.yes : texts.no}</strong>
        {found.reason}
      </p>
      <Facts
        facts={[
          [texts.rule, rule && (may ? <Link to={at("access", "scopes", rule.scope)}>{ruled}</Link> : ruled)],
          [texts.via, found.via.join(", ")],
          [texts.visibility, found.visibility],
          [texts.stops, found.stops.join("; ")],
          [texts.missing, found.missing.join(", ")],
          [texts.stepUp, found.step_up.join(", ")],
        ]}
      />
    </>
  );
}
