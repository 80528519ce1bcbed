import type { ComponentChildren } from "preact";
import { count } from "../../format";
import { Icon, type IconName } from "../../icons";
import { viewOf } from "../../kinds";
import { useMay } from "../../me";
import { Link } from "../../router";
import { useRead, type Read } from "../../store";
import { governTexts } from "../../strings/govern";
import type { BrowseAnswer, Card } from "../../types";
import { Stage } from "../../ui/badge";
import { Time } from "../../ui/facts";
import { Page } from "../../ui/page";
import { told } from "../../ui/toast";
import { nameOf } from "./move";
import { AssetLink, GradeBadge, SeverityBadge } from "./shared";
import type { ChangedList, Findings, Requests, Waiver } from "./types";
import "./govern.css";

const { waiting } = governTexts;
const FEW = 5;
const SOON = 30 * 86_400_000;

/** What waits for somebody who answers for the catalog: the first of each, and how many there are. */
export default function Waiting() {
  const mayScan = useMay("scan");
  const mayToken = useMay("token");
  return (
    <Page title={waiting.title} below={waiting.lead}>
      <div class="desk">
        <Calls />
        <Changes />
        <Review />
        {mayScan && <Found />}
        <Unhealthy />
        <Ending scans={mayScan} tokens={mayToken} />
      </div>
    </Page>
  );
}

interface PanelProps {
  texts: { title: string; none: string; count: (count: string) => string };
  icon: IconName;
  to: string;
  total: number | undefined;
  more?: boolean;
  error?: unknown;
  children: ComponentChildren;
}

function Panel({ texts, icon, to, total, more, error, children }: PanelProps) {
  const number = total === undefined ? "" : `${count(total)}${more ? "+" : ""}`;
  return (
    <section class={total ? "desk-panel busy" : "desk-panel"} aria-label={texts.title}>
      <header>
        <Icon name={icon} />
        <h2>
          <Link to={to} data-item>
            {texts.title}
          </Link>
        </h2>
        {total !== undefined && <span class="desk-count">{number}</span>}
      </header>
      {error !== undefined && total === undefined && <p class="quiet">{told(error)}</p>}
      {total === 0 && (
        <p class="quiet done">
          <Icon name="check" size={14} /> {texts.none}
        </p>
      )}
      {total ? <ul>{children}</ul> : null}
      {total ? <p class="desk-note">{texts.count(number)}</p> : null}
    </section>
  );
}

function Calls() {
  const read = useRead<Requests>("/approvals", { status: "pending", limit: 200 });
  const all = read.data?.approvals;
  return (
    <Panel texts={waiting.calls} icon="play" to="/approvals" total={all?.length} more={Boolean(read.data?.next_cursor)} error={read.error}>
      {all?.slice(0, FEW).map((each) => (
        <li key={each.id}>
          <span>{waiting.wants(each.subject, each.tool)}</span>
          <Time at={each.asked_at} />
        </li>
      ))}
    </Panel>
  );
}

function Changes() {
  const read = useRead<ChangedList>("/definition-changes", { limit: 200 });
  const all = read.data?.changes;
  return (
    <Panel texts={waiting.changes} icon="edit" to="/approvals/changes" total={all?.length} more={Boolean(read.data?.next_cursor)} error={read.error}>
      {all?.slice(0, FEW).map((each) => (
        <li key={`${each.kind}/${each.path}@${each.version}`}>
          <Link to={`/approvals/changes?asset=${encodeURIComponent(`${each.kind}/${each.path}@${each.version}`)}`}>{each.name}</Link>
          <GradeBadge grade={each.grade} />
        </li>
      ))}
    </Panel>
  );
}

function Review() {
  const read = useRead<BrowseAnswer>("/catalog", { stage: ["submitted", "security_review"], include_disabled: true, limit: FEW });
  return (
    <Panel texts={waiting.review} icon="board" to="/approvals/review" total={read.data?.total} error={read.error}>
      <Cards read={read} beside={(card) => <Stage stage={card.stage} />} />
    </Panel>
  );
}

function Unhealthy() {
  const read = useRead<BrowseAnswer>("/catalog", { health: ["unhealthy"], limit: FEW });
  return (
    <Panel texts={waiting.unhealthy} icon="warning" to="/health?health=unhealthy" total={read.data?.total} error={read.error}>
      <Cards read={read} beside={(card) => card.checked_at && <Time at={card.checked_at} />} />
    </Panel>
  );
}

function Cards({ read, beside }: { read: Read<BrowseAnswer>; beside: (card: Card) => ComponentChildren }) {
  return (
    <>
      {read.data?.results.map((card) => (
        <li key={`${card.kind}/${card.path}`}>
          <Link to={viewOf(card)} class="asset-link">
            <Icon name={card.kind} size={14} />
            {nameOf(card)}
          </Link>
          {beside(card)}
        </li>
      ))}
    </>
  );
}

function Found() {
  const read = useRead<Findings>("/findings", { severity: "medium", limit: 200 });
  const all = read.data?.findings.filter((each) => !each.waiver);
  const worst = all?.toSorted((a, b) => (RANK[b.severity] ?? 0) - (RANK[a.severity] ?? 0));
  return (
    <Panel texts={waiting.findings} icon="shield" to="/findings" total={all?.length} more={Boolean(read.data?.next_cursor)} error={read.error}>
      {worst?.slice(0, FEW).map((each) => (
        <li key={`${each.asset}#${each.fingerprint}`}>
          <Link to={`/findings?finding=${encodeURIComponent(`${each.asset}@${each.version}#${each.fingerprint}`)}`} title={each.message}>
            {each.message}
          </Link>
          <SeverityBadge severity={each.severity} />
        </li>
      ))}
    </Panel>
  );
}

const RANK: Record<string, number> = { info: 0, low: 1, medium: 2, high: 3, critical: 4 };

interface End {
  at: string;
  what: string;
  of: ComponentChildren;
}

/** Waivers, tokens and deprecated assets that end within a month. */
function Ending({ scans, tokens }: { scans: boolean; tokens: boolean }) {
  const waived = useRead<{ waivers: Waiver[] }>(scans ? "/waivers" : null);
  const held = useRead<{ tokens: { id: string; name: string; expires_at: string; revoked_at?: string | null }[] }>(tokens ? "/tokens" : null);
  const leaving = useRead<BrowseAnswer>("/catalog", { stage: ["deprecated"], include_disabled: true, limit: 200 });
  const ready = leaving.data && (!scans || waived.data) && (!tokens || held.data);
  const ends: End[] = [
    ...(waived.data?.waivers ?? []).map((each) => ({ at: each.until, what: waiting.waiver, of: <AssetLink of={each.asset} /> })),
    ...(held.data?.tokens ?? []).filter((each) => !each.revoked_at).map((each) => ({ at: each.expires_at, what: waiting.token, of: each.name })),
    ...(leaving.data?.results ?? []).flatMap((card) =>
      card.retires_at ? [{ at: card.retires_at, what: waiting.retires, of: <AssetLink of={`${card.kind}/${card.path}`} /> }] : [],
    ),
  ];
  const now = Date.now();
  const soon = ends
    .filter((each) => new Date(each.at).getTime() > now && new Date(each.at).getTime() < now + SOON)
    .toSorted((a, b) => a.at.localeCompare(b.at));
  return (
    <Panel texts={waiting.ending} icon="clock" to={scans ? "/findings/waivers" : "/lifecycle"} total={ready ? soon.length : undefined} error={leaving.error}>
      {soon.slice(0, FEW).map((each, index) => (
        <li key={index}>
          <span>
            <span class="quiet">{each.what}</span> {each.of}
          </span>
          <Time at={each.at} />
        </li>
      ))}
    </Panel>
  );
}
