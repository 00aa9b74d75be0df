// The trials that no other is better than in every objective.

import { useState } from "preact/hooks";
import { getFront, type Metric, type Trial } from "../api";
import { axisStyle, Chart } from "../components/chart";
import { Trouble } from "../components/problem";
import { count, significant } from "../format";
import { useResource } from "../resource";
import { trialHref } from "../router";
import type { ViewProps } from ".";

const of = (trial: Trial, metric: Metric): number | null => trial.metrics?.[metric.name] ?? null;

export default function Pareto({ view, sweep }: ViewProps) {
  const front = useResource(`front ${sweep.id}`, (signal) => getFront(sweep.id, signal), view.changed);
  const [axes, setAxes] = useState<[number, number]>([0, 1]);
  const data = front.data.value;
  if (data === null) return <><Trouble problem={front.problem.value} /><p class="loading" role="status">Loading…</p></>;
  const { metrics, trials } = data;
  const [x, y] = [metrics[axes[0]], metrics[axes[1]]];
  if (x === undefined || y === undefined) return <p class="card centre muted">This sweep has one objective: its best trial is the front.</p>;
  const shown = trials.filter((t) => of(t, x) !== null && of(t, y) !== null);
  const axis = (which: 0 | 1, label: string) => metrics.length > 2 && (
    <label class="inline">
      {label}{" "}
      <select value={axes[which]} onChange={(e) => setAxes(which === 0 ? [Number(e.currentTarget.value), axes[1]] : [axes[0], Number(e.currentTarget.value)])}>
        {metrics.map((m, i) => <option key={m.name} value={i}>{m.name}</option>)}
      </select>
    </label>
  );
  return (
    <>
      <Trouble problem={front.problem.value} />
      <Chart
        title="Pareto front"
        note={`${count(shown.length, "trial")}${data.hypervolume === undefined ? "" : `, hypervolume ${significant(data.hypervolume)}`}`}
        label={`Pareto front of ${x.name} and ${y.name}, ${count(shown.length, "trial")}.`}
        height={460}
        revision={`${axes} ${sweep.cursor} ${shown.length}`}
        controls={<>{axis(0, "Across")}{axis(1, "Up")}</>}
        empty={shown.length === 0 ? "No trial has a value of both objectives yet. The front begins with the first." : undefined}
        walk={{ series: 0, count: shown.length }}
        hrefOf={(_, i) => (shown[i] === undefined ? null : trialHref(sweep.id, shown[i].number))}
        option={(p) => ({
          grid: { left: 64, right: 24, top: 28, bottom: 48 },
          xAxis: { ...axisStyle(p), type: "value", scale: true, name: `${x.name} ${x.goal === "maximize" ? "→ better" : "← better"}`, nameLocation: "middle", nameGap: 30 },
          yAxis: { ...axisStyle(p), type: "value", scale: true, name: `${y.name} ${y.goal === "maximize" ? "↑ better" : "↓ better"}`, nameTextStyle: { align: "left", color: p.ink2 } },
          tooltip: {
            formatter: ({ dataIndex }: { dataIndex: number }) => {
              const t = shown[dataIndex];
              return t === undefined ? "" : [`Trial ${t.number}`, ...metrics.map((m) => `${m.name} ${significant(of(t, m) ?? NaN, 5)}`)].join("\n");
            },
          },
          series: [
            { type: "scatter", progressive: 0, symbolSize: 11, itemStyle: { color: p.accent, borderColor: p.surface, borderWidth: 1.5 }, data: shown.map((t) => [of(t, x), of(t, y)]) },
            {
              type: "line", step: "end", silent: true, showSymbol: false, lineStyle: { color: p.accent, opacity: 0.35, width: 1.5 },
              data: metrics.length === 2 ? shown.map((t) => [of(t, x), of(t, y)]).sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0)) : [],
            },
          ],
        })}
        table={{
          columns: [{ name: "Trial", num: true }, ...metrics.map((m) => ({ name: m.name, num: true }))],
          rows: shown.map((t) => ({ cells: [String(t.number), ...metrics.map((m) => significant(of(t, m) ?? NaN, 5))], href: trialHref(sweep.id, t.number) })),
        }}
      />
    </>
  );
}
