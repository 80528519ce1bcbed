import "../register/register.css";
import "./compose.css";
import { useEffect, useState } from "preact/hooks";
import { at, get, send } from "../../api";
import { viewOf } from "../../kinds";
import { Link, navigate, type Params } from "../../router";
import { invalidate, useRead } from "../../store";
import { actTexts } from "../../strings/act";
import type { Asset, JsonObject, Tool } from "../../types";
import { Button } from "../../ui/button";
import { TextArea, TextField } from "../../ui/field";
import { Page } from "../../ui/page";
import { ErrorState, Skeleton } from "../../ui/states";
import { attempt, toast } from "../../ui/toast";
import { asPath, useLooking } from "../register/looking";
import { LabelFields, given, type Labels } from "../register/labels";
import { Refused } from "../register/frame";
import { Preview } from "../register/preview";
import { Members } from "./members";
import { keyOf, Picker, type Pick } from "./picker";
import { named, wish, type Member } from "./naming";

const { compose, register } = actTexts;

/** Put tools of several servers behind one endpoint, or change which. */
export default function Compose({ params }: { params: Params }) {
  const path = params["path"];
  if (!path) return <Builder />;
  return <Existing key={path} path={path} />;
}

type Composed = Tool & { server?: string; tool?: string; version?: string; scopes?: string[] };

function Existing({ path }: { path: string }) {
  const read = useRead<Asset>(at("virtual-servers", path));
  const [members, setMembers] = useState<Member[] | null>(null);
  const asset = read.data;
  useEffect(() => {
    if (asset && !members) void stated(asset).then(setMembers);
  }, [asset, members]);
  if (read.error && !asset) return <ErrorState error={read.error} again={read.again} />;
  if (!asset || !members) return <Skeleton lines={8} />;
  return <Builder asset={asset} before={members} />;
}

/** The members as they stand. A description of one's own is told from the tool's by asking its server. */
async function stated(asset: Asset): Promise<Member[]> {
  const tools = (asset.tools ?? []) as Composed[];
  const paths = [...new Set(tools.map((each) => each.server ?? ""))].filter(Boolean);
  const servers = await Promise.all(paths.map((path) => get<Asset>(at("servers", path)).catch(() => undefined)));
  return tools
    .filter((each) => each.server && each.tool)
    .map((each) => {
      const own = servers[paths.indexOf(each.server!)]?.tools?.find((tool) => tool.name === each.tool)?.description;
      const description = own === undefined || own === each.description ? "" : each.description;
      return { server: each.server!, tool: each.tool!, alias: "", kept: each.name, description, version: each.version ?? "", own, scopes: each.scopes ?? [] };
    });
}

function Builder({ asset, before = [] }: { asset?: Asset; before?: Member[] }) {
  const [members, setMembers] = useState<Member[]>(before);
  const [name, setName] = useState(asset?.name ?? "");
  const [typed, setPath] = useState("");
  const [description, setDescription] = useState(asset?.description ?? "");
  const [labels, setLabels] = useState<Labels>({});
  const [busy, setBusy] = useState(false);
  const looking = useLooking("virtual_server");
  const path = asset?.path ?? (typed || asPath(name));
  const clashes = named(members).some((each) => each.problem);
  const ready = Boolean(path && name.trim() && members.length && !clashes);
  const body: JsonObject = { name: name.trim(), description, tools: members.map(wish) };
  const add = (picks: Pick[]) =>
    setMembers((now) => [...now, ...picks.map(({ server, tool, description: own }) => ({ server, tool, alias: "", description: "", version: "", own }))]);
  const save = async () => {
    if (!ready) return toast(compose.need, { bad: true });
    setBusy(true);
    const done = asset
      ? await attempt(() => send<Asset>("PATCH", at("virtual-servers", path), { ...body, tools: members.map(settled) }), compose.saved)
      : await attempt(() => send<Asset>("POST", "/virtual-servers", { ...body, path, ...given(labels) }), compose.created(name));
    setBusy(false);
    if (!done) return;
    invalidate("/catalog", at("virtual-servers", path));
    navigate(viewOf(done, "tools"));
  };
  return (
    <Page
      title={asset ? compose.titleOf(asset.title || asset.name) : compose.title}
      above={asset && <Link to={viewOf(asset)}>{asset.title || asset.name}</Link>}
      below={compose.lead}
      actions={
        <>
          {!asset && (
            <Button icon="search" busy={looking.busy === "look"} disabled={!ready} onClick={() => void looking.look({ ...body, path })}>
              {compose.check}
            </Button>
          )}
          <Button look="primary" busy={busy} disabled={!ready} onClick={() => void save()}>
            {asset ? compose.save : compose.create}
          </Button>
        </>
      }
    >
      <div class="panel compose-head">
        <div class="columns">
          <TextField label={register.name} required value={name} onValue={setName} />
          {!asset && <TextField label={register.path} placeholder={path} value={typed} onValue={setPath} />}
        </div>
        <TextArea label={register.description} rows={2} value={description} onValue={setDescription} />
        {!asset && (
          <details class="unfold">
            <summary>{register.more}</summary>
            <LabelFields value={labels} onValue={setLabels} />
          </details>
        )}
      </div>
      <div class="making" onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && (event.preventDefault(), void save())}>
        <Picker chosen={new Set(members.map(keyOf))} onAdd={add} />
        <div class="compose-side">
          <Members members={members} onMembers={setMembers} />
          {(looking.looked || looking.error) && (
            <section class="panel" aria-label={register.preview} aria-live="polite">
              {looking.looked ? <Preview looked={looking.looked} /> : <Refused error={looking.error} />}
            </section>
          )}
        </div>
      </div>
    </Page>
  );
}

/** What stands there already keeps its name by saying it. */
function settled(member: Member): JsonObject {
  const alias = member.alias || member.kept;
  return { ...wish(member), ...(alias && { alias }) };
}
