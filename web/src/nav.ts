/** What the sidebar and the command palette lead to. A view adds its line here and in `routes.ts`. */
import type { IconName } from "./icons";
import { strings } from "./strings";

export interface NavItem {
  id: string;
  label: string;
  icon: IconName;
  to: string;
  part: "discover" | "govern";
  /** An action of the policy that it is of no use without, or several of which any one will do. */
  needs?: string | string[];
  /** Paths whose views belong to it. */
  owns: string[];
}

const { access, act, flows, govern, kinds, nav } = strings;

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
  { id: "types", label: act.types.title, icon: "entity", to: "/types", part: "discover", owns: ["/types", "/new-type", "/entities/"] },
  { id: "register", label: act.register.title, icon: "plus", to: "/register", part: "discover", needs: "register", owns: ["/register"] },
  { id: "waiting", label: govern.nav.waiting, icon: "list", to: "/waiting", part: "govern", needs: ["approve", "transition", "scan", "update"], owns: ["/waiting"] },
  { id: "approvals", label: govern.nav.approvals, icon: "check", to: "/approvals", part: "govern", needs: ["approve", "scan", "update"], owns: ["/approvals"] },
  { id: "findings", label: govern.nav.findings, icon: "warning", to: "/findings", part: "govern", needs: "scan", owns: ["/findings"] },
  { id: "lifecycle", label: govern.nav.lifecycle, icon: "board", to: "/lifecycle", part: "govern", needs: ["transition", "approve"], owns: ["/lifecycle"] },
  { id: "access", label: access.title, icon: "people", to: "/access", part: "govern", needs: "policy", owns: ["/access"] },
  { id: "tokens", label: access.tokens.title, icon: "key", to: "/tokens", part: "govern", needs: "token", owns: ["/tokens"] },
  { id: "protection", label: access.limits.title, icon: "shield", to: "/protection", part: "govern", needs: "policy", owns: ["/protection"] },
  { id: "health", label: govern.nav.health, icon: "info", to: "/health", part: "govern", owns: ["/health"] },
  { id: "usage", label: govern.nav.usage, icon: "chart", to: "/usage", part: "govern", owns: ["/usage"] },
  { id: "audit", label: govern.nav.audit, icon: "clock", to: "/audit", part: "govern", needs: "audit", owns: ["/audit"] },
  { id: "logs", label: govern.nav.logs, icon: "table", to: "/logs", part: "govern", needs: "policy", owns: ["/logs"] },
  { id: "sources", label: flows.sources.title, icon: "import", to: "/sources", part: "govern", needs: "policy", owns: ["/sources", "/add-source"] },
  { id: "webhooks", label: flows.webhooks.title, icon: "webhook", to: "/webhooks", part: "govern", needs: "policy", owns: ["/webhooks"] },
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
