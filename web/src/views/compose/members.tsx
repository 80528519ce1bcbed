import { useState } from "preact/hooks";
import { at } from "../../api";
import { Icon } from "../../icons";
import { useRead } from "../../store";
import { actTexts } from "../../strings/act";
import type { Asset } from "../../types";
import { Button, IconButton } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Select, TextArea } from "../../ui/field";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { toast } from "../../ui/toast";
import { TryTool } from "../asset/try-tool";
import { named, type Member } from "./naming";

const { compose } = actTexts;

/** What is chosen: each with the name that clients will see, and what is wrong with it. */
export function Members({ members, onMembers }: { members: Member[]; onMembers: (members: Member[]) => void }) {
  const [trying, setTrying] = useState<Member | null>(null);
  const names = named(members);
  const clashes = names.filter((each) => each.problem).length;
  const change = (index: number, changes: Partial<Member>) => onMembers(members.map((each, at) => (at === index ? { ...each, ...changes } : each)));
  const remove = (index: number) => {
    onMembers(members.filter((_, at) => at !== index));
    toast(compose.removed(names[index]!.name), { undo: () => onMembers(members) });
  };
  return (
    <section class="panel" aria-label={compose.members}>
      <div class="members-head">
        <h2>
          {compose.members} <span class="count">{members.length}</span>
        </h2>
        <span role="status" class={clashes ? "error" : "quiet"}>
          {clashes ? compose.clashes(clashes) : ""}
        </span>
      </div>
      {!members.length && (
        <EmptyState icon="virtual_server" title={compose.empty}>
          {compose.emptyText}
        </EmptyState>
      )}
      <ul class="members">
        {members.map((member, index) => (
          <li key={`${member.server}/${member.tool}/${index}`}>
            <OneMember member={member} name={names[index]!} onChange={(changes) => change(index, changes)} onRemove={() => remove(index)} onTry={() => setTrying(member)} />
          </li>
        ))}
      </ul>
      {trying && <Trying member={trying} onClose={() => setTrying(null)} />}
    </section>
  );
}

interface OneProps {
  member: Member;
  name: ReturnType<typeof named>[number];
  onChange: (changes: Partial<Member>) => void;
  onRemove: () => void;
  onTry: () => void;
}

function OneMember({ member, name, onChange, onRemove, onTry }: OneProps) {
  const [open, setOpen] = useState(false);
  const id = `alias-${member.server}-${member.tool}`;
  const problem = name.problem === "clash" ? compose.clash(name.name) : name.problem === "form" ? compose.form : name.problem && compose.twice;
  return (
    <>
      <div class="member">
        <div class="member-name">
          <input
            class="input mono"
            aria-label={compose.aliasOf(member.tool, member.server)}
            aria-invalid={problem ? true : undefined}
            aria-describedby={problem ? id : undefined}
            autocomplete="off"
            placeholder={name.name}
            value={member.alias}
            data-item
            onInput={(event) => onChange({ alias: event.currentTarget.value.trim() })}
          />
          <span class="member-from">
            {member.tool} {compose.from(member.server)}
          </span>
          {problem && (
            <span class="error" id={id}>
              {problem}
            </span>
          )}
        </div>
        <Button small icon="play" aria-label={compose.testOf(name.name)} onClick={onTry}>
          {compose.test}
        </Button>
        <IconButton icon="trash" label={compose.remove(name.name)} onClick={onRemove} />
      </div>
      <details class="unfold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{compose.options}</summary>
        {open && <Options member={member} onChange={onChange} />}
      </details>
    </>
  );
}

interface Versions {
  default: string;
  versions: { version: string }[];
}

function Options({ member, onChange }: { member: Member; onChange: (changes: Partial<Member>) => void }) {
  const read = useRead<Versions>(`${at("servers", member.server)}/versions`);
  const versions = read.data?.versions.map((each) => ({ value: each.version, label: each.version })) ?? [];
  return (
    <div class="form">
      <TextArea label={compose.description} hint={compose.descriptionHint} rows={2} value={member.description} onValue={(description) => onChange({ description })} />
      <Select label={compose.version} value={member.version} onValue={(version) => onChange({ version })} choices={[{ value: "", label: compose.newest }, ...versions]} />
    </div>
  );
}

/** The tool at its own server, in a dialog. */
function Trying({ member, onClose }: { member: Member; onClose: () => void }) {
  const read = useRead<Asset>(at("servers", member.server));
  const tool = read.data?.tools?.find((each) => each.name === member.tool);
  return (
    <Dialog title={compose.testOf(member.tool)} onClose={onClose}>
      <p class="notice">
        <Icon name="info" />
        {compose.testText}
      </p>
      {read.error ? <ErrorState error={read.error} again={read.again} /> : !read.data ? <Skeleton /> : <TryTool asset={{ ...read.data, tools: tool ? [tool] : [] }} />}
    </Dialog>
  );
}
