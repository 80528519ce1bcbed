import { useEffect, useRef } from "preact/hooks";
import { Link, hrefOf, navigate } from "../router";

export interface Tab {
  id: string;
  label: string;
  count?: number | undefined;
  /** The view that it leads to: tabs are addresses. */
  to: string;
}

/** Views side by side. They are links, so that each can be opened, kept and gone back to. */
export function Tabs({ label, tabs, current }: { label: string; tabs: Tab[]; current: string }) {
  const list = useRef<HTMLElement>(null);
  useEffect(() => list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [current]);
  const move = (event: KeyboardEvent, index: number) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs[(index + step + tabs.length) % tabs.length];
    if (!next) return;
    navigate(next.to, { replace: true });
    list.current?.querySelector<HTMLAnchorElement>(`[href="${CSS.escape(hrefOf(next.to))}"]`)?.focus();
  };
  return (
    <nav class="tabs" aria-label={label} ref={list}>
      {tabs.map((tab, index) => (
        <Link
          key={tab.id}
          to={tab.to}
          class="tab"
          aria-current={tab.id === current ? "page" : undefined}
          onKeyDown={(event: KeyboardEvent) => move(event, index)}
        >
          {tab.label}
          {tab.count !== undefined && <span class="count">{tab.count.toLocaleString("en")}</span>}
        </Link>
      ))}
    </nav>
  );
}

/** The same thing shown in one of several ways. */
export function Segments<T extends string>(props: {
  label: string;
  value: T;
  onValue: (value: T) => void;
  choices: { value: T; label: string }[];
}) {
  return (
    <div class="segments" role="group" aria-label={props.label}>
      {props.choices.map((each) => (
        <button key={each.value} type="button" aria-pressed={each.value === props.value} onClick={() => props.onValue(each.value)}>
          {each.label}
        </button>
      ))}
    </div>
  );
}
