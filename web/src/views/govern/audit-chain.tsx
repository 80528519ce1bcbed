import { useState } from "preact/hooks";
import { get } from "../../api";
import { count } from "../../format";
import { Icon } from "../../icons";
import { useRead } from "../../store";
import { governTexts } from "../../strings/govern";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { attempt } from "../../ui/toast";
import type { Verified } from "./types";

const { audit } = governTexts;

interface Heads {
  public_key: string;
  heads: { stream: string; seq: number; last?: string | null }[];
}

/** How far the trail is signed, and whether it is whole: which is found out by reading all of it. */
export function Chain() {
  const read = useRead<Heads>("/audit/heads");
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<Verified | null>(null);
  const verify = async () => {
    setBusy(true);
    setFound((await attempt(() => get<Verified>("/audit/verification"))) ?? null);
    setBusy(false);
  };
  const heads = read.data?.heads ?? [];
  const records = heads.reduce((sum, head) => sum + head.seq, 0);
  const last = heads.map((head) => head.last ?? "").reduce((a, b) => (a > b ? a : b), "");
  const tone = found === null ? "" : found.intact ? " good" : " bad";
  return (
    <div class={`chain${tone}`}>
      <Icon name={found && !found.intact ? "warning" : "shield"} />
      <span role="status">
        {busy ? audit.verifying : found ? <Said found={found} /> : heads.length ? audit.signed(count(records)) : audit.unsigned}
        {!busy && !found && last && (
          <>
            {" "}
            <Time at={last} />
          </>
        )}
      </span>
      <Button small busy={busy} onClick={verify}>
        {audit.verify}
      </Button>
    </div>
  );
}

function Said({ found }: { found: Verified }) {
  if (found.intact) return <>{audit.intact(count(found.records))}</>;
  return (
    <>
      <strong>{audit.broken}</strong>: {found.error}
    </>
  );
}
