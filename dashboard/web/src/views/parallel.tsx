// Parallel coordinates: a line for each trial across its parameters to its
// value. Dragging along an axis selects; what is selected filters every view.
// The lines are drawn on a canvas, worst first; axes and brushes are elements,
// so that they can be reached with the keyboard and read.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ViewAxis, ViewParallel } from "../api";
import { Trouble } from "../components/problem";
import { count, grouped, significant } from "../format";
import { useView } from "../resource";
import { go, trialHref } from "../router";
import { select, selection, where, type Clause } from "../selection";
import { better } from "../sweep";
import { theme } from "../theme";
import type { ViewProps } from ".";

const height = 380; // pixels of the axes
const headroom = 46;
const footroom = 18;

export interface Scale {
  axis: ViewAxis;
  clause: string; // its name in a selection
  at(value: number): number; // from 0, the low end, to 1
  back(place: number): number;
}

/** The scale of an axis: levels are spread evenly, half a step from the ends. */
export function scaleOf(axis: ViewAxis, clause = axis.name): Scale {
  const n = axis.levels?.length ?? 0;
  if (n > 0) return { axis, clause, at: (v) => (v + 0.5) / n, back: (p) => p * n - 0.5 };
  const f = axis.log === true ? Math.log : (x: number): number => x;
  const g = axis.log === true ? Math.exp : (x: number): number => x;
  const low = f(axis.low);
  const high = f(axis.high);
  const span = high > low ? high - low : 1;
  return { axis, clause, at: (v) => (high > low ? (f(v) - low) / span : 0.5), back: (p) => g(low + p * span) };
}

/** The clause that a brush between two places on a scale makes; null if it holds nothing. */
export function clauseOf(scale: Scale, from: number, to: number): Clause | null {
  const [a, b] = [Math.min(from, to), Math.max(from, to)];
  const { levels } = scale.axis;
  if (levels !== undefined && levels.length > 0) {
    const places = levels.map((_, i) => i).filter((i) => scale.at(i) >= a && scale.at(i) <= b);
    return places.length === 0 || places.length === levels.length ? null : { name: scale.clause, places };
  }
  if (a <= 0 && b >= 1) return null;
  const round = (x: number): number => Number(x.toPrecision(4));
  return { name: scale.clause, low: a <= 0 ? null : round(scale.back(a)), high: b >= 1 ? null : round(scale.back(b)) };
}

/** Where a clause lies on a scale, from 0 to 1. */
export function extentOf(scale: Scale, clause: Clause): [number, number] {
  const clamp = (x: number): number => Math.min(1, Math.max(0, x));
  if ("places" in clause) {
    const half = 0.5 / Math.max(1, scale.axis.levels?.length ?? 1);
    const places = clause.places.map((p) => scale.at(p));
    return [clamp(Math.min(...places) - half), clamp(Math.max(...places) + half)];
  }
  return [clause.low === null ? 0 : clamp(scale.at(clause.low)), clause.high === null ? 1 : clamp(scale.at(clause.high))];
}

interface DrawArgs {
  data: ViewParallel;
  scales: Scale[];
  order: number[]; // of the trials, the best first
  xs: number[];
}

/** Empties a canvas and returns what draws the line of a trial on it. */
function lines(canvas: HTMLCanvasElement, { data, scales, xs }: DrawArgs): [CanvasRenderingContext2D, (trial: number) => void] | null {
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const ratio = devicePixelRatio || 1;
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(w * ratio);
  canvas.height = Math.round(h * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, w, h);
  context.lineJoin = "round";
  const columns = [...data.columns, data.values];
  let lastY = 0;
  const line = (trial: number): void => {
    context.beginPath();
    let open = false;
    columns.forEach((column, k) => {
      const v = column[trial];
      const scale = scales[k];
      if (v === null || v === undefined || scale === undefined) {
        open = false; // it has no part in this trial
        return;
      }
      const x = xs[k] ?? 0;
      const y = headroom + (1 - scale.at(v)) * height;
      if (open) {
        const before = xs[k - 1] ?? x;
        const bend = (x - before) * 0.4;
        const from = lastY;
        context.bezierCurveTo(before + bend, from, x - bend, y, x, y);
      } else context.moveTo(x, y);
      lastY = y;
      open = true;
    });
    context.stroke();
  };
  return [context, line];
}

/** Draws the lines of all trials, the worst first. */
function drawAll(canvas: HTMLCanvasElement, args: DrawArgs): void {
  const [context, line] = lines(canvas, args) ?? [];
  if (context === undefined || line === undefined) return;
  const style = getComputedStyle(canvas);
  const ramp = [1, 2, 3, 4, 5].map((i) => style.getPropertyValue(`--ramp-${i}`).trim());
  const { order } = args;
  const n = order.length;
  for (let rank = n - 1; rank >= 0; rank--) {
    const share = n > 1 ? 1 - rank / (n - 1) : 1;
    context.strokeStyle = ramp[Math.min(4, Math.floor(share * 5))] ?? "";
    context.globalAlpha = rank === 0 ? 1 : Math.min(0.85, Math.max(0.12, 90 / n) + 0.5 * Math.max(0, share - 0.8) * 2);
    context.lineWidth = rank === 0 ? 2.5 : share > 0.95 ? 1.6 : 1;
    line(order[rank] ?? 0);
  }
}

/** Draws the line that the reader points at, on a canvas of its own: the others stay as they are. */
function drawLit(canvas: HTMLCanvasElement, args: DrawArgs, lit: number | null): void {
  const [context, line] = lines(canvas, args) ?? [];
  if (context === undefined || line === undefined || lit === null) return;
  context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--series-2").trim();
  context.lineWidth = 3;
  line(lit);
}

function Axis({ scale, x, first }: { scale: Scale; x: number; first: boolean }) {
  const { axis } = scale;
  const clause = selection.value.find((c) => c.name === scale.clause);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const extent = drag ?? (clause === undefined ? null : extentOf(scale, clause));
  const place = (event: PointerEvent): number => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return Math.min(1, Math.max(0, 1 - (event.clientY - box.top) / box.height));
  };
  const finish = (to: [number, number]): void => {
    setDrag(null);
    if (Math.abs(to[0] - to[1]) < 0.01) select(scale.clause, null); // a click lets go
    else select(scale.clause, clauseOf(scale, to[0], to[1]));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const now = extent ?? [0, 1];
    const [low, high] = [Math.min(...now), Math.max(...now)];
    const d = event.key === "ArrowUp" ? 0.05 : event.key === "ArrowDown" ? -0.05 : 0;
    if (event.key === "Escape") select(scale.clause, null);
    if (d === 0) return;
    event.preventDefault();
    const next: [number, number] = event.shiftKey ? [low, Math.min(1, Math.max(low + 0.05, high + d))] : [Math.max(0, Math.min(high - 0.05, low + d)), high];
    select(scale.clause, clauseOf(scale, next[0], next[1]));
  };
  const levels = axis.levels ?? [];
  const label = axis.name.replace(/^@metric\./, "");
  const said = clause === undefined ? "all" : "places" in clause ? clause.places.map((p) => levels[p] ?? p).join(", ") : `${clause.low ?? "lowest"} to ${clause.high ?? "highest"}`;
  return (
    <div class="axis" style={{ left: `${x}px` }}>
      <span class={`axis-name${first ? " first" : ""}`} title={label}>{label}</span>
      {levels.length === 0 && <span class="axis-end high">{significant(axis.high, 3)}</span>}
      <div
        class="axis-line"
        role="slider"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={`Selection on ${label}. Up and down move its lower end, with shift its upper end, Escape clears it.`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * (extent?.[0] ?? 0))}
        aria-valuetext={said}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const p = place(event);
          setDrag([p, p]);
        }}
        onPointerMove={(event) => drag !== null && setDrag([drag[0], place(event)])}
        onPointerUp={(event) => drag !== null && finish([drag[0], place(event)])}
        onPointerCancel={() => setDrag(null)}
      >
        {extent !== null && (
          <span class="brush" style={{ bottom: `${100 * Math.min(...extent)}%`, height: `${100 * Math.abs(extent[1] - extent[0])}%` }} />
        )}
      </div>
      {levels.length === 0 && <span class="axis-end low">{significant(axis.low, 3)}</span>}
      {levels.length <= 14 && levels.map((level, i) => (
        <span key={i} class="axis-level" style={{ top: `${headroom + (1 - scale.at(i)) * height}px` }} title={level}>{level}</span>
      ))}
    </div>
  );
}

/** The trial whose line is nearest to a point, or null if none is near. */
function nearest({ data, scales, xs }: Omit<DrawArgs, "order">, x: number, y: number): number | null {
  const columns = [...data.columns, data.values];
  let k = 0;
  while (k < xs.length - 2 && (xs[k + 1] ?? 0) < x) k++;
  const [x0, x1] = [xs[k] ?? 0, xs[k + 1] ?? 1];
  const t = Math.min(1, Math.max(0, (x - x0) / (x1 - x0)));
  const ease = t * t * (3 - 2 * t); // near enough to the curve
  let found: number | null = null;
  let distance = 9;
  for (let i = 0; i < data.trials.length; i++) {
    const [a, b] = [columns[k]?.[i], columns[k + 1]?.[i]];
    if (a == null || b == null) continue;
    const ya = headroom + (1 - (scales[k]?.at(a) ?? 0)) * height;
    const yb = headroom + (1 - (scales[k + 1]?.at(b) ?? 0)) * height;
    const d = Math.abs(ya + (yb - ya) * ease - y);
    if (d < distance) [found, distance] = [i, d];
  }
  return found;
}

function Plot({ data, sweep }: { data: ViewParallel; sweep: ViewProps["sweep"] }) {
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [lit, setLit] = useState<number | null>(null);
  const colours = theme.value;
  const { metric } = sweep.spec;
  const { scales, order } = useMemo(() => {
    const values = data.values.map((v) => v ?? NaN);
    const order = values.map((_, i) => i).sort((a, b) => (better(metric.goal, values[a] ?? 0, values[b] ?? 0) ? -1 : 1));
    // The value's axis shows the good nine tenths; others are pressed to its end.
    const sorted = order.map((i) => values[i] ?? 0);
    const [good, bad] = [sorted[0] ?? 0, sorted[Math.floor((sorted.length - 1) * 0.95)] ?? 1];
    const value: Scale = scaleOf({ name: metric.name, low: Math.min(good, bad), high: Math.max(good, bad) }, "@value");
    const at = value.at;
    value.at = (v) => Math.min(1, Math.max(0, at(v)));
    return { scales: [...data.axes.map((a) => scaleOf(a)), value], order };
  }, [data, metric.name, metric.goal]);
  useLayoutEffect(() => {
    const element = holder.current;
    if (element === null) return;
    setWidth(Math.max(element.clientWidth, 110 * scales.length));
    const observer = new ResizeObserver(() => setWidth(Math.max(element.clientWidth, 110 * scales.length)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [scales.length]);
  const left = 34;
  const right = 70;
  const xs = scales.map((_, k) => left + (k * (width - left - right)) / Math.max(1, scales.length - 1));
  useEffect(() => {
    if (canvas.current !== null && width > 0) drawAll(canvas.current, { data, scales, order, xs });
  }, [data, scales, order, width, colours]);
  useEffect(() => {
    if (over.current !== null && width > 0) drawLit(over.current, { data, scales, order, xs }, lit);
  }, [data, scales, order, width, lit, colours]);
  const trial = lit === null ? undefined : data.trials[lit];
  return (
    <>
      <div class="scroll parallel" ref={holder} tabIndex={0} role="region" aria-label="Parallel coordinates">
        <div
          class="parallel-plot"
          style={{ width: `${width}px`, height: `${headroom + height + footroom}px` }}
          onMouseMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            setLit(nearest({ data, scales, xs }, event.clientX - box.left, event.clientY - box.top));
          }}
          onMouseLeave={() => setLit(null)}
          onClick={(event) => {
            if (trial !== undefined && !(event.target as Element).closest(".axis-line")) go(trialHref(sweep.id, trial));
          }}
          data-lit={trial !== undefined}
        >
          <canvas ref={canvas} aria-hidden="true" />
          <canvas ref={over} aria-hidden="true" />
          {scales.map((scale, k) => <Axis key={scale.clause} scale={scale} x={xs[k] ?? 0} first={k === 0} />)}
        </div>
      </div>
      <p class="readout" aria-live="off">
        {lit === null || trial === undefined ? (
          <span class="muted">Drag along an axis to select trials; click on a line to open its trial.</span>
        ) : (
          <>Trial {trial}: {metric.name} {significant(data.values[lit] ?? NaN, 5)} <span class="muted">{data.axes.map((a, k) => { const v = data.columns[k]?.[lit]; return v == null ? "" : `${a.name} ${a.levels?.[v] ?? significant(v, 3)}`; }).filter((s) => s !== "").join(" · ")}</span></>
        )}
      </p>
    </>
  );
}

function Table({ data, sweep }: { data: ViewParallel; sweep: ViewProps["sweep"] }) {
  const { goal, name } = sweep.spec.metric;
  const order = data.trials.map((_, i) => i).sort((a, b) => (better(goal, data.values[a] ?? 0, data.values[b] ?? 0) ? -1 : 1)).slice(0, 300);
  return (
    <div class="scroll chart-table" tabIndex={0} role="region" aria-label="Parallel coordinates as a table">
      <table class="grid">
        <caption class="hidden">Trials of the sample, the best first</caption>
        <thead><tr><th scope="col" class="num">Trial</th><th scope="col" class="num">{name}</th>{data.axes.map((a) => <th key={a.name} scope="col" class="num">{a.name}</th>)}</tr></thead>
        <tbody>
          {order.map((i) => (
            <tr key={data.trials[i]}>
              <td class="num"><a href={trialHref(sweep.id, data.trials[i] ?? 0)}>{data.trials[i]}</a></td>
              <td class="num">{significant(data.values[i] ?? NaN, 5)}</td>
              {data.axes.map((a, k) => { const v = data.columns[k]?.[i]; return <td key={a.name} class="num">{v == null ? "–" : (a.levels?.[v] ?? significant(v))}</td>; })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export default function Parallel({ view, sweep }: ViewProps) {
  const resource = useView(view, "parallel", { where: where.value });
  const [asTable, setAsTable] = useState(false);
  const data = resource.data.value;
  return (
    <section class="card panel" aria-labelledby="parallel-title">
      <div class="card-head">
        <h2 id="parallel-title">
          Parallel coordinates{" "}
          <span class="muted">
            {data === null ? "" : data.trials.length < data.total ? `${grouped(data.trials.length)} of ${count(data.total, "trial")}, the best and the extremes among them` : count(data.total, "trial")}
          </span>
        </h2>
        <div class="segments" role="group" aria-label="Show parallel coordinates as">
          <button type="button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>Chart</button>
          <button type="button" aria-pressed={asTable} onClick={() => setAsTable(true)}>Table</button>
        </div>
      </div>
      <Trouble problem={resource.problem.value} />
      <div class="parallel-body">
        {data === null ? <p class="loading" role="status">Loading…</p>
          : data.trials.length === 0 && selection.value.length === 0 ? <p class="muted centre">No trial has a value yet. Lines appear with the first reports.</p>
          : asTable ? <Table data={data} sweep={sweep} />
          : <Plot data={data} sweep={sweep} />}
        {data !== null && data.trials.length === 0 && selection.value.length > 0 && <p class="muted centre">No trial with a value is in this selection. Let go of a part of it.</p>}
      </div>
    </section>
  );
}
