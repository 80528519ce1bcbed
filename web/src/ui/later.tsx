import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Skeleton } from "./states";

/** A part of a view that is read when it is first shown. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let known: ComponentType<P> | undefined;
  return function Later(props: P) {
    const [, draw] = useState(0);
    const [error, setError] = useState<unknown>();
    useEffect(() => {
      if (known) return;
      load().then((made) => {
        known = made.default;
        draw(1);
      }, setError);
    }, []);
    if (error) throw error;
    const Part = known;
    return Part ? <Part {...props} /> : <Skeleton lines={6} />;
  };
}
