import { useEffect, useRef, useState } from "preact/hooks";
import { safeUrl } from "../../format";
import { initial, lacking } from "../../schema";
import { tryTexts } from "../../strings/asset";
import type { JsonObject, Schema } from "../../types";
import { Button } from "../../ui/button";
import { Elsewhere, Prose } from "../../ui/facts";
import { SchemaForm } from "../../ui/schema-form";
import { attempt } from "../../ui/toast";
import type { Question, Verdict } from "./calling";

const texts = tryTexts;

interface ElicitationProps {
  question: Question;
  /** Who asks, as people know it. */
  from: string;
  onAnswer: (action: Verdict, content?: JsonObject) => Promise<void>;
}

/** What a backend asks in the middle of a call: a form, or a place to visit. */
export function Elicitation({ question, from, onAnswer }: ElicitationProps) {
  const schema: Schema = question.requestedSchema ?? { type: "object" };
  const [value, setValue] = useState<JsonObject>(() => initial(schema));
  const [wrong, setWrong] = useState<Record<string, string | undefined>>({});
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const missing = lacking(value, schema);
  const reply = async (action: Verdict) => {
    if (action === "accept") {
      setTried(true);
      if (missing.length || Object.values(wrong).some(Boolean)) return;
    }
    setBusy(true);
    await attempt(() => onAnswer(action, action === "accept" && question.mode !== "url" ? value : undefined));
    setBusy(false);
  };
  const visits = question.mode === "url";
  const asked = Object.keys(schema.properties ?? {}).length > 0;
  const unsafe = visits && !safeUrl(question.url);
  return (
    <form
      class="elicitation"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void reply("accept");
      }}
    >
      <h2 ref={heading} tabIndex={-1}>
        {texts.asks(from)}
      </h2>
      {question.message && <Prose text={question.message} />}
      {visits ? (
        <p>{unsafe ? texts.unsafe : <>{texts.visit} <Elsewhere url={question.url} /></>}</p>
      ) : (
        asked && (
          <SchemaForm
            schema={schema}
            value={value}
            onValue={setValue}
            missing={tried ? missing : []}
            onError={(name, error) => setWrong({ ...wrong, [name]: error })}
          />
        )
      )}
      <p class="quiet">{texts.asksText}</p>
      <div class="acts">
        {!unsafe && (
          <Button look="primary" type="submit" busy={busy}>
            {visits ? texts.visited : asked ? texts.answer : texts.agree}
          </Button>
        )}
        <Button disabled={busy} onClick={() => void reply("decline")}>
          {texts.decline}
        </Button>
      </div>
    </form>
  );
}
