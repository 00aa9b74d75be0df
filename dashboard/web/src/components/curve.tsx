// The best value so far over time, with the reports it is the best of; as a
// drawing, or as a table of its improvements.

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Metric } from "../api";
import { count, decimalsFor, duration, fixed, grouped, significant, timeSteps } from "../format";
import { go, trialHref } from "../router";
import { valueRange, type Curve, type CurvePoint } from "../history";
import { theme } from "../theme";

type Columns = [x: number[], value: number[], best: number[]];

function columns(points: CurvePoint[], start: number): Columns {
  return [points.map((p) => (p.at - start) / 1000), points.map((p) => p.value), points.map((p) => p.best)];
}

/** The colours of the page as they are now; the canvas inherits nothing. */
function palette(element: Element): (name: string) => string {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name).trim();
}

/** The marks of an axis with as many decimals each as the finest of them needs. */
export function aligned(ticks: number[]): string[] {
  const texts = ticks.map((t) => significant(t));
  if (texts.some((t) => t.includes("e"))) return texts;
  const decimals = Math.max(0, ...texts.map((t) => t.split(".")[1]?.length ?? 0));
  return ticks.map((t) => fixed(t, decimals));
}

function options(element: HTMLElement, range: () => [number, number], onPoint: (index: number | null) => void, onOpen: () => void): uPlot.Options {
  const colour = palette(element);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: colour("--ink-2"), font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [10, 14, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9, width: 2, fill: colour("--surface"), stroke: colour("--accent") } },
    scales: { x: { time: false, range: (_u, min, max) => [Math.min(0, min ?? 0), max > min ? max : min + 1] }, y: { range } },
    axes: [
      { ...axis, grid: { show: false }, size: 32, space: 80, incrs: timeSteps, values: (_u, ticks) => ticks.map((t) => duration(t * 1000).replace(/ 00[smh]$/, "")) },
      { ...axis, size: (_u, ticks) => 18 + 7 * Math.max(1, ...(ticks ?? []).map((t) => t.length)), space: 44, values: (_u, ticks) => aligned(ticks) },
    ],
    series: [
      {},
      { paths: () => null, points: { show: true, size: 5, width: 0, fill: colour("--dot"), stroke: colour("--dot") } },
      { stroke: colour("--accent"), width: 2.5, points: { show: false }, paths: uPlot.paths.stepped?.({ align: 1 }) as uPlot.Series.PathBuilder },
    ],
    hooks: { setCursor: [(u) => onPoint(u.cursor.idx ?? null)], ready: [(u) => u.over.addEventListener("click", onOpen)] },
  };
}

interface PlotProps {
  points: CurvePoint[];
  size: number; // of points: an array that grows, and is another one when it was thinned
  start: number; // milliseconds
  metric: Metric;
  onPoint: (point: CurvePoint | null) => void;
  onOpen: (trial: number) => void;
}

function Plot({ points, size, start, metric, onPoint, onOpen }: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const state = useRef({ points, metric, onPoint, onOpen });
  state.current = { points, metric, onPoint, onOpen };
  const colours = theme.value;

  useLayoutEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const now = state.current;
    const range = (): [number, number] => valueRange(state.current.points, state.current.metric.goal);
    const onIndex = (i: number | null): void => state.current.onPoint(i === null ? null : (state.current.points[i] ?? null));
    const open = (): void => {
      const point = state.current.points[u.cursor.idx ?? -1];
      if (point !== undefined) state.current.onOpen(point.trial);
    };
    const u: uPlot = new uPlot(options(element, range, onIndex, open), columns(now.points, start), element);
    plot.current = u;
    const observer = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [colours, start]);

  useEffect(() => plot.current?.setData(columns(points, start)), [points, size, start]);

  return <div class="plot" ref={holder} aria-hidden="true" />;
}

function Improvements({ id, curve, start, metric }: { id: string; curve: Curve; start: number; metric: Metric }) {
  const steps = curve.improvements();
  const decimals = decimalsFor(steps.map((p) => p.value));
  return (
    <div class="scroll improvements" tabIndex={0} role="region" aria-label="Improvements">
      <table class="grid">
        <caption class="hidden">Each improvement of {metric.name}, oldest first</caption>
        <thead>
          <tr>
            <th scope="col" class="num">After</th>
            <th scope="col" class="num">Trial</th>
            <th scope="col" class="num">Rung</th>
            <th scope="col" class="num">Step</th>
            <th scope="col" class="num">{metric.name}</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((p) => (
            <tr key={`${p.trial}/${p.rung}`}>
              <td class="num">{duration(p.at - start)}</td>
              <td class="num"><a href={trialHref(id, p.trial)}>{p.trial}</a></td>
              <td class="num">{p.rung}</td>
              <td class="num">{p.step}</td>
              <td class="num">{fixed(p.value, decimals)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Readout({ point, start, curve, metric }: { point: CurvePoint | null; start: number; curve: Curve; metric: Metric }) {
  if (point === null) {
    const [low, high] = valueRange(curve.points, metric.goal);
    const beyond = curve.points.filter((p) => p.value < low || p.value > high).length;
    return (
      <p class="readout muted">
        {curve.partial ? `${grouped(curve.points.length)} points, thinned` : count(curve.total, "report")}
        {beyond > 0 && `, ${beyond} beyond the scale`}
      </p>
    );
  }
  return (
    <p class="readout">
      {duration(point.at - start)} · trial {point.trial}, rung {point.rung}, step {point.step}: {significant(point.value, 5)}{" "}
      <span class="muted">best {significant(point.best, 5)}</span>
    </p>
  );
}

interface CurveProps {
  id: string; // of the sweep
  curve: Curve | null;
  drawn: ReadonlySignal<number>;
  metric: Metric;
  started: string | undefined;
}

export function CurveCard({ id, curve, drawn, metric, started }: CurveProps) {
  const [asTable, setAsTable] = useState(false);
  const [point, setPoint] = useState<CurvePoint | null>(null);
  void drawn.value; // draw again when the curve has grown
  const points = curve?.points ?? [];
  const start = started === undefined ? (points[0]?.at ?? 0) : Date.parse(started);
  return (
    <section class="card curve" aria-labelledby="curve-title">
      <div class="card-head">
        <h2 id="curve-title">
          Best {metric.name} so far <span class="muted">{metric.goal === "maximize" ? "higher is better" : "lower is better"}</span>
        </h2>
        <div class="segments" role="group" aria-label="Show the curve as">
          <button type="button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>
            Chart
          </button>
          <button type="button" aria-pressed={asTable} onClick={() => setAsTable(true)}>
            Table
          </button>
        </div>
      </div>
      <div class="curve-body">
        {curve === null || points.length === 0 ? (
          <p class="muted centre">The curve begins with the first report.</p>
        ) : asTable ? (
          <Improvements id={id} curve={curve} start={start} metric={metric} />
        ) : (
          <>
            <Plot points={points} size={curve.total} start={start} metric={metric} onPoint={setPoint} onOpen={(n) => go(trialHref(id, n))} />
            <Readout point={point} start={start} curve={curve} metric={metric} />
          </>
        )}
      </div>
    </section>
  );
}
