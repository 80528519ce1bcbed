import { count } from "../../format";
import { Icon } from "../../icons";
import { assetTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { Elsewhere, Facts, Section, Time } from "../../ui/facts";
import type { More, Reason, RepositoryKnown } from "./types";

const texts = assetTexts.quality;
const repo = assetTexts.repository;

/** The grade, and every reason for it. */
export function Quality({ asset }: { asset: Asset }) {
  const quality = asset.quality as { grade: string; score: number; reasons: Reason[] } | undefined;
  if (!quality) return null;
  const aspects = [...new Set(quality.reasons.map((each) => each.aspect))];
  return (
    <Section title={texts.title}>
      <div class="grade">
        <strong class={`grade-letter grade-${quality.grade}`}>{quality.grade}</strong>
        <span class="quiet">{texts.of(String(quality.score))}</span>
      </div>
      <dl class="reasons">
        {aspects.map((aspect) => (
          <Aspect key={aspect} aspect={aspect} reasons={quality.reasons.filter((each) => each.aspect === aspect)} />
        ))}
      </dl>
    </Section>
  );
}

function Aspect({ aspect, reasons }: { aspect: string; reasons: Reason[] }) {
  const sum = (of: "points" | "most") => reasons.reduce((total, each) => total + each[of], 0);
  const [points, most] = [sum("points"), sum("most")];
  return (
    <div>
      <dt>
        {texts.aspects[aspect as keyof typeof texts.aspects] ?? aspect}
        <span class="quiet">{texts.points(String(Math.round(points * 10) / 10), String(most))}</span>
        <meter class="meter" min={0} max={most} value={points} aria-label={texts.points(String(points), String(most))} />
      </dt>
      {reasons.map((each) => (
        <dd key={each.said}>
          {each.said}
          {each.caps && `; ${texts.caps(each.caps)}`}
        </dd>
      ))}
    </div>
  );
}

/** What the host of its source repository says of that. */
export function RepositoryFacts({ asset }: { asset: Asset }) {
  const known = (asset as More).repository;
  const url = known?.url ?? asset.repository_url;
  if (!url) return null;
  return (
    <Section title={repo.title}>
      <p>
        <Elsewhere url={url} />
      </p>
      {known?.gone && <Warning text={repo.gone} />}
      {known?.facts?.archived && <Warning text={repo.archived} />}
      {known?.facts ? <Known known={known} facts={known.facts} /> : <p class="quiet">{known?.error ?? repo.nothing}</p>}
    </Section>
  );
}

function Known({ known, facts }: { known: RepositoryKnown; facts: NonNullable<RepositoryKnown["facts"]> }) {
  const released = facts.last_release_at && <Time at={facts.last_release_at} />;
  return (
    <Facts
      facts={[
        [repo.license, facts.license],
        [repo.language, facts.language],
        [repo.stars, facts.stars !== undefined && count(facts.stars)],
        [repo.forks, facts.forks !== undefined && count(facts.forks)],
        [repo.issues, facts.open_issues !== undefined && count(facts.open_issues)],
        [repo.release, facts.last_release && <>{facts.last_release} {released}</>],
        [repo.commit, facts.last_commit_at && <Time at={facts.last_commit_at} />],
        [repo.checked, known.checked_at && <Time at={known.checked_at} />],
      ].map(([label, value]) => [label as string, value === false ? undefined : value])}
    />
  );
}

function Warning({ text }: { text: string }) {
  return (
    <p class="notice warn">
      <Icon name="warning" />
      {text}
    </p>
  );
}
