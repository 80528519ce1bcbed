import { ApiError } from "../../api";
import { count, plural } from "../../format";
import { unseen } from "../../hidden";
import { Icon } from "../../icons";
import { Link, usePlace, withParams } from "../../router";
import { useLatest } from "../../store";
import { assetTexts } from "../../strings/asset";
import { Copy } from "../../ui/code";
import { EmptyState, ErrorState, Skeleton } from "../../ui/states";
import { Upstream } from "../../ui/upstream";
import type { AssetProps, SkillFile } from "./types";

const texts = assetTexts.files;
const MAIN = "SKILL.md";

/** The files of a skill as texts, whatever they say. */
export default function Files({ asset }: AssetProps) {
  const { query } = usePlace();
  const wanted = query.get("file") ?? MAIN;
  const read = useLatest<SkillFile>(`/skills/${encodeURIComponent(asset.path)}/content`, wanted === MAIN ? {} : { resource: wanted });
  if (!read.data) {
    if (!read.error) return <Skeleton lines={10} />;
    if (!asset.enabled && read.error instanceof ApiError) return <EmptyState icon="skill" title={texts.off} />;
    return <ErrorState error={read.error} again={read.again} />;
  }
  const { resources, pinned, hash } = read.data;
  const known = new Map((pinned?.files ?? []).map((each) => [each.name, each]));
  const names = [MAIN, ...new Set([...resources, ...known.keys()].filter((each) => each !== MAIN))];
  return (
    <>
      <p class="notice">
        <Icon name="info" />
        {texts.advice}
      </p>
      <div class="files">
        <nav aria-label={texts.list}>
          <ul class="file-list">
            {names.map((name) => (
              <li key={name}>
                {resources.includes(name) ? (
                  <Link to={withParams({ file: name === MAIN ? null : name })} aria-current={name === read.data?.resource ? "page" : undefined} data-item>
                    <Upstream text={name} />
                  </Link>
                ) : (
                  <span class="quiet" title={texts.notText}>
                    <Upstream text={name} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        </nav>
        <Text name={read.data.resource} text={read.data.content} />
      </div>
      <p class="quiet">
        {texts.hash}: <code class="hash">{hash}</code>
      </p>
    </>
  );
}

function Text({ name, text }: { name: string; text: string }) {
  const hidden = unseen(text);
  return (
    <div>
      {hidden > 0 && (
        <p class="notice bad" role="status">
          <Icon name="warning" />
          {texts.hidden(plural(hidden, "character"))}
        </p>
      )}
      <figure class="code file-text">
        <figcaption>
          <span>
            <Upstream text={name} /> · {texts.size(count(new TextEncoder().encode(text).length))}
          </span>
          <Copy text={text} />
        </figcaption>
        <pre tabIndex={0} aria-label={texts.text(name)}>
          <Upstream text={text} />
        </pre>
      </figure>
    </div>
  );
}
