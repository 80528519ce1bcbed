import { waysTo, quoted, type Way } from "../../clients";
import { useRemembered } from "../../remembered";
import { assetTexts, connectTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { CodeBlock, Copy } from "../../ui/code";
import { Section } from "../../ui/facts";
import { EmptyState } from "../../ui/states";
import { Segments } from "../../ui/tabs";

const texts = connectTexts;

/** What to tell an assistant so that it finds the asset: to copy, for each one. */
export function Connect({ asset }: { asset: Asset }) {
  if (asset.kind === "skill") return <GiveSkill asset={asset} />;
  if (!asset.endpoint) return <Locally asset={asset} />;
  return asset.kind === "agent" ? <TalkTo asset={asset} endpoint={asset.endpoint} /> : <Server asset={asset} endpoint={asset.endpoint} />;
}

function Endpoint({ url, lead }: { url: string; lead: string }) {
  return (
    <Section title={texts.endpoint} action={<Copy text={url} />}>
      <code class="endpoint">{url}</code>
      <p class="quiet">{lead}</p>
    </Section>
  );
}

function Server({ asset, endpoint }: { asset: Asset; endpoint: string }) {
  const [chosen, setChosen] = useRemembered("connect.client", "claude-code");
  const ways = waysTo(asset.path.replaceAll(/[^a-z0-9_-]/g, "-"), endpoint);
  const way = ways.find((each) => each.id === chosen) ?? ways[0];
  const pinned = endpoint.replace(/\/mcp$/, `@${asset.version}/mcp`);
  return (
    <div class="measure">
      <Endpoint url={endpoint} lead={texts.lead} />
      <Section title={texts.title}>
        <Segments label={texts.assistant} value={way?.id ?? ""} onValue={setChosen} choices={ways.map((each) => ({ value: each.id, label: each.label }))} />
        {way && <OneWay way={way} />}
        <p class="quiet">{texts.other}</p>
      </Section>
      <Section title={texts.once} action={<Copy text={pinned} />}>
        <code class="endpoint">{pinned}</code>
        <p class="quiet">{texts.pinned(asset.version)}</p>
      </Section>
    </div>
  );
}

function OneWay({ way }: { way: Way }) {
  return (
    <>
      {way.command && <CodeBlock title={texts.command} text={way.command} />}
      {way.text && <CodeBlock title={way.file ? texts.file(way.file) : texts.web} text={way.text} />}
    </>
  );
}

function TalkTo({ asset, endpoint }: { asset: Asset; endpoint: string }) {
  return (
    <div class="measure">
      <Endpoint url={endpoint} lead={texts.agent.lead} />
      <Section title={texts.agent.title}>
        <CodeBlock title={texts.agent.card} text={`${endpoint}/.well-known/agent-card.json`} />
        <CodeBlock title={texts.agent.try} text={messageTo(endpoint, String(asset.card?.["protocolVersion"] ?? "1.0"))} />
      </Section>
    </div>
  );
}

/** A first message in the words of the version that the agent speaks (A2A 0.3 or 1.0). */
function messageTo(endpoint: string, version: string): string {
  const old = version.startsWith("0.");
  const said = old
    ? { kind: "message", messageId: "1", role: "user", parts: [{ kind: "text", text: "Hello" }] }
    : { messageId: "1", role: "ROLE_USER", parts: [{ text: "Hello" }] };
  const message = { jsonrpc: "2.0", id: 1, method: old ? "message/send" : "SendMessage", params: { message: said } };
  return [
    `curl ${quoted(endpoint)}`,
    `-H "Authorization: Bearer $AIREGISTRY_TOKEN"`,
    `-H 'Content-Type: application/json'`,
    ...(old ? [] : [`-H 'A2A-Version: 1.0'`]),
    `-d ${quoted(JSON.stringify(message))}`,
  ].join(" \\\n  ");
}

function GiveSkill({ asset }: { asset: Asset }) {
  const { skill } = texts;
  return (
    <div class="measure">
      <Section title={skill.title}>
        <p class="quiet">{skill.lead}</p>
        <CodeBlock title={skill.ask} text={skill.say(asset.path)} />
      </Section>
      <Section title={skill.file}>
        <CodeBlock title={skill.fileText(asset.path)} text={`airegistry skill show ${quoted(asset.path)}`} />
      </Section>
    </div>
  );
}

function Locally({ asset }: { asset: Asset }) {
  const command = asset.command ? [asset.command, ...(asset.args ?? [])].map(quoted).join(" ") : null;
  return (
    <EmptyState icon="screen" title={texts.none} action={command && <CodeBlock text={command} title={assetTexts.facts.command} />}>
      {command ? texts.noneText : asset.kind === "agent" ? texts.agent.none : undefined}
    </EmptyState>
  );
}
