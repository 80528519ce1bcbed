import { navigate, Link, usePlace, withParams } from "../../router";
import { useRemembered } from "../../remembered";
import { governTexts } from "../../strings/govern";
import { Badge, type Tone } from "../../ui/badge";
import { CodeBlock } from "../../ui/code";
import { Facts } from "../../ui/facts";
import { Switch } from "../../ui/field";
import { Page } from "../../ui/page";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Table, type Column } from "../../ui/table";
import { exact } from "../../format";
import { usePages } from "./pages";
import { ChoiceFilter, Detail, FilterRow, Moment, Split, TextFilter, choicesOf, useEvery } from "./shared";
import type { LogLine } from "./types";
import "./govern.css";

const { logs } = governTexts;
const FILTERS = ["level", "text", "logger", "request_id", "subject"];
const PAGE = 100;
const TONES: Record<LogLine["level"], Tone> = { debug: "neutral", info: "neutral", warning: "warn", error: "bad", critical: "bad" };

/** What the registry itself logged. */
export default function Logs() {
  const { query } = usePlace();
  const [follow, setFollow] = useRemembered("logs.follow", false);
  const value = (name: string) => query.get(name) ?? "";
  const wanted = { ...Object.fromEntries(FILTERS.map((name) => [name, query.get(name)])), level: value("level") || "info", limit: PAGE };
  const pages = usePages<{ records: LogLine[]; next_cursor?: string | null }, LogLine>("/logs", wanted, (page) => page.records);
  useEvery(follow ? 3 : null, pages.again);
  const open = pages.items?.find((line) => idOf(line) === query.get("line"));
  const clear = () => navigate(withParams(Object.fromEntries(FILTERS.map((name) => [name, null]))), { replace: true });
  return (
    <Page title={logs.title} below={logs.lead} actions={<Switch label={logs.follow} value={follow} onValue={setFollow} />}>
      <FilterRow any={FILTERS.some((name) => query.has(name))} clear={clear}>
        <ChoiceFilter label={logs.level} name="level" value={value("level") || "info"} choices={choicesOf(logs.levels)} />
        <TextFilter label={logs.text} name="text" value={value("text")} />
        <TextFilter label={logs.logger} name="logger" value={value("logger")} hint={logs.loggerHint} />
        <TextFilter label={logs.request} name="request_id" value={value("request_id")} />
        <TextFilter label={logs.subject} name="subject" value={value("subject")} />
      </FilterRow>
      {!pages.items && (pages.error ? <ErrorState error={pages.error} again={pages.again} /> : <Skeleton lines={8} />)}
      {pages.items?.length === 0 && (
        <EmptyState icon="list" title={logs.none}>
          {logs.noneText}
        </EmptyState>
      )}
      {pages.items && pages.items.length > 0 && (
        <Split
          list={<Table label={logs.label} columns={columnsOf(query.get("line"))} items={pages.items} total={pages.total} keyOf={idOf} onEnd={pages.more} />}
          detail={open ? <Line line={open} /> : null}
        />
      )}
    </Page>
  );
}

function idOf(line: LogLine): string {
  return `${line.time} ${line.logger} ${line.message}`.slice(0, 160);
}

function columnsOf(current: string | null): Column<LogLine>[] {
  const { columns } = logs;
  return [
    { id: "time", label: columns.time, cell: (line) => <Moment at={line.time} />, width: 168 },
    { id: "level", label: columns.level, cell: (line) => <Badge tone={TONES[line.level]}>{logs.levels[line.level]}</Badge>, width: 104 },
    { id: "logger", label: columns.logger, cell: (line) => <code>{line.logger}</code>, width: 220, from: "l" },
    {
      id: "message",
      label: columns.message,
      cell: (line) => (
        <Link to={withParams({ line: idOf(line) })} replace data-item class="row-link" aria-current={idOf(line) === current ? "true" : undefined}>
          {line.message}
        </Link>
      ),
    },
  ];
}

function Line({ line }: { line: LogLine }) {
  const { columns } = logs;
  return (
    <Detail title={columns.message} params={["line"]}>
      <p class="because">{line.message}</p>
      <Facts
        facts={[
          [columns.time, exact(line.time)],
          [columns.level, <Badge tone={TONES[line.level]}>{logs.levels[line.level]}</Badge>],
          [columns.logger, <code>{line.logger}</code>],
          [logs.subject, line.subject],
          [logs.request, line.request_id && <Link to={`/audit?request_id=${encodeURIComponent(line.request_id)}`}>{line.request_id}</Link>],
          [logs.trace, line.trace_id && <code>{line.trace_id}</code>],
          [logs.replica, line.replica],
        ]}
      />
      {line.exception && <CodeBlock title={logs.exception} text={line.exception} />}
    </Detail>
  );
}
