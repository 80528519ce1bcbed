import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { words } from "../../format";
import { placeOf } from "../../kinds";
import { useMay } from "../../me";
import { invalidate } from "../../store";
import { strings } from "../../strings";
import { governTexts } from "../../strings/govern";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Facts, Prose, Time } from "../../ui/facts";
import { Select, TextArea } from "../../ui/field";
import { attempt, toast, told } from "../../ui/toast";
import { AssetLink, Detail, Evidence, SeverityBadge, choicesOf, named } from "./shared";
import type { Finding, Waiver } from "./types";

const { ui } = strings;
const { findings } = governTexts;

/** One finding with its evidence, and what can be done about it. */
export function FindingDetail({ finding }: { finding: Finding }) {
  const [waiving, setWaiving] = useState(false);
  const [busy, setBusy] = useState(false);
  const mayWaive = useMay("approve");
  const place = placeOfAsset(finding.asset);
  const rescan = async () => {
    setBusy(true);
    const body = { version: finding.version };
    const made = await attempt(
      () => send<{ verdict: "pass" | "review" | "block" }>("POST", `${place}/scans`, body),
      (report) => findings.rescanned(findings.verdicts[report.verdict]),
    );
    if (made) invalidate("/findings", "/waivers", "/catalog", place);
    setBusy(false);
  };
  return (
    <Detail title={finding.message} params={["finding"]}>
      <p class="badges">
        <SeverityBadge severity={finding.severity} />
        <Badge tone={finding.tier === "block" ? "bad" : "neutral"}>{findings.counts[finding.tier]}</Badge>
        {finding.structural && <Badge>{findings.certain}</Badge>}
      </p>
      {finding.evidence && (
        <>
          <h3>{findings.evidence}</h3>
          <Evidence text={finding.evidence} />
        </>
      )}
      {finding.remediation && (
        <>
          <h3>{findings.remedy}</h3>
          <Prose text={finding.remediation} />
        </>
      )}
      <Facts
        facts={[
          [governTexts.asset, <AssetLink of={finding.asset} />],
          [findings.version, finding.version],
          [findings.where, <code>{finding.field}</code>],
          [findings.columns.rule, <code>{finding.rule}</code>],
          [findings.confidence, words(finding.confidence)],
          [findings.codes, finding.codes.join(", ")],
          [findings.fingerprint, <code>{finding.fingerprint}</code>],
        ]}
      />
      {finding.waiver && <Waived waiver={finding.waiver} />}
      <footer>
        {mayWaive && !finding.waiver && (
          <Button look="primary" onClick={() => setWaiving(true)}>
            {findings.waive}
          </Button>
        )}
        {mayWaive && finding.waiver && <Button onClick={() => finding.waiver && void unwaive(finding.waiver)}>{findings.unwaive}</Button>}
        <Button icon="refresh" busy={busy} onClick={rescan}>
          {findings.rescan}
        </Button>
      </footer>
      {waiving && <Waive finding={finding} onClose={() => setWaiving(false)} />}
    </Detail>
  );
}

function Waived({ waiver }: { waiver: Waiver }) {
  return (
    <div class="waived">
      <p>
        {findings.waivedBy(waiver.by)}, <Time at={waiver.since} />. {findings.columns.until} <Time at={waiver.until} />.
      </p>
      <p class="quiet">{waiver.reason}</p>
    </div>
  );
}

function Waive({ finding, onClose }: { finding: Finding; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const [days, setDays] = useState("90");
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    const made = await waive(finding, reason.trim(), Number(days), finding.version);
    setBusy(false);
    if (made) onClose();
  };
  const actions = (
    <>
      <Button onClick={onClose}>{ui.cancel}</Button>
      <Button look="primary" busy={busy} disabled={!reason.trim()} onClick={go}>
        {findings.waive}
      </Button>
    </>
  );
  return (
    <Dialog title={findings.waiveTitle} onClose={onClose} actions={actions}>
      <div class="form">
        <p>{findings.waiveText}</p>
        <TextArea label={governTexts.reason} hint={governTexts.reasonHint} required value={reason} onValue={setReason} rows={2} />
        <Select label={findings.days} value={days} onValue={setDays} choices={choicesOf(findings.dayChoices)} />
      </div>
    </Dialog>
  );
}

function placeOfAsset(ref: string): string {
  const asset = named(ref);
  return at(placeOf(asset.kind), asset.path);
}

function changed(ref: string): void {
  invalidate("/findings", "/waivers", "/catalog", placeOfAsset(ref));
}

async function waive(finding: { asset: string; fingerprint: string }, reason: string, days: number, version?: string): Promise<boolean> {
  const body = { fingerprint: finding.fingerprint, reason, days, ...(version && { version }) };
  try {
    await send("POST", `${placeOfAsset(finding.asset)}/waivers`, body);
  } catch (error) {
    toast(told(error), { bad: true });
    return false;
  }
  toast(findings.waivedDone, { undo: () => void takeBack(finding) });
  changed(finding.asset);
  return true;
}

async function takeBack(waived: { asset: string; fingerprint: string }): Promise<boolean> {
  const path = `${placeOfAsset(waived.asset)}/waivers/${encodeURIComponent(waived.fingerprint)}`;
  const made = await attempt(() => send("DELETE", path));
  changed(waived.asset);
  return made !== undefined;
}

/** Have a finding count again; it can be let pass again for what was left of the time. */
export async function unwaive(waiver: Waiver): Promise<void> {
  if (!(await takeBack(waiver))) return;
  const left = Math.max(1, Math.ceil((new Date(waiver.until).getTime() - Date.now()) / 86_400_000));
  toast(findings.unwaived, { undo: () => void waive(waiver, waiver.reason, Math.min(left, 366)) });
}
