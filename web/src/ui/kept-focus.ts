import { useLayoutEffect, useRef } from "preact/hooks";

/**
 * Keeps the focus among items that change below it: on the same item while that is there, or else on the first.
 *
 * A browser takes the focus from whatever is moved or taken away: somebody who went from the search box to the results
 * before the last of them had come would stand nowhere, and Enter would do nothing.
 */
export function useKeptFocus(place: { current: HTMLElement | null }, items: unknown): void {
  const shown = useRef(items);
  const held = useRef<Element | null>(null);
  if (shown.current !== items) {
    const at = document.activeElement;
    if (at !== document.body) held.current = at?.matches("[data-item]") && place.current?.contains(at) ? at : null;
  }
  useLayoutEffect(() => {
    shown.current = items;
    if (!held.current || document.activeElement !== document.body) return;
    const next = held.current.isConnected ? held.current : place.current?.querySelector("[data-item]");
    if (!(next instanceof HTMLElement)) return; // none is there: the first of the next answer
    next.focus({ preventScroll: true });
    held.current = null;
  }, [items]);
}
