// Learning curves of some trials, and how good trials are in all.

import { useState } from "preact/hooks";
import { axisStyle, Chart } from "../components/chart";
import { Trouble } from "../components/problem";
import { count, grouped, significant } from "../format";
import { useView } from "../resource";
import { trialHref } from "../router";
import { where } from "../selection";
import { better } from "../sweep";
import type { ViewProps } from ".";

const picks = { best: "the best", random: "any", latest: "the latest" } as const;
type Pick = keyof typeof picks;

function LearningCurves({ view, sweep }: ViewProps) {
  const [pick, setPick] = useState<Pick>("best");
  const [metric, setMetric] = useState("");
  const resource = useView(view, "curves", { pick, metric, limit: 60, where: where.value });
  const data = resource.data.value;
  const curves = data?.curves ?? [];
  const name = data?.metric ?? sweep.spec.metric.name;
  const best = sweep.best?.number;
  return (
    <>
      <Trouble problem={resource.problem.value} />
      <Chart
        title="Learning curves"
        note={data === null ? "" : `${grouped(curves.length)} of ${count(data.total, "trial")}`}
        label={`${name} by step of ${count(curves.length, "trial")}.`}
        height={420}
        revision={data}
        controls={
          <>
            <label class="inline">Show <select value={pick} onChange={(e) => setPick(e.currentTarget.value as Pick)}>{Object.entries(picks).map(([key, text]) => <option key={key} value={key}>{text}</option>)}</select></label>
            <label class="inline">Metric <select value={name} onChange={(e) => setMetric(e.currentTarget.value)}>{[...new Set([name, ...(data?.metrics ?? [])])].map((m) => <option key={m}>{m}</option>)}</select></label>
          </>
        }
        empty={data !== null && curves.length === 0 ? "No trial of the selection has reported a step of this metric yet." : undefined}
        hrefOf={(s) => (curves[s] === undefined ? null : trialHref(sweep.id, curves[s].trial))}
        option={(p) => ({
          grid: { left: 62, right: 20, top: 24, bottom: 44 },
          xAxis: { ...axisStyle(p), type: "value", min: 0, name: "step", nameLocation: "middle", nameGap: 28, splitLine: { show: false } },
          yAxis: { ...axisStyle(p), type: "value", scale: true, name, nameTextStyle: { align: "left", color: p.ink2 } },
          tooltip: {
            trigger: "item",
            formatter: ({ seriesIndex, value }: { seriesIndex: number; value: [number, number] }) => `Trial ${curves[seriesIndex]?.trial}, step ${value[0]}\n${name} ${significant(value[1], 5)}`,
          },
          series: curves.map((c) => {
            const lead = c.trial === best;
            const out = c.state === "pruned" || c.state === "failed" || c.state === "diverged" || c.state === "cancelled";
            return {
              type: "line",
              triggerLineEvent: true,
              symbol: "circle",
              symbolSize: c.steps.length === 1 ? 6 : 4,
              showSymbol: c.steps.length < 30,
              z: lead ? 5 : 2,
              lineStyle: { width: lead ? 3 : 1.5, opacity: lead ? 1 : out ? 0.28 : 0.55, color: lead ? p.series[1] : p.accent },
              itemStyle: { color: lead ? p.series[1] : p.accent, opacity: lead ? 1 : out ? 0.28 : 0.55 },
              emphasis: { focus: "series", lineStyle: { width: 3, opacity: 1 } },
              data: c.steps.map((step, i) => [step, c.values[i]]),
            };
          }),
        })}
        table={() => ({
          columns: [{ name: "Trial", num: true }, { name: "State" }, { name: "Steps", num: true }, { name: "First", num: true }, { name: "Last", num: true }],
          rows: curves.map((c) => ({
            cells: [String(c.trial), c.state, grouped(c.steps.at(-1) ?? 0), significant(c.values[0] ?? NaN, 5), significant(c.values.at(-1) ?? NaN, 5)],
            href: trialHref(sweep.id, c.trial),
          })),
        })}
      />
    </>
  );
}

function Distribution({ view, sweep }: ViewProps) {
  const resource = useView(view, "distribution", { where: where.value });
  const data = resource.data.value;
  const { name, goal } = sweep.spec.metric;
  const values = data?.values ?? [];
  // The worst tenth stays off the scale, as in the curve of the best.
  const bad = values[Math.floor((values.length - 1) * 0.95)];
  const good = values[0];
  const pad = good === undefined || bad === undefined ? 1 : Math.abs(bad - good) * 0.04 || 0.5;
  return (
    <>
      <Trouble problem={resource.problem.value} />
      <Chart
        title="Distribution"
        note="share of trials that are as good or better"
        label={`Empirical distribution of ${name} over ${count(data?.total ?? 0, "trial")}.`}
        height={300}
        revision={data}
        walk={{ series: 0, count: values.length }}
        hrefOf={(_, i) => (data?.trials[i] === undefined ? null : trialHref(sweep.id, data.trials[i]))}
        empty={data !== null && values.length === 0 ? "No trial of the selection has a value yet." : undefined}
        option={(p) => ({
          grid: { left: 52, right: 20, top: 14, bottom: 44 },
          xAxis: {
            ...axisStyle(p), type: "value", scale: true, name, nameLocation: "middle", nameGap: 28, inverse: better(goal, 1, 0), splitLine: { show: false },
            ...(good !== undefined && bad !== undefined ? { min: Math.min(good, bad) - pad, max: Math.max(good, bad) + pad } : {}),
            axisLabel: { color: p.ink2, formatter: (x: number) => significant(x, 4), hideOverlap: true, showMinLabel: false, showMaxLabel: false },
          },
          yAxis: { ...axisStyle(p), type: "value", min: 0, max: 1, axisLabel: { color: p.ink2, formatter: (x: number) => `${Math.round(x * 100)} %` } },
          tooltip: { trigger: "item", formatter: ({ dataIndex, value }: { dataIndex: number; value: [number, number] }) => `${significant(value[1] * 100, 3)} % reach ${significant(value[0], 5)}\nTrial ${data?.trials[dataIndex] ?? ""}` },
          series: [{ type: "line", step: "end", symbol: "circle", symbolSize: 7, showSymbol: false, triggerLineEvent: true, lineStyle: { color: p.accent, width: 2.5 }, itemStyle: { color: p.accent }, areaStyle: { color: p.accent, opacity: 0.08 }, data: values.map((x, i) => [x, data?.share[i]]) }],
        })}
        table={() => ({
          columns: [{ name, num: true }, { name: "Share", num: true }, { name: "Trial", num: true }],
          rows: values.map((x, i) => ({ cells: [significant(x, 5), `${significant((data?.share[i] ?? 0) * 100, 3)} %`, String(data?.trials[i] ?? "")] })),
        })}
      />
    </>
  );
}

export default function Curves(props: ViewProps) {
  return (
    <div class="views-1">
      <LearningCurves {...props} />
      <Distribution {...props} />
    </div>
  );
}
