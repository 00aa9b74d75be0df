// Which parameters matter, and how the value depends on them.

import { useState } from "preact/hooks";
import { getImportance, type ViewAxis, type ViewGrid } from "../api";
import { axisStyle, Chart, type Palette } from "../components/chart";
import { Trouble } from "../components/problem";
import { count, grouped, significant } from "../format";
import { useResource, useView } from "../resource";
import { query, setQuery, trialHref } from "../router";
import { where } from "../selection";
import { better } from "../sweep";
import type { ViewProps } from ".";

/** The parameters of a sweep that vary. */
export const varying = (sweep: ViewProps["sweep"]): string[] =>
  Object.entries(sweep.spec.parameters).filter(([, p]) => p.distribution !== "constant").map(([name]) => name);

function Importance({ view, sweep, names, onPick }: ViewProps & { names: string[]; onPick: (name: string) => void }) {
  const resource = useResource(`importance ${sweep.id}`, (signal) => getImportance(sweep.id, signal), view.changed);
  const data = resource.data.value;
  const params = (data?.params ?? []).slice(0, 20);
  const known = params.some((p) => p.value > 0);
  return (
    <>
      <Trouble problem={resource.problem.value} />
      <Chart
        title="Importance"
        note={data === null ? "" : `from ${count(data.trials, "trial")}`}
        label={`Share of each parameter in what decides ${sweep.spec.metric.name}.`}
        height={Math.max(160, 34 * Math.max(params.length, Math.min(names.length, 20)) + 40)}
        revision={data}
        walk={{ series: 0, count: params.length }}
        empty={data !== null && !known ? "Too few trials have ended to tell which parameters matter." : undefined}
        onReady={(chart) => chart.on("click", (event) => { const name = params[event.dataIndex]?.name; if (name !== undefined) onPick(name); })}
        option={(p) => ({
          grid: { left: 8, right: 52, top: 6, bottom: 6, containLabel: true },
          xAxis: { type: "value", show: false, max: "dataMax" },
          yAxis: { ...axisStyle(p), type: "category", inverse: true, data: params.map((q) => q.name), axisLine: { show: false }, axisLabel: { color: p.ink, fontSize: 13, width: 150, overflow: "truncate" } },
          tooltip: { trigger: "item", formatter: ({ dataIndex }: { dataIndex: number }) => `${params[dataIndex]?.name}: ${significant((params[dataIndex]?.value ?? 0) * 100, 3)} %` },
          series: [{
            type: "bar", barWidth: 14, itemStyle: { color: p.accent, borderRadius: [0, 4, 4, 0] },
            label: { show: true, position: "right", color: p.ink2, formatter: ({ value }: { value: number }) => `${significant(value * 100, 2)} %` },
            data: params.map((q) => q.value),
          }],
        })}
        table={() => ({ columns: [{ name: "Parameter" }, { name: "Share", num: true }], rows: params.map((q) => ({ cells: [q.name, `${significant(q.value * 100, 3)} %`] })) })}
      />
    </>
  );
}

/** An axis of a chart for a parameter. */
function axisOf(axis: ViewAxis, p: Palette, up: boolean): object {
  const common = axisStyle(p);
  const name = axis.name.replace(/^@metric\./, "");
  const place = up ? { name, nameTextStyle: { align: "left", color: p.ink2 } } : { name, nameLocation: "middle", nameGap: 28 };
  if (axis.levels !== undefined && axis.levels.length > 0) return { ...common, ...place, type: "category", data: axis.levels, splitLine: { show: false } };
  const label = { color: p.ink2, formatter: (x: number) => significant(x, 3), hideOverlap: true };
  return axis.log === true
    ? { ...common, ...place, type: "log", min: axis.low, max: axis.high, axisLabel: label, splitLine: { show: false } }
    : { ...common, ...place, type: "value", scale: true, min: axis.low, max: axis.high, axisLabel: label, splitLine: { show: false } };
}

const middle = (edges: number[], i: number, log: boolean | undefined): number => {
  const [a, b] = [edges[i] ?? 0, edges[i + 1] ?? 0];
  return log === true && a > 0 ? Math.sqrt(a * b) : (a + b) / 2;
};

const cellName = (axis: ViewAxis, edges: number[], i: number): string =>
  axis.levels?.[i] ?? `${significant(edges[i] ?? 0, 3)} to ${significant(edges[i + 1] ?? 0, 3)}`;

function cells(grid: ViewGrid, measure: (i: number) => number): [number, number, number][] {
  return grid.trials.map((_, i) => [grid.column[i] ?? 0, grid.row[i] ?? 0, measure(i)]);
}

/** What a heat map of a grid shares: cells as categories, a ramp, a scale beside it. */
function heat(grid: ViewGrid, x: ViewAxis, y: ViewAxis, p: Palette, data: [number, number, number][], ramp: string[], text: (v: number) => string): object {
  const category = (axis: ViewAxis, edges: number[], up: boolean): object => ({
    ...axisStyle(p),
    type: "category",
    data: edges.slice(0, -1).map((_, i) => axis.levels?.[i] ?? significant(middle(edges, i, axis.log), 2)),
    name: axis.name.replace(/^@metric\./, ""),
    ...(up ? { nameTextStyle: { align: "left", color: p.ink2 } } : { nameLocation: "middle", nameGap: 28 }),
    splitLine: { show: false },
    axisLabel: { color: p.ink2, fontSize: 12, interval: axis.levels === undefined ? Math.ceil((edges.length - 1) / 8) - 1 : "auto" },
  });
  const values = data.map((d) => d[2]).sort((a, b) => a - b);
  return {
    grid: { left: 64, right: 78, top: 30, bottom: 48 },
    xAxis: category(x, grid.x, false),
    yAxis: category(y, grid.y, true),
    visualMap: {
      type: "continuous", min: values[Math.floor(values.length * 0.05)] ?? 0, max: values[Math.floor((values.length - 1) * 0.95)] ?? 1, calculable: false, orient: "vertical", right: 4, top: "middle",
      inRange: { color: ramp }, itemWidth: 10, itemHeight: 140, textStyle: { color: p.ink2, fontSize: 11 }, formatter: text, text: ["", ""], precision: 4,
    },
    series: [{ type: "heatmap", progressive: 0, data, emphasis: { itemStyle: { borderColor: p.ink, borderWidth: 1.5 } } }],
  };
}

function Slice({ view, sweep, axis, names, onPick }: ViewProps & { axis: string; names: string[]; onPick: (name: string) => void }) {
  const resource = useView(view, "slice", { axis, where: where.value });
  const data = resource.data.value;
  const { name, goal } = sweep.spec.metric;
  const grid = data?.grid;
  const points = data?.x.length ?? 0;
  const sorted = [...(data?.values ?? [])].sort((a, b) => (better(goal, a, b) ? -1 : 1));
  const [good, bad] = [sorted[0] ?? 0, sorted[Math.floor((sorted.length - 1) * 0.93)] ?? 1];
  const pad = Math.abs(good - bad) * 0.06 || 0.5;
  const top = Math.max(1, ...(data?.rungs ?? [1]));
  return (
    <>
      <Trouble problem={resource.problem.value} />
      <Chart
        title="Slice"
        note={data === null ? "" : grid === undefined ? `${name} over ${data.axis.name}, ${count(data.total, "trial")}` : `${count(data.total, "trial")} counted in cells`}
        label={`${name} over ${axis}, ${count(data?.total ?? 0, "trial")}.`}
        height={360}
        revision={data}
        walk={{ series: 0, count: grid === undefined ? points : grid.trials.length }}
        hrefOf={(_, i) => { const t = grid === undefined ? data?.trials[i] : grid.winner[i]; return t === undefined ? null : trialHref(sweep.id, t); }}
        controls={<label class="inline">Parameter <select value={axis} onChange={(e) => onPick(e.currentTarget.value)}>{names.map((n) => <option key={n}>{n}</option>)}</select></label>}
        empty={data !== null && data.total === 0 ? "No trial of the selection has a value and this parameter yet." : undefined}
        option={(p) => {
          if (data === null) return {};
          if (grid !== undefined) {
            return {
              ...heat(grid, data.axis, { name, low: 0, high: 0 }, p, cells(grid, (i) => grid.trials[i] ?? 0), p.ramp, (v) => grouped(Math.round(v))),
              tooltip: { trigger: "item", formatter: ({ dataIndex: i }: { dataIndex: number }) => `${data.axis.name} ${cellName(data.axis, grid.x, grid.column[i] ?? 0)}\n${name} ${significant(grid.y[grid.row[i] ?? 0] ?? 0)} to ${significant(grid.y[(grid.row[i] ?? 0) + 1] ?? 0)}\n${count(grid.trials[i] ?? 0, "trial")}, best ${significant(grid.best[i] ?? 0, 5)} by ${grid.winner[i]}` },
            };
          }
          const levels = data.axis.levels !== undefined && data.axis.levels.length > 0;
          return {
            grid: { left: 64, right: 20, top: 30, bottom: 48 },
            xAxis: axisOf(data.axis, p, false),
            yAxis: { ...axisStyle(p), type: "value", scale: true, min: Math.min(good, bad) - pad, max: Math.max(good, bad) + pad, axisLabel: { color: p.ink2, formatter: (x: number) => significant(x, 4), showMinLabel: false, showMaxLabel: false }, name, nameTextStyle: { align: "left", color: p.ink2 } },
            tooltip: { trigger: "item", formatter: ({ dataIndex: i }: { dataIndex: number }) => `Trial ${data.trials[i]}\n${data.axis.name} ${data.axis.levels?.[data.x[i] ?? 0] ?? significant(data.x[i] ?? 0)}\n${name} ${significant(data.values[i] ?? 0, 5)}` },
            series: [{
              type: "scatter", progressive: 0, symbolSize: points > 1500 ? 5 : 8,
              data: data.x.map((x, i) => ({ value: [levels ? x : x, data.values[i]], itemStyle: { color: p.ramp[Math.max(1, Math.round((4 * (data.rungs[i] ?? 0)) / top))] ?? p.accent, opacity: 0.75, borderColor: p.surface, borderWidth: 0.5 } })),
            }],
          };
        }}
        table={() => data === null ? { columns: [], rows: [] } : grid === undefined
          ? { columns: [{ name: "Trial", num: true }, { name: data.axis.name, num: true }, { name, num: true }], rows: data.trials.map((t, i) => ({ cells: [String(t), data.axis.levels?.[data.x[i] ?? 0] ?? significant(data.x[i] ?? 0), significant(data.values[i] ?? 0, 5)], href: trialHref(sweep.id, t) })) }
          : { columns: [{ name: data.axis.name }, { name, num: true }, { name: "Trials", num: true }, { name: "Best", num: true }], rows: grid.trials.map((n, i) => ({ cells: [cellName(data.axis, grid.x, grid.column[i] ?? 0), significant(grid.y[grid.row[i] ?? 0] ?? 0), grouped(n), significant(grid.best[i] ?? 0, 5)], href: trialHref(sweep.id, grid.winner[i] ?? 0) })) }}
      />
    </>
  );
}

function Contour({ view, sweep, names }: ViewProps & { names: string[] }) {
  const ask = (key: string, otherwise: string): string => { const v = query.value.get(key); return v !== null && names.includes(v) ? v : otherwise; };
  const x = ask("x", names[0] ?? "");
  const y = ask("y", names.find((n) => n !== x) ?? x);
  const [measure, setMeasure] = useState<"best" | "mean">("best");
  const resource = useView(view, "contour", { x, y, where: where.value });
  const data = resource.data.value;
  const { name, goal } = sweep.spec.metric;
  const pick = (key: string, now: string, label: string) => (
    <label class="inline">{label} <select value={now} onChange={(e) => setQuery({ [key]: e.currentTarget.value })}>{names.map((n) => <option key={n}>{n}</option>)}</select></label>
  );
  const grid = data?.grid;
  return (
    <>
      <Trouble problem={resource.problem.value} />
      <Chart
        title="Contour"
        note={`${measure} ${name} in each cell`}
        label={`${measure} ${name} over ${x} and ${y}.`}
        height={360}
        revision={`${sweep.cursor} ${x} ${y} ${measure} ${where.value} ${data?.total}`}
        walk={{ series: 0, count: grid?.trials.length ?? 0 }}
        hrefOf={(_, i) => (grid?.winner[i] === undefined ? null : trialHref(sweep.id, grid.winner[i]))}
        controls={<>{pick("x", x, "Across")}{pick("y", y, "Up")}<label class="inline">Show <select value={measure} onChange={(e) => setMeasure(e.currentTarget.value as "best" | "mean")}><option>best</option><option>mean</option></select></label></>}
        empty={data !== null && data.total === 0 ? "No trial of the selection has a value and both parameters yet." : undefined}
        option={(p) => data === null || grid === undefined ? {} : {
          ...heat(grid, data.x, data.y, p, cells(grid, (i) => (measure === "best" ? grid.best : grid.mean)[i] ?? 0), goal === "maximize" ? p.ramp : [...p.ramp].reverse(), (v) => significant(v, 3)),
          tooltip: { trigger: "item", formatter: ({ dataIndex: i }: { dataIndex: number }) => `${data.x.name} ${cellName(data.x, grid.x, grid.column[i] ?? 0)}\n${data.y.name} ${cellName(data.y, grid.y, grid.row[i] ?? 0)}\n${count(grid.trials[i] ?? 0, "trial")}, mean ${significant(grid.mean[i] ?? 0, 4)}\nbest ${significant(grid.best[i] ?? 0, 5)} by trial ${grid.winner[i]}` },
        }}
        table={() => data === null || grid === undefined ? { columns: [], rows: [] } : {
          columns: [{ name: data.x.name }, { name: data.y.name }, { name: "Trials", num: true }, { name: "Best", num: true }, { name: "Mean", num: true }],
          rows: grid.trials.map((n, i) => ({ cells: [cellName(data.x, grid.x, grid.column[i] ?? 0), cellName(data.y, grid.y, grid.row[i] ?? 0), grouped(n), significant(grid.best[i] ?? 0, 5), significant(grid.mean[i] ?? 0, 5)], href: trialHref(sweep.id, grid.winner[i] ?? 0) })),
        }}
      />
    </>
  );
}

export default function Parameters(props: ViewProps) {
  const names = varying(props.sweep);
  const asked = query.value.get("axis");
  const axis = asked !== null && names.includes(asked) ? asked : (names[0] ?? "");
  const onPick = (name: string): void => setQuery({ axis: name });
  if (names.length === 0) return <section class="card centre muted none">This sweep has no parameter that varies.</section>;
  return (
    <>
      <div class="views-2">
        <Importance {...props} names={names} onPick={onPick} />
        <Slice {...props} axis={axis} names={names} onPick={onPick} />
      </div>
      {names.length > 1 && <Contour {...props} names={names} />}
    </>
  );
}
