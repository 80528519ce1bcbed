import type { ComponentChildren } from "preact";
import { strings } from "../strings";
import { words } from "../format";

export type Tone = "neutral" | "good" | "warn" | "bad" | "accent";

export function Badge({ tone = "neutral", children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** How a backend is: a dot and a word, as colour alone says nothing to many. */
export function Health({ health }: { health: string }) {
  const tone: Tone = health === "healthy" ? "good" : health === "unhealthy" ? "bad" : "neutral";
  return (
    <span class={`health ${tone}`}>
      <span class="dot" aria-hidden="true" />
      {strings.health[health as keyof typeof strings.health] ?? words(health)}
    </span>
  );
}

const STAGES: Record<string, Tone> = {
  approved_production: "good",
  monitored: "good",
  approved_dev: "neutral",
  draft: "neutral",
  submitted: "accent",
  security_review: "warn",
  deprecated: "warn",
  retired: "bad",
};

export function Stage({ stage }: { stage: string }) {
  return <Badge tone={STAGES[stage] ?? "neutral"}>{strings.stages[stage as keyof typeof strings.stages] ?? words(stage)}</Badge>;
}

const RISKS: Record<string, Tone> = { low: "good", medium: "neutral", high: "warn", critical: "bad" };

/** A risk level or a severity. */
export function Risk({ level }: { level: string }) {
  return <Badge tone={RISKS[level] ?? "neutral"}>{words(level)}</Badge>;
}
