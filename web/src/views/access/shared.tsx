/** What the views of access have in common: lists of names, pages of answers, and things that are shown once. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, withQuery, type Query } from "../../api";
import { useRead } from "../../store";
import { strings } from "../../strings";
import { accessTexts } from "../../strings/access";
import { Button } from "../../ui/button";
import { CodeBlock } from "../../ui/code";
import { Dialog } from "../../ui/dialog";
import { Checkbox, TextField } from "../../ui/field";

const texts = accessTexts;

export function namesOf(text: string): string[] {
  return [...new Set(text.split(/[,\n]/).map((each) => each.trim()).filter(Boolean))];
}

/** Names as one types them: with commas between. */
export function NamesField(props: { label: string; value: string[]; onValue: (names: string[]) => void; hint?: string; placeholder?: string; error?: string | undefined }) {
  const [text, setText] = useState(props.value.join(", "));
  return (
    <TextField
      label={props.label}
      hint={props.hint ?? texts.listed}
      error={props.error}
      value={text}
      {...(props.placeholder ? { placeholder: props.placeholder } : {})}
      onValue={(next) => {
        setText(next);
        props.onValue(namesOf(next));
      }}
    />
  );
}

/** Some of the names that there are; those that are chosen and unknown stay choosable. */
export function Picks(props: { label: string; known: string[]; value: string[]; onValue: (names: string[]) => void; hint?: string }) {
  const names = [...new Set([...props.known, ...props.value])];
  const turn = (name: string, on: boolean) => props.onValue(on ? [...props.value, name] : props.value.filter((each) => each !== name));
  return (
    <fieldset class="choices">
      <legend>{props.label}</legend>
      {props.hint && <p class="hint">{props.hint}</p>}
      <div class="choices-list">
        {names.map((name) => (
          <Checkbox key={name} label={name} value={props.value.includes(name)} onValue={(on) => turn(name, on)} />
        ))}
        {!names.length && <p class="quiet">{texts.none}</p>}
      </div>
    </fieldset>
  );
}

/** A secret that nobody will see again: it stays until one says that one has it. */
export function Once({ title, text, secret, onClose }: { title: string; text: string; secret: string; onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose} actions={<Button look="primary" onClick={onClose}>{texts.tokens.done}</Button>}>
      <p class="notice warn">{text}</p>
      <CodeBlock text={secret} title={title} />
    </Dialog>
  );
}

/** A dialog with a form: Enter saves, as the button does. */
export function FormDialog(props: { title: string; action: string; busy?: boolean; ready?: boolean; onSave: () => void; onClose: () => void; children: ComponentChildren }) {
  const form = useRef<HTMLFormElement>(null);
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>{strings.ui.cancel}</Button>
          <Button look="primary" busy={props.busy ?? false} disabled={props.ready === false} onClick={() => form.current?.requestSubmit()}>
            {props.action}
          </Button>
        </>
      }
    >
      <form
        ref={form}
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (props.ready !== false) props.onSave();
        }}
      >
        {props.children}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

interface Paged {
  next_cursor?: string | null;
}

/** Everything that a list of the API has, read page by page as one comes near the end. */
export function usePages<A extends Paged, T>(path: string | null, query: Query, pick: (answer: A) => T[]) {
  const key = path === null ? null : withQuery(path, query);
  const first = useRead<A>(path, query);
  const [rest, setRest] = useState<{ of: A; items: T[]; cursor: string | null } | null>(null);
  const reading = useRef(false);
  const begun = first.data !== undefined && rest?.of === first.data ? rest : null;
  const cursor = begun ? begun.cursor : (first.data?.next_cursor ?? null);
  useEffect(() => setRest(null), [key]);
  const more = useCallback(() => {
    const of = first.data;
    if (!cursor || !of || path === null || reading.current) return;
    reading.current = true;
    get<A>(path, { query: { ...query, cursor } })
      .then((page) => setRest({ of, items: [...(begun?.items ?? []), ...pick(page)], cursor: page.next_cursor ?? null }))
      .catch(() => undefined) // the next turn of the wheel tries again
      .finally(() => (reading.current = false));
  }, [key, cursor, first.data]);
  return { first, items: first.data ? [...pick(first.data), ...(begun?.items ?? [])] : [], more, rest: cursor !== null };
}
