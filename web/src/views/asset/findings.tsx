import { useState } from "preact/hooks";
import { ApiError, at, send } from "../../api";
import { exact, words } from "../../format";
import { Icon } from "../../icons";
import { placeOf } from "../../kinds";
import { invalidate, useRead } from "../../store";
import { assetTexts } from "../../strings/asset";
import { Badge, Risk, type Tone } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Facts, Section, Time, type Fact } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { attempt } from "../../ui/toast";
import { Upstream } from "../../ui/upstream";
import type { AssetProps, Finding, Report } from "./types";

const texts = assetTexts.findings;
const TONES: Record<string, Tone> = { pass: "good", review: "warn", block: "bad" };
const ORDER = ["critical", "high", "medium", "low", "info"];

/** What the last scan found, with its evidence. */
export default function Findings({ asset }: AssetProps) {
  const place = at(placeOf(asset.kind), asset.path);
  const read = useRead<Report>(`${place}/scans/latest`);
  const [busy, setBusy] = useState(false);
  const scan = async () => {
    setBusy(true);
    if (await attempt(() => send("POST", `${place}/scans`, {}), texts.scanned)) invalidate(place, "/findings");
    setBusy(false);
  };
  const button = (
    <Button small icon="shield" busy={busy} onClick={scan}>
      {texts.scan}
    </Button>
  );
  if (!read.data) {
    if (!read.error) return <Skeleton lines={6} />;
    if (!(read.error instanceof ApiError && read.error.status === 404)) return <ErrorState error={read.error} again={read.again} />;
    return (
      <EmptyState icon="shield" title={texts.none} action={button}>
        {texts.noneText}
      </EmptyState>
    );
  }
  return <Shown report={read.data} button={button} />;
}

function Shown({ report, button }: { report: Report; button: preact.JSX.Element }) {
  const findings = [...report.findings].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return (
    <>
      <p class={`notice ${TONES[report.verdict]}`}>
        <Icon name={report.verdict === "pass" ? "check" : "warning"} />
        <strong>{texts.verdicts[report.verdict]}</strong>
        {texts.verdictTexts[report.verdict]}
      </p>
      <Section title={texts.list} action={button}>
        {findings.length ? (
          <ul class="findings">
            {findings.map((each) => (
              <li key={each.fingerprint}>
                <OneFinding finding={each} />
              </li>
            ))}
          </ul>
        ) : (
          <p class="quiet">{texts.clean}</p>
        )}
      </Section>
      <div class="measure">
        <Facts
          facts={[
            [texts.when, <Time at={report.scanned_at} />],
            [texts.by, report.scanners.join(", ")],
            [texts.rules, report.ruleset && <code>{report.ruleset}</code>],
            [texts.failed, report.error && <Upstream text={report.error} />],
          ]}
        />
      </div>
    </>
  );
}

/** One finding: what it means, where, and what was seen there. Its evidence comes escaped from the scanner. */
export function OneFinding({ finding }: { finding: Finding }) {
  const { waiver } = finding;
  return (
    <article class={waiver ? "finding waived" : "finding"}>
      <header>
        <Risk level={finding.severity} />
        <h3>
          <Upstream text={finding.message} />
        </h3>
        <Badge tone={finding.tier === "block" ? "bad" : finding.tier === "review" ? "warn" : "neutral"}>{texts.tiers[finding.tier]}</Badge>
      </header>
      {waiver && (
        <p class="quiet">
          {texts.waived(waiver.by, exact(waiver.until))}: <Upstream text={waiver.reason} />
        </p>
      )}
      {finding.evidence && (
        <pre class="evidence" tabIndex={0} aria-label={texts.evidence}>
          <Upstream text={finding.evidence} />
        </pre>
      )}
      <Facts facts={factsOf(finding)} />
    </article>
  );
}

function factsOf(finding: Finding): Fact[] {
  return [
    [texts.where, <code>{<Upstream text={finding.field || "/"} />}</code>],
    [texts.remedy, finding.remediation],
    [texts.rules, <><code>{finding.rule}</code> · {finding.structural ? texts.certain : words(texts.confidence(finding.confidence))}</>],
    [texts.codes, finding.codes.join(", ")],
  ];
}
