import { useState } from "preact/hooks";
import { strings } from "../../strings";
import { governTexts } from "../../strings/govern";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextArea } from "../../ui/field";


interface DecideProps {
  title: string;
  text?: string;
  hint?: string;
  action: string;
  danger?: boolean;
  /** A decision that is kept with its reason. */
  needsReason?: boolean;
  /** Whether it went through: then the dialog closes. */
  decide: (reason: string) => Promise<boolean>;
  onClose: () => void;
}

/** A decision that cannot be undone, with its reason. */
export function Decide({ title, text, hint, action, danger, needsReason, decide, onClose }: DecideProps) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    if (await decide(reason.trim())) onClose();
    setBusy(false);
  };
  const lacks = needsReason && !reason.trim();
  const actions = (
    <>
      <Button onClick={onClose}>{strings.ui.cancel}</Button>
      <Button look={danger ? "danger" : "primary"} busy={busy} disabled={Boolean(lacks)} onClick={go}>
        {action}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} actions={actions}>
      <div class="form">
        {text && <p>{text}</p>}
        <TextArea label={governTexts.reason} hint={hint ?? governTexts.reasonHint} required={needsReason ?? false} value={reason} onValue={setReason} rows={2} />
      </div>
    </Dialog>
  );
}
