import { useState } from "preact/hooks";
import { useMay } from "../../me";
import { navigate, usePlace, withParams } from "../../router";
import { useRead } from "../../store";
import { assetTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { Button } from "../../ui/button";
import { Facts, Section } from "../../ui/facts";
import { Select, TextField, type Choice } from "../../ui/field";
import { ErrorState, Skeleton } from "../../ui/states";
import { Segments } from "../../ui/tabs";
import type { Explanation } from "../access/types";
import { Answer } from "../access/why";
import type { AssetProps } from "./types";

const texts = assetTexts.who;
const ACTIONS: Choice[] = Object.entries(texts.actions).map(([value, label]) => ({ value, label }));
const UNCALLED = new Set(["skill", "entity"]);

/** Who may see it, and whether somebody may use it, and by which rule. */
export default function Who({ asset }: AssetProps) {
  return (
    <div class="who">
      <div>
        <Section title={texts.seen}>
          <Facts
            facts={[
              [texts.by, seenBy(asset)],
              [texts.registrant, asset.created_by],
              [texts.environment, asset.environment],
            ]}
          />
        </Section>
        <Question asset={asset} />
      </div>
      <Result asset={asset} />
    </div>
  );
}

function seenBy(asset: Asset): string {
  if (asset.visibility === "public") return texts.public;
  return asset.visibility === "private" ? texts.private : texts.group(asset.groups.join(", "));
}

function Question({ asset }: AssetProps) {
  const asked = useAsked(asset);
  const [subject, setSubject] = useState(asked.subject === "me" ? "" : asked.subject);
  const others = useMay("policy");
  const [other, setOther] = useState(asked.subject !== "me");
  const ask = (changes: Record<string, string | null>) => navigate(withParams(changes), { replace: true });
  const names = asset.kind === "agent" ? (asset.skills ?? []).map((each) => each.id) : (asset.tools ?? []).map((each) => each.name);
  return (
    <Section title={texts.question}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          ask({ subject: other && subject.trim() ? subject.trim() : null });
        }}
      >
        {others && (
          <Segments
            label={texts.who}
            value={other ? "other" : "me"}
            onValue={(value) => {
              setOther(value === "other");
              if (value === "me") ask({ subject: null });
            }}
            choices={[
              { value: "me", label: texts.me },
              { value: "other", label: texts.other },
            ]}
          />
        )}
        {other && <TextField label={texts.subject} hint={texts.subjectHint} value={subject} onValue={setSubject} />}
        <Select label={texts.action} value={asked.action} onValue={(action) => ask({ action })} choices={ACTIONS.filter((each) => each.value !== "call" || !UNCALLED.has(asset.kind))} />
        {names.length > 0 && (
          <Select
            label={texts.tool}
            value={asked.tool ?? ""}
            onValue={(tool) => ask({ tool: tool || null })}
            choices={[{ value: "", label: texts.any }, ...names.map((value) => ({ value, label: value }))]}
          />
        )}
        {other && (
          <Button type="submit" look="primary">
            {texts.ask}
          </Button>
        )}
      </form>
    </Section>
  );
}

function useAsked(asset: Asset): { subject: string; action: string; tool: string | null } {
  const { query } = usePlace();
  const usual = UNCALLED.has(asset.kind) ? "read" : "call";
  return { subject: query.get("subject") || "me", action: query.get("action") || usual, tool: query.get("tool") };
}

function Result({ asset }: AssetProps) {
  const read = useRead<Explanation>("/access/explanation", { ...useAsked(asset), asset: `${asset.kind}/${asset.path}` });
  return (
    <section class="panel" aria-live="polite" aria-label={texts.answer}>
      {read.data ? <Answer found={read.data} /> : read.error ? <ErrorState error={read.error} /> : <Skeleton />}
    </section>
  );
}
