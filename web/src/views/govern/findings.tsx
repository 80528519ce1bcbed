import { useMemo } from "preact/hooks";
import { send } from "../../api";
import { count } from "../../format";
import { KINDS } from "../../kinds";
import { useMay } from "../../me";
import { Link, navigate, usePlace, withParams, type Params } from "../../router";
import { invalidate, useLatest, useRead } from "../../store";
import { strings } from "../../strings";
import { governTexts } from "../../strings/govern";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { Checkbox } from "../../ui/field";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { Tabs } from "../../ui/tabs";
import { attempt } from "../../ui/toast";
import { FindingDetail } from "./finding";
import { AssetLink, ChoiceFilter, FilterRow, SeverityBadge, Split, TextFilter, choicesOf, useEvery } from "./shared";
import type { Finding, Findings as Answer, Severity, Sweep } from "./types";
import { Waivers } from "./waivers";
import "./govern.css";

const { kinds } = strings;
const { findings } = governTexts;
const ORDER: Severity[] = ["critical", "high", "medium", "low", "info"];
const MOST = 1000;
const FILTERS = ["severity", "kind", "verdict", "rule", "path", "waived"];

/** What scans found, the worst first, and what was let pass. */
export default function Findings({ params }: { params: Params }) {
  const tab = params["tab"] === "waivers" ? "waivers" : "found";
  const tabs = [
    { id: "found", label: findings.tabs.found, to: "/findings" },
    { id: "waivers", label: findings.tabs.waivers, to: "/findings/waivers" },
  ];
  return (
    <Page title={findings.title} below={findings.lead} actions={<ScanAll />}>
      <Tabs label={findings.parts} tabs={tabs} current={tab} />
      {tab === "found" ? <Found /> : <Waivers />}
    </Page>
  );
}

function Found() {
  const { query } = usePlace();
  const read = useLatest<Answer>("/findings", {
    severity: query.get("severity") ?? "medium",
    kind: query.get("kind"),
    verdict: query.get("verdict"),
    rule: query.get("rule"),
    path: query.get("path"),
    limit: MOST,
  });
  const waived = query.get("waived") === "true";
  const shown = useMemo(() => sorted(read.data?.findings ?? [], waived), [read.data, waived]);
  const open = shown.find((each) => idOf(each) === query.get("finding"));
  const narrowed = FILTERS.some((name) => query.has(name));
  return (
    <>
      <Filters query={query} any={narrowed} />
      {!read.data && (read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={8} />)}
      {read.data && shown.length === 0 && (
        <EmptyState icon="shield" title={findings.none}>
          {narrowed ? findings.noneSuch : findings.noneText}
        </EmptyState>
      )}
      {shown.length > 0 && (
        <Split
          list={<Table label={findings.label} columns={columnsOf(query.get("finding"))} items={shown} keyOf={idOf} />}
          detail={open ? <FindingDetail key={idOf(open)} finding={open} /> : null}
        />
      )}
      {read.data?.next_cursor && <p class="quiet more-note">{governTexts.more}</p>}
    </>
  );
}

function Filters({ query, any }: { query: URLSearchParams; any: boolean }) {
  const value = (name: string) => query.get(name) ?? "";
  const kindChoices = KINDS.map((kind) => ({ value: kind, label: kinds[kind].many }));
  return (
    <FilterRow any={any} clear={() => navigate(withParams(Object.fromEntries(FILTERS.map((name) => [name, null]))), { replace: true })}>
      <ChoiceFilter label={findings.severity} name="severity" value={value("severity") || "medium"} choices={choicesOf(findings.severities)} />
      <ChoiceFilter label={findings.verdict} name="verdict" value={value("verdict")} choices={choicesOf(findings.verdicts, governTexts.everything)} />
      <ChoiceFilter label={governTexts.kind} name="kind" value={value("kind")} choices={[{ value: "", label: governTexts.everything }, ...kindChoices]} />
      <TextFilter label={findings.rule} name="rule" value={value("rule")} />
      <TextFilter label={governTexts.asset} name="path" value={value("path")} />
      <Checkbox label={findings.waived} value={value("waived") === "true"} onValue={(on) => navigate(withParams({ waived: on ? "true" : null }), { replace: true })} />
    </FilterRow>
  );
}

/** The worst first; what was let pass only where it is asked for. */
function sorted(all: Finding[], waived: boolean): Finding[] {
  const shown = all.filter((each) => waived || !each.waiver);
  return shown.sort((a, b) => weight(a) - weight(b) || a.asset.localeCompare(b.asset));
}

function weight(finding: Finding): number {
  return ORDER.indexOf(finding.severity) * 2 - (finding.tier === "block" ? 1 : 0);
}

function idOf(finding: Finding): string {
  return `${finding.asset}@${finding.version}#${finding.fingerprint}`;
}

function columnsOf(current: string | null): Column<Finding>[] {
  const { columns } = findings;
  return [
    { id: "severity", label: columns.severity, cell: (each) => <SeverityBadge severity={each.severity} />, width: 104 },
    {
      id: "message",
      label: columns.message,
      cell: (each) => (
        <Link to={withParams({ finding: idOf(each) })} replace data-item class="row-link" aria-current={idOf(each) === current ? "true" : undefined}>
          {each.message}
        </Link>
      ),
    },
    { id: "asset", label: columns.asset, cell: (each) => <AssetLink of={each.asset} />, width: 180, from: "m" },
    { id: "rule", label: columns.rule, cell: (each) => <code>{each.rule}</code>, width: 220, from: "l" },
    { id: "state", label: columns.state, cell: (each) => <State finding={each} />, width: 128 },
  ];
}

function State({ finding }: { finding: Finding }) {
  if (finding.waiver) {
    return (
      <span class="quiet">
        {findings.isWaived}, <Time at={finding.waiver.until} />
      </span>
    );
  }
  const tone = finding.tier === "block" ? "bad" : finding.tier === "review" ? "warn" : "neutral";
  return <Badge tone={tone}>{findings.counts[finding.tier]}</Badge>;
}

/** Scan the whole catalog again, and see how far that is. */
function ScanAll() {
  const may = useMay("policy");
  const read = useRead<Sweep>(may ? "/scans/latest" : null);
  const running = Boolean(read.data?.started && !read.data.ended);
  useEvery(running ? 2 : null, () => {
    read.again();
    invalidate("/findings");
  });
  if (!may) return null;
  const begin = async () => {
    if (await attempt(() => send("POST", "/scans"), findings.sweepBegun)) read.again();
  };
  const text = running && read.data ? findings.sweeping(count(read.data.done), count(read.data.total)) : findings.rescanAll;
  return (
    <Button icon="refresh" busy={running} onClick={begin}>
      <span role="status">{text}</span>
    </Button>
  );
}
