import { useState } from "preact/hooks";
import { get, type Query } from "../../api";
import { count } from "../../format";
import { Icon } from "../../icons";
import { governTexts } from "../../strings/govern";
import type { JsonObject } from "../../types";
import { Menu } from "../../ui/menu";
import { toast, told } from "../../ui/toast";
import { csv, download, jsonLines } from "./export";

const { audit } = governTexts;
const MOST = 100_000;
const PAGE = 1_000;
const COLUMNS =
  "stream seq time subject client action kind asset tool decision outcome reason latency_ms scopes data_classification target via request_id parameters id hash previous".split(" ");

interface Records {
  records: JsonObject[];
  next_cursor: string;
  more: boolean;
}

/** The records that fit the filters, oldest first, as a file. */
export function Export({ wanted }: { wanted: Query }) {
  const [read, setRead] = useState<number | null>(null);
  const take = async (form: "jsonl" | "csv") => {
    setRead(0);
    try {
      const records = await all(wanted, setRead);
      const name = `audit-${new Date().toISOString().slice(0, 10)}.${form}`;
      if (form === "csv") download(name, "text/csv", csv(records, COLUMNS));
      else download(name, "application/jsonl", jsonLines(records));
      toast(records.length >= MOST ? audit.exportCut(count(records.length)) : audit.exported(count(records.length)));
    } catch (error) {
      toast(told(error), { bad: true });
    }
    setRead(null);
  };
  const button = (
    <span class="button plain" aria-busy={read !== null || undefined}>
      <Icon name="import" />
      {read === null ? audit.exportTitle : audit.exporting(count(read))}
    </span>
  );
  const choice = (form: "jsonl" | "csv", label: string, close: () => void) => (
    <button
      type="button"
      class="menu-item"
      disabled={read !== null}
      onClick={() => {
        close();
        void take(form);
      }}
    >
      {label}
    </button>
  );
  return (
    <Menu label={audit.exportTitle} button={button}>
      {(close) => (
        <div class="menu-part">
          {choice("jsonl", audit.exportJson, close)}
          {choice("csv", audit.exportCsv, close)}
        </div>
      )}
    </Menu>
  );
}

async function all(wanted: Query, onRead: (count: number) => void): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: Records = await get<Records>("/audit/records", { query: { ...wanted, limit: PAGE, cursor } });
    found.push(...page.records);
    onRead(found.length);
    if (!page.more || found.length >= MOST) return found;
    cursor = page.next_cursor;
  }
}
