/** Views by address. Paths here begin after `/ui`; every view can be linked to, reloaded and gone back to. */
import type { ComponentChildren, ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { VIEWS, BASE } from "./base";

export interface Place {
  path: string;
  query: URLSearchParams;
}

export type Params = Record<string, string>;
export type View = ComponentType<{ params: Params }>;

export interface Route {
  /** As in `/servers/:path/:tab?`. */
  pattern: string;
  load: () => Promise<{ default: View }>;
}

const watchers = new Set<() => void>();
let place = read();

addEventListener("popstate", moved);

/** Where the person is. */
export function usePlace(): Place {
  const [, draw] = useState(place);
  useEffect(() => {
    const watch = () => draw(place);
    watchers.add(watch);
    watch();
    return () => void watchers.delete(watch);
  }, []);
  return place;
}

/** Go to a view; with `replace` without a new step in the history. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const url = hrefOf(to);
  if (options.replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  moved();
}

/** The same place with other parameters: null takes one away. */
export function withParams(changes: Record<string, string | string[] | null>): string {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    if (Array.isArray(value)) for (const each of value) query.append(name, each);
    else if (value) query.set(name, value);
  }
  const text = query.toString();
  return place.path + (text ? `?${text}` : "");
}

export function hrefOf(to: string): string {
  return `${VIEWS}${to}`;
}

type LinkProps = Pick<JSX.IntrinsicElements["a"], "class" | "title" | "id" | "aria-current" | "aria-expanded" | "aria-label" | "aria-describedby" | "onKeyDown"> & {
  to: string;
  children?: ComponentChildren;
  onClick?: () => void;
  /** One of those that j and k go through. */
  "data-item"?: boolean;
  /** No step of its own in the history. */
  replace?: boolean;
};

/** A link to a view. */
export function Link({ to, onClick, replace = false, ...more }: LinkProps) {
  return (
    <a
      {...more}
      href={hrefOf(to)}
      onClick={(event) => {
        onClick?.();
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        navigate(to, { replace });
      }}
    />
  );
}

/** The first route that fits a path, and what its pattern names. */
export function match(routes: Route[], path: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = fits(route.pattern, path);
    if (params) return { route, params };
  }
  return null;
}

export function fits(pattern: string, path: string): Params | null {
  const wanted = pattern.split("/").filter(Boolean);
  const given = path.split("/").filter(Boolean);
  if (given.length > wanted.length) return null;
  const params: Params = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index];
    if (part.startsWith(":")) {
      const optional = part.endsWith("?");
      if (value === undefined && !optional) return null;
      if (value !== undefined) params[part.slice(1, optional ? -1 : undefined)] = decoded(value);
    } else if (part !== value) return null;
  }
  return params;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function moved(): void {
  place = read();
  for (const each of watchers) each();
}

function read(): Place {
  const path = location.pathname.slice(BASE.length);
  return { path: path.startsWith("/ui/") ? path.slice(3) : "/", query: new URLSearchParams(location.search) };
}
