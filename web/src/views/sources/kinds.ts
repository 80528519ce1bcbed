/** What each kind of source wants to know: see docs/federation.md. The registry checks all of it again. */
import { flowsTexts } from "../../strings/flows";
import type { Schema } from "../../types";

const { sources } = flowsTexts;
export type SourceKind = keyof typeof sources.kinds;
type Field = keyof typeof sources.fields;
type Hint = keyof typeof sources.hints;

export interface KindOfSource {
  url: "needed" | "optional";
  options: Schema;
  secrets: { name: Field; hint?: string }[];
}

function text(name: Field, more: Schema = {}): Schema {
  const description = sources.hints[name as Hint];
  return { type: "string", title: sources.fields[name], ...(description && { description }), ...more };
}

function list(name: Field): Schema {
  return { ...text(name), type: "array", items: { type: "string" } };
}

function flag(name: Field): Schema {
  return { type: "boolean", title: sources.fields[name] };
}

function options(properties: Record<string, Schema>, required: string[] = []): Schema {
  return { type: "object", properties, required };
}

const AWS = {
  regions: list("regions"),
  accounts: list("accounts"),
  role_arn: text("role_arn"),
  external_id: text("external_id"),
  filter: list("filter"),
  sts_url: text("sts_url"),
};
const AWS_SECRETS: KindOfSource["secrets"] = [
  { name: "access_key_id", hint: sources.hints.access_key_id },
  { name: "secret_access_key" },
  { name: "session_token" },
];

export const KINDS: Record<SourceKind, KindOfSource> = {
  "mcp-registry": {
    url: "needed",
    options: options({ search: text("search"), names: list("names"), filter: list("filter"), latest_only: flag("latest_only"), remotes_only: flag("remotes_only") }),
    secrets: [{ name: "token" }],
  },
  peer: {
    url: "needed",
    options: options({
      kinds: list("kinds"),
      tags: list("tags"),
      allow: list("allow"),
      relay: flag("relay"),
      route: text("route", { enum: ["gateway", "direct"] }),
      issuer: text("issuer"),
      scope: text("scope"),
    }),
    secrets: [{ name: "token", hint: sources.hints.token_peer }, { name: "client_id" }, { name: "client_secret" }],
  },
  asor: {
    url: "needed",
    options: options(
      { token_url: text("token_url"), auth_method: text("auth_method", { enum: ["client_secret_basic", "client_secret_post"] }), scope: text("scope"), tenant: text("tenant") },
      ["token_url"],
    ),
    secrets: [{ name: "client_id" }, { name: "client_secret" }, { name: "refresh_token" }],
  },
  agentcore: { url: "optional", options: options({ ...AWS, what: list("what") }, ["regions"]), secrets: AWS_SECRETS },
  "agentcore-registry": {
    url: "optional",
    options: options(
      {
        ...AWS,
        registries: list("registries"),
        types: list("types"),
        status: text("status", { enum: ["APPROVED", "DRAFT", "PENDING_APPROVAL", "DEPRECATED"] }),
        api: text("api", { enum: ["agent-registry", "bedrock-agentcore"] }),
      },
      ["regions"],
    ),
    secrets: AWS_SECRETS,
  },
  skills: {
    url: "needed",
    options: options({ patterns: list("patterns"), ref: text("ref"), host: text("host", { enum: ["github", "gitlab", "bitbucket-server"] }) }),
    secrets: [{ name: "token" }],
  },
};

export const SOURCE_KINDS = Object.keys(sources.kinds) as SourceKind[];

export function isKind(text: string | undefined): text is SourceKind {
  return text !== undefined && text in KINDS;
}
