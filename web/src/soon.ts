import { useEffect, useRef } from "preact/hooks";

/** Milliseconds between two searches while somebody types: shorter than people take for a letter. */
const GAP = 60;

/**
 * Something that is done for what is typed: at once, but not twice within a moment, and for the last letter always.
 * The second function forgets what is still to be done.
 */
export function useSoon<T>(run: (value: T) => void): [soon: (value: T) => void, forget: () => void] {
  const last = useRef(-GAP);
  const waiting = useRef<number | undefined>(undefined);
  const forget = () => clearTimeout(waiting.current);
  useEffect(() => forget, []);
  const soon = (value: T) => {
    const go = () => {
      last.current = performance.now();
      run(value);
    };
    forget();
    const wait = last.current + GAP - performance.now();
    if (wait <= 0) go();
    else waiting.current = window.setTimeout(go, wait);
  };
  return [soon, forget];
}
