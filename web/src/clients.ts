/** How assistants are told of a server: as `airegistry connect` writes it (airegistry/cli/client_forms.py), and the pages in clients/. */

export interface Way {
  id: string;
  label: string;
  command?: string;
  /** Empty where the text is no file. */
  file: string;
  text: string;
}

interface Form {
  id: string;
  label: string;
  file: string;
  servers?: string;
  url?: string;
  typed?: boolean;
}

const FORMS: Form[] = [
  { id: "claude-code", label: "Claude Code", file: ".mcp.json", typed: true },
  { id: "cursor", label: "Cursor", file: "~/.cursor/mcp.json" },
  { id: "vscode", label: "VS Code", file: ".vscode/mcp.json", servers: "servers", typed: true },
  { id: "gemini", label: "Gemini CLI", file: "~/.gemini/settings.json", url: "httpUrl" },
  { id: "kiro", label: "Kiro", file: "~/.kiro/settings/mcp.json" },
];

/** Every assistant's way to an endpoint, without a token: each signs its person in. The Inspector's command line cannot, and reads one from its environment. */
export function waysTo(name: string, url: string): Way[] {
  const ways = FORMS.map((form) => ({ id: form.id, label: form.label, file: form.file, text: document(form, name, url) }));
  const [claude, ...others] = ways as [Way, ...Way[]];
  const codex: Way = {
    id: "codex",
    label: "Codex",
    command: `codex mcp add ${name} --url ${quoted(url)}`,
    file: "~/.codex/config.toml",
    text: `[mcp_servers.${name}]\nurl = ${JSON.stringify(url)}\n`,
  };
  const web: Way = { id: "claude-ai", label: "Claude.ai", file: "", text: url };
  const header = `--header "Authorization: Bearer $AIREGISTRY_TOKEN"`;
  const inspector: Way = {
    id: "inspector",
    label: "Inspector",
    command: `mcp-inspector --cli --server-url ${quoted(url)} --transport http --protocol-era modern --method tools/list ${header}`,
    file: "",
    text: "",
  };
  return [{ ...claude, command: `claude mcp add --transport http ${name} ${quoted(url)}` }, codex, ...others, web, inspector];
}

function document(form: Form, name: string, url: string): string {
  const entry = { ...(form.typed ? { type: "http" } : {}), [form.url ?? "url"]: url };
  return JSON.stringify({ [form.servers ?? "mcpServers"]: { [name]: entry } }, null, 2);
}

/** A word for a shell (POSIX). */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
