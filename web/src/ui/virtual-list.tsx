import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface VirtualListProps<T> {
  items: T[];
  /** How many there are in all, those that are not read yet too. */
  total: number;
  label: string;
  /** Pixels of one row, the gap below it included. */
  rowHeight: number;
  /** Cards stand side by side, each at least so wide; without, one a row. */
  minWidth?: number;
  keyOf: (item: T) => string;
  children: (item: T) => ComponentChildren;
  /** The end comes near: read more. */
  onEnd?: () => void;
}

const BEYOND = 2;
const NEAR = 6;

/** As many items as one sees, however many there are; the page scrolls, not the list. */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const { items, total, label, rowHeight, minWidth, keyOf, children, onEnd } = props;
  const list = useRef<HTMLUListElement>(null);
  const [columns, setColumns] = useState(1);
  const rows = Math.ceil(items.length / columns);
  const [first, last] = useSeen(list, rows, rowHeight);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element || !minWidth) return;
    const measure = () => setColumns(Math.max(1, Math.floor((element.clientWidth + 16) / (minWidth + 16))));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [minWidth]);
  useEffect(() => {
    if (onEnd && items.length < total && last >= rows - NEAR) onEnd();
  }, [last, rows, items.length, total, onEnd]);
  const style: Record<string, string> = {
    paddingTop: `${first * rowHeight}px`,
    paddingBottom: `${Math.max(0, rows - last) * rowHeight}px`,
  };
  if (minWidth) style["gridTemplateColumns"] = `repeat(${columns}, minmax(0, 1fr))`;
  const start = first * columns;
  return (
    <ul ref={list} role="list" class={minWidth ? "virtual grid" : "virtual"} aria-label={label} style={style}>
      {items.slice(start, last * columns).map((item, index) => (
        <li key={keyOf(item)} aria-setsize={total} aria-posinset={start + index + 1}>
          {children(item)}
        </li>
      ))}
    </ul>
  );
}

/** The rows that are on screen, and a few beyond. */
export function useSeen(place: { current: HTMLElement | null }, rows: number, height: number): [number, number] {
  const [seen, setSeen] = useState<[number, number]>([0, Math.ceil(innerHeight / height) + BEYOND]);
  const measure = useCallback(() => {
    const element = place.current;
    if (!element) return;
    const top = -element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.max(0, Math.ceil((top + innerHeight) / height) + BEYOND);
    setSeen((before) => (before[0] === first && before[1] === last ? before : [first, last]));
  }, [height]);
  useLayoutEffect(measure, [rows, height]);
  useEffect(() => {
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, [measure]);
  const first = Math.min(seen[0], Math.max(0, rows - 1));
  return [first, Math.min(rows, Math.max(seen[1], first + 1))];
}

/** j and k go through the items of a list: whatever carries `data-item` gets the focus. */
export function step(by: 1 | -1): void {
  const items = [...document.querySelectorAll<HTMLElement>("[data-item]")];
  const index = items.indexOf(document.activeElement as HTMLElement);
  const next = index < 0 ? items.find((each) => each.getBoundingClientRect().top >= 0) : items[index + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
