import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { invalidate, useRead } from "../../store";
import { accessTexts } from "../../strings/access";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { Select, TextField } from "../../ui/field";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { attempt, toast } from "../../ui/toast";
import { FormDialog } from "./shared";
import type { Cut } from "./types";

const texts = accessTexts.quarantine;
const KINDS = Object.keys(texts.kinds) as Cut["kind"][];

/** Who and what is cut off, and the way to cut off and to let in again. */
export function Quarantine() {
  const read = useRead<{ quarantines: Cut[] }>("/quarantine");
  const [adding, setAdding] = useState(false);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={4} />;
  const cuts = read.data.quarantines;
  const add = (
    <Button look="danger" onClick={() => setAdding(true)}>
      {texts.add}
    </Button>
  );
  return (
    <>
      <div class="list-head">{cuts.length > 0 && add}</div>
      {cuts.length ? (
        <Table label={texts.title} columns={COLUMNS} items={cuts} keyOf={(one) => `${one.kind}/${one.id}`} />
      ) : (
        <EmptyState icon="shield" title={texts.empty} action={add}>
          {texts.emptyText}
        </EmptyState>
      )}
      {adding && <CutDialog onClose={() => setAdding(false)} />}
    </>
  );
}

const COLUMNS: Column<Cut>[] = [
  { id: "id", label: texts.id, cell: (one) => <strong>{one.id}</strong> },
  { id: "kind", label: texts.kind, cell: (one) => texts.kinds[one.kind], width: 144, from: "m" },
  { id: "reason", label: texts.reason, cell: (one) => <span title={one.reason}>{one.reason}</span>, from: "m" },
  { id: "since", label: texts.since, cell: (one) => <Time at={one.since} />, width: 128, from: "l" },
  { id: "by", label: texts.by, cell: (one) => one.by, width: 144, from: "l" },
  {
    id: "lift",
    label: texts.lift,
    cell: (one) => (
      <Button small data-item aria-label={`${texts.lift}: ${one.id}`} onClick={() => void lift(one)}>
        {texts.lift}
      </Button>
    ),
    width: 144,
  },
];

function CutDialog({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<Cut["kind"]>("caller");
  const [id, setId] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    const done = await attempt(() => put({ kind, id: id.trim(), reason }), (made) => texts.cut(made.ended));
    setBusy(false);
    if (done) onClose();
  };
  return (
    <FormDialog title={texts.add} action={texts.add} busy={busy} ready={Boolean(id.trim() && reason.trim())} onSave={() => void save()} onClose={onClose}>
      <Select label={texts.kind} value={kind} onValue={(value) => setKind(value as Cut["kind"])} choices={KINDS.map((value) => ({ value, label: texts.kinds[value] }))} />
      <TextField label={texts.id} hint={texts.idHint} required value={id} onValue={setId} />
      <TextField label={texts.reason} hint={texts.reasonHint} required value={reason} onValue={setReason} />
    </FormDialog>
  );
}

async function put({ kind, id, reason }: Pick<Cut, "kind" | "id" | "reason">): Promise<{ ended: number }> {
  const made = await send<{ ended: number }>("PUT", at("quarantine", kind, id), { reason });
  invalidate("/quarantine");
  return made;
}

async function lift(cut: Cut): Promise<void> {
  const done = await attempt(() => send("DELETE", at("quarantine", cut.kind, cut.id)));
  invalidate("/quarantine");
  if (done) toast(texts.lifted(cut.id), { undo: () => void attempt(() => put(cut)) });
}
