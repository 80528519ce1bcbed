import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { invalidate } from "../../store";
import { strings } from "../../strings";
import { flowsTexts } from "../../strings/flows";
import { KINDS } from "../../kinds";
import { Button } from "../../ui/button";
import { CodeBlock } from "../../ui/code";
import { Dialog } from "../../ui/dialog";
import { Checkbox, TextField } from "../../ui/field";
import { toast, told } from "../../ui/toast";
import { listed } from "../register/looking";
import type { Webhook } from "./types";

const { webhooks } = flowsTexts;

/** A webhook to be added or changed, in a dialog. */
export function WebhookForm({ webhook, onClose, onMade }: { webhook?: Webhook; onClose: () => void; onMade: (made: Webhook & { secret?: string }) => void }) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [events, setEvents] = useState(webhook?.events.join(", ") ?? "");
  const [paths, setPaths] = useState(webhook?.paths.join(", ") ?? "");
  const [kinds, setKinds] = useState<string[]>(webhook?.kinds ?? []);
  const [error, setError] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const save = async (event?: Event) => {
    event?.preventDefault();
    if (busy || !url.trim() || (!webhook && !name.trim())) return;
    const body = { url: url.trim(), description, events: orAll(events), paths: orAll(paths), kinds: kinds.length ? kinds : ["*"] };
    setBusy(true);
    try {
      const made = webhook ? await send<Webhook>("PATCH", at("webhooks", webhook.name), body) : await send<Webhook & { secret: string }>("POST", "/webhooks", { ...body, name: name.trim() });
      invalidate("/webhooks");
      toast(webhook ? webhooks.saved : webhooks.created(made.name));
      onMade(made);
    } catch (reason) {
      setError(told(reason));
    }
    setBusy(false);
  };
  return (
    <Dialog
      title={webhook ? webhook.name : webhooks.add}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{strings.ui.cancel}</Button>
          <Button look="primary" busy={busy} disabled={!url.trim() || (!webhook && !name.trim())} onClick={() => void save()}>
            {webhook ? webhooks.save : webhooks.create}
          </Button>
        </>
      }
    >
      <form class="form" noValidate onSubmit={save}>
        {!webhook && <TextField label={webhooks.name} hint={webhooks.nameHint} required value={name} onValue={setName} />}
        <TextField label={webhooks.url} hint={webhooks.urlHint} type="url" required value={url} onValue={setUrl} error={error} />
        <TextField label={webhooks.description} value={description} onValue={setDescription} />
        <TextField label={webhooks.events} hint={webhooks.eventsHint} value={shownAs(events)} onValue={setEvents} />
        <fieldset class="plain-fieldset">
          <legend>{webhooks.kinds}</legend>
          <div class="checks">
            {KINDS.map((kind) => (
              <Checkbox key={kind} label={strings.kinds[kind].many} value={kinds.includes(kind)} onValue={(on) => setKinds(on ? [...kinds, kind] : kinds.filter((each) => each !== kind))} />
            ))}
          </div>
        </fieldset>
        <TextField label={webhooks.paths} hint={webhooks.pathsHint} value={shownAs(paths)} onValue={setPaths} />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

/** An empty list takes nothing away: all of them. */
function orAll(text: string): string[] {
  const found = listed(text);
  return found.length ? found : ["*"];
}

function shownAs(text: string): string {
  return text === "*" ? "" : text;
}

/** The secret, once. */
export function Secret({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog
      title={webhooks.secretTitle}
      onClose={onClose}
      actions={
        <Button look="primary" onClick={onClose}>
          {webhooks.secretDone}
        </Button>
      }
    >
      <p>{webhooks.secretText}</p>
      <CodeBlock text={secret} />
    </Dialog>
  );
}
