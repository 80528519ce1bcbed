import { useEffect, useState } from "preact/hooks";
import { strings } from "../strings";
import { ApiError } from "../api";
import { Button, IconButton } from "./button";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  undo?: () => void;
}

const SECONDS = 6;
const UNDO_SECONDS = 10;
let toasts: Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();

/** Say in passing that something was done; with `undo` it can be taken back for a while. */
export function toast(text: string, options: { undo?: () => void; bad?: boolean } = {}): void {
  const id = ++last;
  toasts = [...toasts.slice(-3), { id, text, bad: options.bad ?? false, ...(options.undo && { undo: options.undo }) }];
  tell();
  if (!options.bad) window.setTimeout(() => dismiss(id), (options.undo ? UNDO_SECONDS : SECONDS) * 1000);
}

/** Do something, and say how it went; undefined when it failed, which the person has been told. */
export async function attempt<T>(act: () => Promise<T>, done?: string | ((made: T) => string)): Promise<T | undefined> {
  try {
    const made = await act();
    if (done) toast(typeof done === "string" ? done : done(made));
    return made;
  } catch (error) {
    toast(told(error), { bad: true });
    return undefined;
  }
}

/** An error in words for people. */
export function told(error: unknown): string {
  if (!(error instanceof ApiError)) return strings.errors.internal;
  const known = strings.errors[error.code as keyof typeof strings.errors];
  const sentence = error.message.charAt(0).toUpperCase() + error.message.slice(1);
  return known ? `${known} ${sentence}.`.replace("..", ".") : `${sentence}.`.replace("..", ".");
}

/** Where they are shown, read out as they come. */
export function Toasts() {
  const [, draw] = useState(0);
  useEffect(() => {
    const watch = () => draw((count) => count + 1);
    watchers.add(watch);
    return () => void watchers.delete(watch);
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map((each) => (
        <div key={each.id} class={each.bad ? "toast bad" : "toast"}>
          <span>{each.text}</span>
          {each.undo && (
            <Button
              look="quiet"
              small
              onClick={() => {
                dismiss(each.id);
                each.undo?.();
              }}
            >
              {strings.ui.undo}
            </Button>
          )}
          <IconButton icon="cross" label={strings.ui.dismiss} onClick={() => dismiss(each.id)} />
        </div>
      ))}
    </div>
  );
}

function dismiss(id: number): void {
  toasts = toasts.filter((each) => each.id !== id);
  tell();
}

function tell(): void {
  for (const each of watchers) each();
}
