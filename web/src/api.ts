/** The one way to the registry: `/api/v1`, by the cookie of the session. No token is ever held here. */
import { API, signIn } from "./base";
import type { Session, Standing } from "./types";

export type Query = Record<string, string | number | boolean | string[] | null | undefined>;
type Method = "POST" | "PUT" | "PATCH" | "DELETE";

/** Problem details (RFC 9457), or that nobody answered (status 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;

  constructor(status: number, code: string, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export interface Options {
  query?: Query;
  signal?: AbortSignal;
  /** An ETag: the change is refused (412) when somebody wrote the asset since. */
  ifMatch?: string;
  /** Has a POST that is sent twice done once. */
  idempotencyKey?: string;
}

let csrf = "";

/** Who is signed in, and what they may do. Asked once, before anything is shown. */
export async function begin(): Promise<{ session: Session; standing: Standing }> {
  const [session, standing] = await Promise.all([get<Session>("/session"), get<Standing>("/me")]);
  csrf = session.csrf;
  return { session, standing };
}

export async function get<T>(path: string, options: Options = {}): Promise<T> {
  return (await getTagged<T>(path, options)).data;
}

/** The same with the ETag of the answer, for whoever is going to change what they read. */
export async function getTagged<T>(path: string, options: Options = {}): Promise<{ data: T; etag: string | null }> {
  const response = await ask(path, { method: "GET" }, options);
  return { data: (await response.json()) as T, etag: response.headers.get("etag") };
}

export async function send<T>(method: Method, path: string, body?: unknown, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { "x-csrf-token": csrf };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (options.ifMatch) headers["if-match"] = options.ifMatch;
  if (options.idempotencyKey) headers["idempotency-key"] = options.idempotencyKey;
  const request: RequestInit = { method, headers };
  if (body !== undefined) request.body = JSON.stringify(body);
  const response = await ask(path, request, options);
  return (await response.json()) as T;
}

/** A POST whose answer is read as it comes: see `stream.ts`. */
export async function streamed(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  const headers = { "x-csrf-token": csrf, "content-type": "application/json", accept: "text/event-stream" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) }, { signal });
}

/** A path of the API; every part is quoted. */
export function at(...parts: string[]): string {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

export function withQuery(path: string, query: Query = {}): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) found.append(name, each);
    else if (value !== undefined && value !== null && value !== "") found.append(name, String(value));
  }
  const text = found.toString();
  return text ? `${path}?${text}` : path;
}

async function ask(path: string, request: RequestInit, options: Options): Promise<Response> {
  const init: RequestInit = { ...request, credentials: "same-origin", cache: "no-store" };
  if (options.signal) init.signal = options.signal;
  let response: Response;
  try {
    response = await fetch(API + withQuery(path, options.query), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "The registry cannot be reached.");
  }
  if (response.ok) return response;
  if (response.status === 401) signIn();
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  try {
    const { code, detail, title, type, status, ...more } = (await response.json()) as Record<string, unknown>;
    return new ApiError(response.status, String(code ?? "internal"), String(detail ?? title ?? status ?? type), more);
  } catch {
    return new ApiError(response.status, "internal", `The registry answered with status ${response.status}.`);
  }
}
