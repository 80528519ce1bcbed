/** Who is signed in: to be had anywhere in the page. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session, Standing } from "./types";

export interface Me {
  session: Session;
  standing: Standing;
}

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error("nobody is signed in");
  return me;
}

/** Whether the person may take an action on something at least. Each act is still decided by the registry. */
export function useMay(action: string): boolean {
  return useMe().standing.actions.includes(action);
}
