import { useState } from "preact/hooks";
import { strings } from "../../strings";
import { actTexts } from "../../strings/act";
import type { Json, JsonObject } from "../../types";
import { Select, Switch, TextArea, TextField } from "../../ui/field";
import { Frame } from "./frame";
import { given, type Labels } from "./labels";
import { asPath, lines, pathOf, type Looked } from "./looking";

const { register } = actTexts;
const { server } = register;
const TRANSPORTS = Object.entries(server.transports).map(([value, label]) => ({ value, label }));
const CREDENTIALS = Object.entries(server.credentials).map(([value, label]) => ({ value, label }));

interface Fields {
  url: string;
  transport: string;
  path: string;
  name: string;
  description: string;
  command: string;
  args: string;
  env: string;
  tools: string;
  fetch: boolean;
  credential: string;
  token: string;
  header: string;
  value: string;
}

const EMPTY: Fields = {
  url: "", transport: "streamable-http", path: "", name: "", description: "", command: "", args: "", env: "",
  tools: "", fetch: true, credential: "none", token: "", header: "", value: "",
};

/** An MCP server: by its URL, or by how it is started. */
export function ServerForm({ url = "" }: { url?: string }) {
  const [fields, setFields] = useState<Fields>({ ...EMPTY, url });
  const [labels, setLabels] = useState<Labels>({});
  const [asked, setAsked] = useState(false);
  const said = (name: keyof Fields) => ({ value: fields[name] as string, onValue: (text: string) => setFields({ ...fields, [name]: text }) });
  const local = fields.transport === "stdio";
  const path = fields.path || (local ? asPath(fields.name || fields.command) : pathOf(fields.url));
  const tools = toolsOf(fields.tools);
  const body = bodyOf(fields, path, tools, labels);
  const lacks = (value: string) => (asked && !value.trim() ? strings.schema.lacks : undefined);
  return (
    <Frame kind="server" body={body} labels={labels} onLabels={setLabels} onAsked={() => setAsked(true)} onLooked={(looked) => setFields((now) => ({ ...now, ...suggested(now, looked) }))}>
      {local ? (
        <>
          <TextField label={server.command} required error={lacks(fields.command)} placeholder="npx" {...said("command")} />
          <TextArea label={server.args} hint={server.argsHint} mono rows={2} {...said("args")} />
          <TextArea label={server.env} hint={server.envHint} mono rows={2} {...said("env")} />
        </>
      ) : (
        <>
          <TextField label={server.url} hint={server.urlHint} type="url" inputMode="url" required error={lacks(fields.url)} {...said("url")} />
        </>
      )}
      <div class="columns">
        <Select label={server.transport} choices={TRANSPORTS} {...said("transport")} />
        {!local && <Select label={server.credential} choices={CREDENTIALS} {...said("credential")} />}
      </div>
      {!local && <Credential fields={fields} said={said} />}
      <TextField label={register.name} placeholder={path} {...said("name")} />
      <TextField label={register.path} hint={register.pathHint} placeholder={path} error={asked && !path ? strings.schema.lacks : undefined} {...said("path")} />
      <TextArea label={register.description} rows={2} {...said("description")} />
      {!local && <Switch label={server.fetch} value={fields.fetch} onValue={(fetch) => setFields({ ...fields, fetch })} />}
      {(local || !fields.fetch) && (
        <TextArea label={server.tools} hint={local ? server.toolsHint : server.fetchHint} mono rows={4} error={tools === null ? actTexts.types.noJson("[…]") : undefined} {...said("tools")} />
      )}
    </Frame>
  );
}

type Said = (name: keyof Fields) => { value: string; onValue: (text: string) => void };

function Credential({ fields, said }: { fields: Fields; said: Said }) {
  return (
    <>
      {fields.credential === "bearer" && <TextField label={server.token} hint={server.secretHint} type="password" autocomplete="new-password" required {...said("token")} />}
      {fields.credential === "api_key" && (
        <>
          <TextField label={server.header} placeholder="x-api-key" required {...said("header")} />
          <TextField label={server.value} hint={server.secretHint} type="password" autocomplete="new-password" required {...said("value")} />
        </>
      )}
    </>
  );
}

/** The tools that were pasted; null where that is no list. */
function toolsOf(text: string): Json[] | null {
  if (!text.trim()) return [];
  try {
    const found = JSON.parse(text) as Json;
    return Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

function bodyOf(fields: Fields, path: string, tools: Json[] | null, labels: Labels): JsonObject | undefined {
  const local = fields.transport === "stdio";
  if (!path || tools === null || !(local ? fields.command : fields.url).trim()) return undefined;
  const what: JsonObject = local
    ? { command: fields.command.trim(), args: lines(fields.args), env: lines(fields.env), tools }
    : { url: fields.url.trim(), fetch: fields.fetch, ...(fields.fetch ? {} : { tools }), ...credentialOf(fields) };
  const description = fields.description.trim();
  return { path, name: fields.name.trim() || path, transport: fields.transport, ...(description && { description }), ...what, ...given(labels) };
}

function credentialOf({ credential, token, header, value }: Fields): JsonObject {
  if (credential === "bearer" && token) return { credential: { kind: "bearer", token } };
  if (credential === "api_key" && header && value) return { credential: { kind: "api_key", header, value } };
  return {};
}

/** What the server says of itself, where the person said nothing. */
function suggested(fields: Fields, looked: Looked): Partial<Fields> {
  const info = looked.server_info;
  const first = looked.instructions?.split("\n")[0]?.slice(0, 300) ?? "";
  return { path: looked.path, name: fields.name || info?.title || info?.name || looked.name, description: fields.description || first };
}
