/** Every view and its address. Each area is a file of its own that is read when it is first shown. */
import type { Route } from "./router";

const asset = () => import("./views/asset/asset");
const edit = () => import("./views/register/edit");
const compose = () => import("./views/compose/compose");
const source = () => import("./views/sources/add-source");

export const ROUTES: Route[] = [
  { pattern: "/", load: () => import("./views/find") },
  { pattern: "/register/:kind?", load: () => import("./views/register/register") },
  { pattern: "/compose", load: compose },
  { pattern: "/servers/:path/edit", load: edit },
  { pattern: "/agents/:path/edit", load: edit },
  { pattern: "/skills/:path/edit", load: edit },
  { pattern: "/entities/:path/edit", load: edit },
  { pattern: "/virtual-servers/:path/edit", load: edit },
  { pattern: "/virtual-servers/:path/compose", load: compose },
  { pattern: "/types", load: () => import("./views/types/types") },
  { pattern: "/types/:name", load: () => import("./views/types/type") },
  { pattern: "/new-type", load: () => import("./views/types/new-type") },
  { pattern: "/sources", load: () => import("./views/sources/sources") },
  { pattern: "/sources/:name", load: () => import("./views/sources/source") },
  { pattern: "/sources/:name/edit", load: source },
  { pattern: "/add-source/:kind?", load: source },
  { pattern: "/webhooks", load: () => import("./views/webhooks/webhooks") },
  { pattern: "/webhooks/:name", load: () => import("./views/webhooks/webhook") },
  { pattern: "/servers/:path/:tab?", load: asset },
  { pattern: "/agents/:path/:tab?", load: asset },
  { pattern: "/skills/:path/:tab?", load: asset },
  { pattern: "/virtual-servers/:path/:tab?", load: asset },
  { pattern: "/entities/:path/:tab?", load: asset },
  { pattern: "/access/scopes/:name", load: () => import("./views/access/scope") },
  { pattern: "/access/:tab?", load: () => import("./views/access/access") },
  { pattern: "/tokens/:tab?", load: () => import("./views/access/tokens") },
  { pattern: "/protection/:tab?", load: () => import("./views/access/protection") },
  { pattern: "/account", load: () => import("./views/account/account") },
  { pattern: "/waiting", load: () => import("./views/govern/waiting") },
  { pattern: "/approvals/:tab?", load: () => import("./views/govern/approvals") },
  { pattern: "/findings/:tab?", load: () => import("./views/govern/findings") },
  { pattern: "/lifecycle", load: () => import("./views/govern/lifecycle") },
  { pattern: "/health", load: () => import("./views/govern/health") },
  { pattern: "/usage/:view?", load: () => import("./views/govern/usage") },
  { pattern: "/audit", load: () => import("./views/govern/audit") },
  { pattern: "/logs", load: () => import("./views/govern/logs") },
];
