/** What the sidebar and the command palette lead to. A view adds its line here and in `routes.ts`. */
import type { IconName } from "./icons";
import { strings } from "./strings";

export const PARTS = ["discover", "review", "observe", "secure", "integrate"] as const;
export type Part = (typeof PARTS)[number];

export interface NavItem {
  id: string;
  label: string;
  icon: IconName;
  to: string;
  part: Part;
  /** An action of the policy that it is of no use without, or several of which any one will do. */
  needs?: string | string[];
  /** Paths whose views belong to it. */
  owns: string[];
}

const { kinds, nav } = strings;

export const NAV: NavItem[] = [
  { id: "find", label: nav.find, icon: "find", to: "/", part: "discover", owns: [] },
  { id: "server", label: kinds.server.many, icon: "server", to: "/?kind=server", part: "discover", owns: ["/servers/"] },
  { id: "agent", label: kinds.agent.many, icon: "agent", to: "/?kind=agent", part: "discover", owns: ["/agents/"] },
  { id: "skill", label: kinds.skill.many, icon: "skill", to: "/?kind=skill", part: "discover", owns: ["/skills/"] },
  {
    id: "virtual_server",
    label: kinds.virtual_server.many,
    icon: "virtual_server",
    to: "/?kind=virtual_server",
    part: "discover",
    owns: ["/virtual-servers/", "/compose"],
  },
  { id: "types", label: nav.types, icon: "entity", to: "/types", part: "discover", owns: ["/types", "/new-type", "/entities/"] },
  { id: "register", label: nav.register, icon: "plus", to: "/register", part: "discover", needs: "register", owns: ["/register"] },
  { id: "waiting", label: nav.waiting, icon: "list", to: "/waiting", part: "review", needs: ["approve", "transition", "scan", "update"], owns: ["/waiting"] },
  { id: "approvals", label: nav.approvals, icon: "check", to: "/approvals", part: "review", needs: ["approve", "scan", "update"], owns: ["/approvals"] },
  { id: "findings", label: nav.findings, icon: "warning", to: "/findings", part: "review", needs: "scan", owns: ["/findings"] },
  { id: "lifecycle", label: nav.lifecycle, icon: "board", to: "/lifecycle", part: "review", needs: ["transition", "approve"], owns: ["/lifecycle"] },
  { id: "health", label: nav.health, icon: "info", to: "/health", part: "observe", owns: ["/health"] },
  { id: "usage", label: nav.usage, icon: "chart", to: "/usage", part: "observe", owns: ["/usage"] },
  { id: "audit", label: nav.audit, icon: "clock", to: "/audit", part: "observe", needs: "audit", owns: ["/audit"] },
  { id: "logs", label: nav.logs, icon: "table", to: "/logs", part: "observe", needs: "policy", owns: ["/logs"] },
  { id: "access", label: nav.access, icon: "people", to: "/access", part: "secure", needs: "policy", owns: ["/access"] },
  { id: "tokens", label: nav.tokens, icon: "key", to: "/tokens", part: "secure", needs: "token", owns: ["/tokens"] },
  { id: "protection", label: nav.protection, icon: "shield", to: "/protection", part: "secure", needs: "policy", owns: ["/protection"] },
  { id: "sources", label: nav.sources, icon: "import", to: "/sources", part: "integrate", needs: "policy", owns: ["/sources", "/add-source"] },
  { id: "webhooks", label: nav.webhooks, icon: "webhook", to: "/webhooks", part: "integrate", needs: "policy", owns: ["/webhooks"] },
];

/** The items for somebody who may take these actions. */
export function itemsFor(actions: string[]): NavItem[] {
  return NAV.filter((item) => !item.needs || [item.needs].flat().some((each) => actions.includes(each)));
}

/** Which item a place belongs to. */
export function itemAt(path: string, query: URLSearchParams): string | undefined {
  if (path === "/") {
    const kind = query.getAll("kind");
    const only = kind.length === 1 && !query.get("type") ? NAV.find((item) => item.id === kind[0]) : undefined;
    return only?.id ?? "find";
  }
  return NAV.find((item) => item.owns.some((each) => path === each || path.startsWith(each)))?.id;
}
