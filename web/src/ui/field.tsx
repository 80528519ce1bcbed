import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Labelled {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  required?: boolean;
}

interface Ids {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
  required: boolean | undefined;
}

/** A label, a hint and an error around any control, joined for screen readers. */
export function Field({ label, hint, error, required, children }: Labelled & { children: (ids: Ids) => ComponentChildren }) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label}
        {required && <span class="needed"> (required)</span>}
      </label>
      {hint && (
        <div class="hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": error ? true : undefined,
        required: required || undefined,
      })}
      {error && (
        <div class="error" id={`${id}-error`}>
          {error}
        </div>
      )}
    </div>
  );
}

type Changed<T> = { value: T; onValue: (value: T) => void };
type InputProps = Labelled &
  Changed<string> & {
    type?: "text" | "url" | "email" | "password" | "number";
    inputMode?: "text" | "decimal" | "numeric" | "url" | "email";
    placeholder?: string;
    disabled?: boolean;
    autocomplete?: string;
  };

export function TextField({ label, hint, error, required, value, onValue, type = "text", ...more }: InputProps) {
  return (
    <Field label={label} hint={hint} error={error} required={required}>
      {(ids) => (
        <input class="input" type={type as "text"} autocomplete="off" {...more} {...ids} value={value} onInput={(e) => onValue(e.currentTarget.value)} />
      )}
    </Field>
  );
}

type AreaProps = Labelled & Changed<string> & { rows?: number; mono?: boolean };

export function TextArea({ label, hint, error, required, value, onValue, rows = 3, mono }: AreaProps) {
  return (
    <Field label={label} hint={hint} error={error} required={required}>
      {(ids) => (
        <textarea class={`input${mono ? " mono" : ""}`} rows={rows} spellcheck={!mono} {...ids} value={value} onInput={(e) => onValue(e.currentTarget.value)} />
      )}
    </Field>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export function Select({ label, hint, error, required, value, onValue, choices }: Labelled & Changed<string> & { choices: Choice[] }) {
  return (
    <Field label={label} hint={hint} error={error} required={required}>
      {(ids) => (
        <select class="input" {...ids} value={value} onChange={(e) => onValue(e.currentTarget.value)}>
          {choices.map((each) => (
            <option key={each.value} value={each.value}>
              {each.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

type CheckProps = Changed<boolean> & { label: ComponentChildren; hint?: ComponentChildren; count?: string };

export function Checkbox({ label, hint, value, onValue, count }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(e) => onValue(e.currentTarget.checked)} />
      <span class="check-label">
        {label}
        {hint && <span class="hint">{hint}</span>}
      </span>
      {count !== undefined && <span class="check-count">{count}</span>}
    </label>
  );
}

/** On or off, at once. */
export function Switch({ label, value, onValue, disabled }: Changed<boolean> & { label: string; disabled?: boolean }) {
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={value} disabled={disabled} onChange={(e) => onValue(e.currentTarget.checked)} />
      <span class="track" aria-hidden="true" />
      <span>{label}</span>
    </label>
  );
}
