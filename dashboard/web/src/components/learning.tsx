// Metrics by step, of one trial or of several.

import { useState } from "preact/hooks";
import { axisStyle, Chart } from "./chart";
import { significant } from "../format";
import type { Point } from "../requests";

export interface Line {
  name: string;
  points: Point[];
  href?: string;
}

/** The metrics that any of the lines has, the first one's first. */
export function metricsOf(lines: Line[], first: string): string[] {
  const names = new Set<string>();
  for (const line of lines) for (const point of line.points) for (const name of Object.keys(point.metrics)) names.add(name);
  return [...names].sort((a, b) => Number(b === first) - Number(a === first) || (a < b ? -1 : 1));
}

export function Learning({ lines, metric, title = "Metrics by step", empty }: { lines: Line[]; metric: string; title?: string; empty: string }) {
  const names = metricsOf(lines, metric);
  const [chosen, setChosen] = useState(metric);
  const [log, setLog] = useState(false);
  const name = names.includes(chosen) ? chosen : (names[0] ?? metric);
  const drawn = lines.map((line) => line.points.filter((p) => p.metrics[name] !== undefined).map((p): [number, number] => [p.step, p.metrics[name] as number]));
  const positive = drawn.every((line) => line.every(([, y]) => y > 0));
  const count = drawn.reduce((sum, line) => sum + line.length, 0);
  return (
    <Chart
      title={title}
      label={`${name} by step of ${lines.map((l) => l.name).join(", ")}.`}
      height={340}
      revision={`${name} ${log && positive} ${lines.map((l) => l.name).join()} ${drawn.map((d) => `${d.length}:${d.at(-1)}`).join(";")}`}
      empty={count === 0 ? empty : undefined}
      walk={{ series: 0, count: drawn[0]?.length ?? 0 }}
      controls={
        <>
          {names.length > 1 && (
            <label class="inline">
              Metric{" "}
              <select value={name} onChange={(e) => setChosen(e.currentTarget.value)}>
                {names.map((n) => <option key={n} value={n}>{n}</option>)}
              </select>
            </label>
          )}
          {positive && count > 0 && (
            <label class="inline"><input type="checkbox" checked={log} onChange={(e) => setLog(e.currentTarget.checked)} /> logarithmic</label>
          )}
        </>
      }
      option={(p) => ({
        grid: { left: 64, right: 24, top: 20, bottom: 44 },
        xAxis: { ...axisStyle(p), type: "value", scale: true, name: "step", nameLocation: "middle", nameGap: 28, minInterval: 1 },
        yAxis: { ...axisStyle(p), type: log && positive ? "log" : "value", scale: true },
        tooltip: {
          formatter: ({ seriesIndex, value }: { seriesIndex: number; value: [number, number] }) => `${lines[seriesIndex]?.name ?? ""}\nstep ${value[0]}: ${name} ${significant(value[1], 5)}`,
        },
        series: drawn.map((data, i) => ({
          type: "line",
          data,
          showSymbol: data.length < 60,
          symbolSize: 6,
          lineStyle: { color: p.series[i % p.series.length], width: i === 0 ? 2.5 : 1.8, type: i < p.series.length ? "solid" : "dashed" },
          itemStyle: { color: p.series[i % p.series.length] },
        })),
      })}
      table={() => {
        const steps = [...new Set(drawn.flatMap((line) => line.map(([step]) => step)))].sort((a, b) => a - b);
        const at = drawn.map((line) => new Map(line));
        return {
          columns: [{ name: "Step", num: true }, ...lines.map((l) => ({ name: l.name, num: true }))],
          rows: steps.map((step) => ({ cells: [String(step), ...at.map((m) => significant(m.get(step) ?? NaN, 5).replace("NaN", "–"))] })),
        };
      }}
    />
  );
}

/** Which line is which. */
export function Legend({ lines }: { lines: Line[] }) {
  return (
    <ul class="legend">
      {lines.map((line, i) => (
        <li key={line.name} data-series={(i % 7) + 1}>
          {line.href === undefined ? line.name : <a href={line.href}>{line.name}</a>}
        </li>
      ))}
    </ul>
  );
}
