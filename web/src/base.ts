/** Where the page lives: the server says so in the shell, as it may stand behind a path prefix. */
const root = document.documentElement;

export const BASE = root.dataset["base"] ?? "";
export const VERSION = root.dataset["version"] ?? "";
export const API = `${BASE}/api/v1`;
export const VIEWS = `${BASE}/ui`;

/** Off to sign in, and back to this view after. */
export function signIn(): void {
  const here = location.pathname.slice(BASE.length) + location.search;
  const view = here.startsWith("/ui/") ? here : "/ui/";
  location.assign(`${BASE}/login?next=${encodeURIComponent(view)}`);
}
