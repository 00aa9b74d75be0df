// A chart of ECharts as all views use it: loaded with the first one, coloured by
// the page's CSS variables, walked through with the arrow keys, and readable as
// a table. Nothing it draws is markup: tooltips are drawn on the canvas too, so
// that names can do no harm and the content security policy holds.

import type { EChartsCoreOption, EChartsType } from "echarts/core";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { go } from "../router";
import { theme } from "../theme";

/** The colours of the page as they are now; the canvas inherits nothing. */
export interface Palette {
  ink: string;
  ink2: string;
  line: string;
  surface: string;
  accent: string;
  bad: string;
  series: string[]; // told apart by every kind of eye
  ramp: string[]; // from worst to best
  font: string;
}

function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: colour("--ink"),
    ink2: colour("--ink-2"),
    line: colour("--line"),
    surface: colour("--surface"),
    accent: colour("--accent"),
    bad: colour("--bad"),
    series: [1, 2, 3, 4, 5, 6, 7].map((i) => colour(`--series-${i}`)),
    ramp: [1, 2, 3, 4, 5].map((i) => colour(`--ramp-${i}`)),
    font: style.fontFamily,
  };
}

/** What every chart has alike; give it to each axis. */
export function axisStyle(p: Palette): object {
  return {
    axisLine: { lineStyle: { color: p.line } },
    axisTick: { show: false },
    axisLabel: { color: p.ink2, fontSize: 12, fontFamily: p.font, hideOverlap: true },
    nameTextStyle: { color: p.ink2, fontSize: 12, fontFamily: p.font },
    splitLine: { lineStyle: { color: p.line } },
  };
}

export interface ChartTable {
  columns: { name: string; num?: boolean }[];
  rows: { cells: string[]; href?: string }[];
}

interface ChartProps {
  title: string;
  note?: ComponentChildren; // beside the title
  label: string; // what a screen reader hears of the drawing
  option: (palette: Palette) => EChartsCoreOption;
  revision: unknown; // the option is made anew when it changes
  height?: number; // pixels
  table?: ChartTable | (() => ChartTable);
  /** The series that arrow keys walk through, and how many points it has. */
  walk?: { series: number; count: number };
  /** Where a point leads. */
  hrefOf?: (series: number, index: number) => string | null;
  /** Called with the chart once it is there, for what the props do not know. */
  onReady?: (chart: EChartsType) => void;
  controls?: ComponentChildren;
  empty?: string | undefined; // instead of the drawing: why there is none, and what to do
  level?: 2 | 3;
}

function Drawing({ option, revision, height = 320, label, walk, hrefOf, onReady }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const latest = useRef({ option, walk, hrefOf, onReady });
  latest.current = { option, walk, hrefOf, onReady };
  const at = useRef(-1);
  const [failed, setFailed] = useState(false);
  const colours = theme.value;

  useLayoutEffect(() => {
    const element = holder.current;
    if (element === null) return;
    let gone = false;
    let stop = (): void => {};
    import("../echarts").then(
      ({ init }) => {
        if (gone) return;
        const c = init(element, null, { renderer: "canvas" });
        chart.current = c;
        draw(c, element, latest.current.option);
        c.on("click", (event) => {
          const href = latest.current.hrefOf?.(event.seriesIndex ?? 0, event.dataIndex);
          if (href) go(href);
        });
        const observer = new ResizeObserver(() => c.resize());
        observer.observe(element);
        latest.current.onReady?.(c);
        stop = () => {
          observer.disconnect();
          // A drawing that takes several frames goes on after the chart is gone,
          // and fails; one of nothing takes its place and is done at once.
          c.clear();
          c.getZr().flush();
          c.dispose();
          chart.current = null;
        };
      },
      () => !gone && setFailed(true),
    );
    return () => {
      gone = true;
      stop();
    };
  }, []);

  useEffect(() => {
    if (chart.current !== null && holder.current !== null) draw(chart.current, holder.current, latest.current.option);
  }, [colours, revision]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const c = chart.current;
    const { walk, hrefOf } = latest.current;
    if (c === null || walk === undefined || walk.count === 0) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      c.dispatchAction({ type: "downplay", seriesIndex: walk.series });
      at.current = (at.current + step + walk.count + (at.current < 0 && step < 0 ? 1 : 0)) % walk.count;
      c.dispatchAction({ type: "highlight", seriesIndex: walk.series, dataIndex: at.current });
      c.dispatchAction({ type: "showTip", seriesIndex: walk.series, dataIndex: at.current });
    } else if (event.key === "Enter" && at.current >= 0) {
      const href = hrefOf?.(walk.series, at.current);
      if (href) go(href);
    }
  };

  if (failed) return <p class="muted centre">The drawing did not load. Reload the page, or read the table.</p>;
  return (
    <div
      ref={holder}
      class="drawing"
      style={{ height: `${height}px` }}
      role="img"
      tabIndex={0}
      aria-label={walk !== undefined && walk.count > 0 ? `${label} Arrow keys go from point to point, Enter opens the trial.` : label}
      onKeyDown={onKeyDown}
    />
  );
}

function draw(chart: EChartsType, element: HTMLElement, option: (palette: Palette) => EChartsCoreOption): void {
  const palette = paletteOf(element);
  const made = option(palette);
  chart.setOption(
    {
      animation: false,
      textStyle: { fontFamily: palette.font, color: palette.ink },
      ...made,
      tooltip: {
        renderMode: "richText", // drawn, not markup
        confine: true,
        backgroundColor: palette.surface,
        borderColor: palette.line,
        borderWidth: 1,
        padding: [8, 12],
        textStyle: { color: palette.ink, fontSize: 13, fontFamily: palette.font },
        ...(made.tooltip as object | undefined),
      },
    },
    { notMerge: true },
  );
}

function Table({ title, table }: { title: string; table: ChartTable }) {
  const shown = table.rows.slice(0, 500);
  return (
    <div class="scroll chart-table" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table class="grid">
        <caption class="hidden">{title}</caption>
        <thead>
          <tr>{table.columns.map((c) => <th key={c.name} scope="col" class={c.num ? "num" : ""}>{c.name}</th>)}</tr>
        </thead>
        <tbody>
          {shown.map((row, i) => (
            <tr key={i}>
              {row.cells.map((cell, j) => (
                <td key={j} class={table.columns[j]?.num ? "num" : ""}>
                  {j === 0 && row.href !== undefined ? <a href={row.href}>{cell}</a> : cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {table.rows.length > shown.length && <p class="muted more">The first {shown.length} of {table.rows.length} rows.</p>}
    </div>
  );
}

/** A card with a chart, which can be turned into a table of the same. */
export function Chart(props: ChartProps) {
  const { title, note, controls, table, empty, height = 320, level = 2 } = props;
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  const Title = level === 2 ? "h2" : "h3";
  return (
    <section class="card chart" aria-labelledby={id}>
      <div class="card-head">
        <Title id={id}>
          {title} {note !== undefined && <span class="muted">{note}</span>}
        </Title>
        <div class="chart-controls">
          {controls}
          {table !== undefined && (
            <div class="segments" role="group" aria-label={`Show ${title} as`}>
              <button type="button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>Chart</button>
              <button type="button" aria-pressed={asTable} onClick={() => setAsTable(true)}>Table</button>
            </div>
          )}
        </div>
      </div>
      <div class="chart-body" style={{ minHeight: `${height}px` }}>
        {empty !== undefined ? (
          <p class="muted centre" style={{ height: `${height}px` }}>{empty}</p>
        ) : asTable && table !== undefined ? (
          <Table title={title} table={typeof table === "function" ? table() : table} />
        ) : (
          <Drawing {...props} />
        )}
      </div>
    </section>
  );
}
