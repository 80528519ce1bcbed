import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../../format";
import { governTexts } from "../../strings/govern";
import { ceiling, type Point } from "./figures";

const { usage } = governTexts;
const [HEIGHT, LEFT, BOTTOM] = [200, 44, 24];
/** Room for a word at the axis. */
const WORD = 110;

/** Calls by period, those that failed at the foot of each bar. In words for whoever does not see it, and as a table. */
export function Plot({ points, title }: { points: Point[]; title: string }) {
  const calls = points.reduce((sum, each) => sum + each.calls, 0);
  const failed = points.reduce((sum, each) => sum + each.errors, 0);
  const best = points.reduce<Point | undefined>((a, b) => (a && a.calls >= b.calls ? a : b), undefined);
  const label = usage.plot(title, count(calls), count(failed), count(best?.calls ?? 0), best ? when(best.period) : "");
  return (
    <figure class="figure">
      <figcaption>
        <h2>{title}</h2>
        <span class="legend">
          <span class="key calls" aria-hidden="true" /> {usage.calls}
          <span class="key errors" aria-hidden="true" /> {usage.failed}
        </span>
      </figcaption>
      <Bars points={points} label={label} />
      <details>
        <summary>{usage.table}</summary>
        <AsTable points={points.filter((each) => each.calls)} title={title} />
      </details>
    </figure>
  );
}

function Bars({ points, label }: { points: Point[]; label: string }) {
  const svg = useRef<SVGSVGElement>(null);
  const [width, setWidth] = useState(960);
  useLayoutEffect(() => {
    const element = svg.current;
    if (!element) return;
    const measure = () => setWidth(Math.max(200, element.clientWidth));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  const top = ceiling(Math.max(...points.map((each) => each.calls), 0));
  const inner = HEIGHT - BOTTOM - 8;
  const slot = (width - LEFT) / Math.max(points.length, 1);
  const bar = Math.max(1, slot * 0.72);
  const tall = (value: number) => (value / top) * inner;
  const ticks = points.filter((_, index) => index % Math.ceil(points.length / Math.max(1, Math.floor((width - LEFT) / WORD))) === 0);
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${width} ${HEIGHT}`} ref={svg}>
      {[0, 0.5, 1].map((share) => (
        <g key={share}>
          <line class="grid-line" x1={LEFT} x2={width} y1={8 + inner * (1 - share)} y2={8 + inner * (1 - share)} />
          <text class="axis" x={LEFT - 8} y={12 + inner * (1 - share)} text-anchor="end">
            {count(top * share)}
          </text>
        </g>
      ))}
      {points.map((each, index) => (
        <g key={each.period}>
          <title>{`${when(each.period)}: ${count(each.calls)}, ${usage.failed.toLowerCase()} ${count(each.errors)}`}</title>
          <rect class="bar-calls" x={LEFT + index * slot} width={bar} y={8 + inner - tall(each.calls)} height={tall(each.calls)} />
          <rect class="bar-errors" x={LEFT + index * slot} width={bar} y={8 + inner - tall(each.errors)} height={tall(each.errors)} />
        </g>
      ))}
      {ticks.map((each) => (
        <text key={each.period} class="axis" x={LEFT + points.indexOf(each) * slot} y={HEIGHT - 6}>
          {when(each.period)}
        </text>
      ))}
    </svg>
  );
}

function AsTable({ points, title }: { points: Point[]; title: string }) {
  return (
    <table class="table small" aria-label={title}>
      <thead>
        <tr>
          <th scope="col">{usage.period}</th>
          <th scope="col" class="number">
            {usage.calls}
          </th>
          <th scope="col" class="number">
            {usage.failed}
          </th>
        </tr>
      </thead>
      <tbody>
        {points.map((each) => (
          <tr key={each.period}>
            <td>{when(each.period)}</td>
            <td class="number">{count(each.calls)}</td>
            <td class="number">{count(each.errors)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** A period as people say it; hours are those of whoever looks. */
function when(period: string): string {
  return period.includes("T") ? hour.format(new Date(`${period}:00:00Z`)) : day.format(new Date(`${period}T00:00:00Z`));
}
