/** Bars and lines over time, as pictures of numbers that stand in a table as well. */

export interface Bar {
  name: string;
  value: number;
  /** The part of it that is bad. */
  bad?: number;
}

const [WIDTH, HEIGHT, LOW] = [480, 168, 20];

/** One bar for each period. `label` says what it shows to whoever does not see it, `named` what stands below its ends. */
export function Bars({ bars, label, named }: { bars: Bar[]; label: string; named: (name: string) => string }) {
  const most = Math.max(...bars.map((each) => each.value), 1);
  const step = WIDTH / Math.max(bars.length, 1);
  const high = (value: number) => (value / most) * (HEIGHT - LOW - 12);
  const width = Math.max(Math.min(step - 2, 28), 1);
  return (
    <svg class="plot" role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
      <Frame most={most.toLocaleString("en")} from={named(bars[0]?.name ?? "")} to={named(bars.at(-1)?.name ?? "")} />
      {bars.map((each, index) => {
        const x = index * step + (step - width) / 2;
        const base = HEIGHT - LOW;
        const bad = each.bad ?? 0;
        return (
          <g key={each.name}>
            <title>{`${named(each.name)}: ${each.value.toLocaleString("en")}`}</title>
            <rect class="plot-bar" x={x} y={base - high(each.value)} width={width} height={high(each.value - bad)} />
            {bad > 0 && <rect class="plot-bad" x={x} y={base - high(bad)} width={width} height={high(bad)} />}
          </g>
        );
      })}
    </svg>
  );
}

export interface Curve {
  name: string;
  /** Null is a gap. */
  values: (number | null)[];
}

/** Lines over the same periods, the first one strong. */
export function Curves({ curves, names, label, named, unit }: { curves: Curve[]; names: string[]; label: string; named: (name: string) => string; unit: (value: number) => string }) {
  const most = Math.max(...curves.flatMap((each) => each.values.map((value) => value ?? 0)), 1);
  const step = names.length > 1 ? WIDTH / names.length : WIDTH;
  const spot = (value: number, index: number) => `${(index * step + step / 2).toFixed(1)},${(HEIGHT - LOW - (value / most) * (HEIGHT - LOW - 12)).toFixed(1)}`;
  return (
    <svg class="plot" role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
      <Frame most={unit(most)} from={named(names[0] ?? "")} to={named(names.at(-1) ?? "")} />
      {curves.map((curve, place) => {
        const points = curve.values.flatMap((value, index) => (value === null ? [] : [spot(value, index)]));
        return (
          <g key={curve.name} class={place ? "plot-faint" : "plot-line"}>
            <polyline points={points.join(" ")} />
            {points.map((each) => (
              <circle key={each} cx={each.split(",")[0]} cy={each.split(",")[1]} r="2.5" />
            ))}
          </g>
        );
      })}
    </svg>
  );
}

function Frame({ most, from, to }: { most: string; from: string; to: string }) {
  return (
    <g class="plot-frame" aria-hidden="true">
      <line x1="0" x2={WIDTH} y1={HEIGHT - LOW + 0.5} y2={HEIGHT - LOW + 0.5} />
      <line x1="0" x2={WIDTH} y1="12.5" y2="12.5" stroke-dasharray="2 4" />
      <text x="0" y="9">
        {most}
      </text>
      <text x="0" y={HEIGHT - 4}>
        {from}
      </text>
      <text x={WIDTH} y={HEIGHT - 4} text-anchor="end">
        {to}
      </text>
    </g>
  );
}
