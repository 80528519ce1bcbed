import { useKeys } from "../../keys";
import { useMay } from "../../me";
import type { Params } from "../../router";
import { useRead } from "../../store";
import { governTexts } from "../../strings/govern";
import type { BrowseAnswer } from "../../types";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { Calls } from "./calls";
import { Changed } from "./changed";
import { Review } from "./review";
import type { ChangedList, Requests } from "./types";
import "./govern.css";

const { approvals } = governTexts;
export const REVIEW = { stage: ["submitted", "security_review"], include_disabled: true, limit: 100 };

/** What waits for a person, in three parts. */
export default function Approvals({ params }: { params: Params }) {
  const tab = params["tab"] === "changes" || params["tab"] === "review" ? params["tab"] : "calls";
  const calls = useRead<Requests>("/approvals", { status: "pending", limit: 200 });
  const changes = useRead<ChangedList>("/definition-changes", { limit: 200 });
  const review = useRead<BrowseAnswer>("/catalog", REVIEW);
  const mayApprove = useMay("approve");
  useKeys([
    { key: "a", does: approvals.keyApprove, run: () => press("approve") },
    { key: "r", does: approvals.keyRefuse, run: () => press("refuse") },
  ]);
  const tabs = [
    { id: "calls", label: approvals.tabs.calls, count: calls.data?.approvals.length, to: "/approvals" },
    { id: "changes", label: approvals.tabs.changes, count: changes.data?.changes.length, to: "/approvals/changes" },
    { id: "review", label: approvals.tabs.review, count: review.data?.total, to: "/approvals/review" },
  ];
  return (
    <Page title={approvals.title} below={approvals.lead}>
      <Tabs label={approvals.parts} tabs={tabs} current={tab} />
      {tab === "calls" && <Calls pending={calls} mayApprove={mayApprove} />}
      {tab === "changes" && <Changed read={changes} />}
      {tab === "review" && <Review read={review} />}
    </Page>
  );
}

/** Press the button of a decision in what has the focus, or in the first that waits. */
function press(act: "approve" | "refuse"): void {
  const place = document.activeElement?.closest("[data-decision]") ?? document.querySelector("[data-decision]");
  place?.querySelector<HTMLButtonElement>(`[data-act=${act}]`)?.click();
}
