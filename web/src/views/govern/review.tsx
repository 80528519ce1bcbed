import { useState } from "preact/hooks";
import { viewOf } from "../../kinds";
import { Icon } from "../../icons";
import { Link } from "../../router";
import type { Read } from "../../store";
import { governTexts } from "../../strings/govern";
import type { BrowseAnswer, Card } from "../../types";
import { Risk, Stage } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Time } from "../../ui/facts";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { MoveDialog, nameOf } from "./move";

const { approvals } = governTexts;

/** What owners submitted for review. */
export function Review({ read }: { read: Read<BrowseAnswer> }) {
  const [moving, setMoving] = useState<Card | null>(null);
  if (!read.data) return read.error ? <ErrorState error={read.error} again={read.again} /> : <Skeleton lines={5} />;
  if (!read.data.results.length) {
    return (
      <EmptyState icon="check" title={approvals.nothingSubmitted}>
        {approvals.nothingSubmittedText}
      </EmptyState>
    );
  }
  return (
    <>
      <ul class="rows" role="list">
        {read.data.results.map((card) => (
          <li key={`${card.kind}/${card.path}`} data-decision="">
            <Icon name={card.kind} />
            <span class="row-main">
              <Link to={viewOf(card)} data-item class="row-link">
                {nameOf(card)}
              </Link>
              <span class="quiet">
                {[card.path, card.owner].filter(Boolean).join(" · ")} · <Time at={card.updated_at} />
              </span>
            </span>
            {card.risk && <Risk level={card.risk} />}
            <Stage stage={card.stage} />
            <Button small data-act="approve" aria-label={`${approvals.decide}: ${nameOf(card)}`} onClick={() => setMoving(card)}>
              {approvals.decide}
            </Button>
          </li>
        ))}
      </ul>
      {moving && <MoveDialog card={moving} onClose={() => setMoving(null)} />}
    </>
  );
}
