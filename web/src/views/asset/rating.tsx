import { useState } from "preact/hooks";
import { at, send } from "../../api";
import { count } from "../../format";
import { placeOf } from "../../kinds";
import { invalidate } from "../../store";
import { assetTexts } from "../../strings/asset";
import type { Asset } from "../../types";
import { Button } from "../../ui/button";
import { Section } from "../../ui/facts";
import { attempt } from "../../ui/toast";

const texts = assetTexts.rating;
const STARS = [5, 4, 3, 2, 1];

/** How people like it, and one's own stars. */
export function Rating({ asset }: { asset: Asset }) {
  const [busy, setBusy] = useState(false);
  const rating = asset.rating;
  const mine = asset.your_rating ?? 0;
  const place = at(placeOf(asset.kind), asset.path);
  const act = async (stars: number) => {
    setBusy(true);
    const call = () => (stars ? send("PUT", `${place}/rating`, { stars }) : send("DELETE", `${place}/rating`));
    if (await attempt(call, stars ? texts.given(stars) : texts.withdrawn)) invalidate(place);
    setBusy(false);
  };
  return (
    <Section title={texts.title}>
      {rating?.count ? (
        <>
          <p>{texts.of(rating.average.toFixed(1), count(rating.count))}</p>
          <Distribution counts={rating.distribution} total={rating.count} />
        </>
      ) : (
        <p class="quiet">{texts.none}</p>
      )}
      <div class="stars" role="group" aria-label={texts.give}>
        {[...STARS].reverse().map((stars) => (
          <button key={stars} type="button" class={stars <= mine ? "star full" : "star"} aria-pressed={stars === mine} aria-label={texts.stars(stars)} title={texts.stars(stars)} disabled={busy} onClick={() => void act(stars)}>
            <svg width="20" height="20" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
              <path d="m8 1.9 1.85 3.85 4.2.55-3.1 2.9.8 4.2L8 11.35 4.25 13.4l.8-4.2-3.1-2.9 4.2-.55z" />
            </svg>
          </button>
        ))}
        {mine > 0 && (
          <Button look="quiet" small disabled={busy} onClick={() => void act(0)}>
            {texts.withdraw}
          </Button>
        )}
      </div>
    </Section>
  );
}

function Distribution({ counts, total }: { counts: Record<string, number>; total: number }) {
  return (
    <ul class="distribution">
      {STARS.map((stars) => {
        const given = counts[String(stars)] ?? 0;
        return (
          <li key={stars}>
            <span aria-hidden="true">{stars}</span>
            <meter class="meter" min={0} max={total} value={given} aria-label={texts.by(texts.stars(stars), count(given))} />
            <span aria-hidden="true">{count(given)}</span>
          </li>
        );
      })}
    </ul>
  );
}
