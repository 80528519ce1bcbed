import { useState } from "preact/hooks";
import { strings } from "../strings";
import { Button } from "./button";

/** Copy a text, and say so. */
export function Copy({ text, label = strings.ui.copy }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <Button
      look="quiet"
      small
      icon={copied ? "check" : "copy"}
      onClick={async () => {
        await navigator.clipboard.writeText(text);
        setCopied(true);
        window.setTimeout(() => setCopied(false), 2000);
      }}
    >
      <span aria-live="polite">{copied ? strings.ui.copied : label}</span>
    </Button>
  );
}

/** A text for machines: a command, a file, an answer. */
export function CodeBlock({ text, title }: { text: string; title?: string }) {
  return (
    <figure class="code">
      <figcaption>
        <span>{title}</span>
        <Copy text={text} />
      </figcaption>
      <pre tabIndex={0} aria-label={title ?? strings.ui.text}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}

export function JsonBlock({ value, title }: { value: unknown; title?: string }) {
  return <CodeBlock text={JSON.stringify(value, null, 2)} {...(title ? { title } : {})} />;
}
