import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { strings } from "../strings";

interface PageProps {
  title: string;
  /** Above the heading: where this belongs. */
  above?: ComponentChildren;
  /** Beside the heading: what it is, in badges. */
  beside?: ComponentChildren;
  /** To the right: what can be done. */
  actions?: ComponentChildren;
  /** Below the heading, in small. */
  below?: ComponentChildren;
  children: ComponentChildren;
}

let shown = false;

/** A view: its heading takes the focus when one comes to it, and names the window. */
export function Page({ title, above, beside, actions, below, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${strings.product}`;
  }, [title]);
  useEffect(() => {
    const typing = document.activeElement instanceof HTMLInputElement;
    if (shown && !typing) {
      scrollTo(0, 0);
      heading.current?.focus({ preventScroll: true });
    }
    shown = true;
  }, []);
  return (
    <div class="view">
      <header class="view-head">
        <div class="view-title">
          {above && <div class="view-above">{above}</div>}
          <div class="view-line">
            <h1 ref={heading} tabIndex={-1}>
              {title}
            </h1>
            {beside}
          </div>
          {below && <div class="view-below">{below}</div>}
        </div>
        {actions && <div class="view-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
