// The leaderboard: one row a trial, in the service's order.

import { Component } from "preact";
import { useRef } from "preact/hooks";
import type { Parameter, Sweep, Trial } from "../api";
import { count, decimalsFor, fixed, grouped, paramText, words } from "../format";
import { trialHref } from "../router";
import { rungBudgets } from "../sweep";
import { useFlash } from "./flash";
import { Icon } from "./icon";
import { TrialStateText } from "./state";

interface Column {
  name: string;
  decimals: number;
}

interface ParamColumn {
  name: string;
  parameter: Parameter;
  numeric: boolean;
  decimals: number | null; // null: three significant digits, as texts and orders of magnitude want
}

/** Which columns a board has beside those that all boards have. */
export interface Layout {
  params: ParamColumn[];
  metrics: Column[];
  value: Column;
  rungs: number; // 0: no ladder, no column
}

/** Parameters with one value only are no column; the metric itself is the value. */
export function layoutOf(sweep: Sweep, board: Trial[]): Layout {
  const { spec } = sweep;
  const names = new Set(board.flatMap((t) => Object.keys(t.metrics ?? {})));
  names.delete(spec.metric.name);
  const isTest = (name: string): number => Number(name.startsWith("test_"));
  const ordered = [...names].sort((a, b) => isTest(a) - isTest(b) || (a < b ? -1 : 1));
  const column = (name: string, values: (number | null | undefined)[]): Column => ({
    name,
    decimals: decimalsFor(values.filter((v) => v !== null && v !== undefined)),
  });
  return {
    params: Object.entries(spec.parameters)
      .filter(([, p]) => p.distribution !== "constant")
      .map(([name, parameter]) => ({
        name,
        parameter,
        numeric: !parameter.values?.some((v) => typeof v !== "number"),
        decimals: paramDecimals(parameter, board.map((t) => t.params[name])),
      })),
    metrics: ordered.map((name) => column(name, board.map((t) => t.metrics?.[name]))),
    value: column(spec.metric.name, board.map((t) => t.value)),
    rungs: rungBudgets(sweep).length,
  };
}

/** The decimals of a parameter on a plain scale; null for others, and for whole numbers. */
function paramDecimals(parameter: Parameter, values: unknown[]): number | null {
  const numbers = values.filter((v) => typeof v === "number");
  if (!/^q?_?(uniform|normal)$/.test(parameter.distribution) || numbers.every(Number.isInteger)) return null;
  return Math.min(4, decimalsFor(numbers));
}

/** Where a value lies in its parameter's range, from 0 to 1; null where that means nothing. */
export function placeIn(parameter: Parameter, value: unknown): number | null {
  const { min, max, distribution } = parameter;
  if (typeof value !== "number" || min === undefined || max === undefined || !(max > min)) return null;
  const log = distribution.includes("log") && min > 0 && value > 0;
  const scale = log ? Math.log : (x: number): number => x;
  return Math.min(1, Math.max(0, (scale(value) - scale(min)) / (scale(max) - scale(min))));
}

function ParamCell({ column, value }: { column: ParamColumn; value: unknown }) {
  const { parameter, numeric, decimals } = column;
  const place = placeIn(parameter, value);
  return (
    <td class={numeric ? "num param" : "param"} title={value === undefined ? "" : String(value)}>
      {typeof value === "number" && decimals !== null ? fixed(value, decimals) : paramText(value, 3)}
      {place !== null && (
        <span class="place" aria-hidden="true">
          <span style={{ left: `${100 * place}%` }} />
        </span>
      )}
    </td>
  );
}

function Pips({ rung, rungs }: { rung: number; rungs: number }) {
  const done = Math.min(rung + 1, rungs);
  if (rungs > 8) return <>{`${done}/${rungs}`}</>;
  return (
    <span class="pips" role="img" aria-label={`${done} of ${rungs} rungs`}>
      {Array.from({ length: rungs }, (_, i) => (
        <span key={i} data-done={i < done} />
      ))}
    </span>
  );
}

const reasons: Record<NonNullable<Trial["reason"]>, string> = {
  user_error: "the trainer refused or broke",
  oom: "out of memory",
  timeout: "ran past its limit",
  poison: "its workers died",
  spec_invalid: "no worker can run it",
  data_corrupt: "its data are damaged",
};

/** Why a trial has no place on the board; all that it left behind can be opened. */
function Why({ trial: t }: { trial: Trial }) {
  const error = (t.error ?? "").trim();
  const last = error.split("\n").at(-1) ?? "";
  const diverged = t.state === "diverged" && error === "" ? `its loss stopped being a number at step ${t.step}` : "";
  const why = [t.reason ? (reasons[t.reason] ?? words(t.reason)) : "", last, diverged].filter((s) => s !== "").join(": ");
  if (!error.includes("\n")) return <span class="why">{why}</span>;
  return (
    <details class="why">
      <summary>{why}</summary>
      <pre>{error}</pre>
    </details>
  );
}

const isOut = (t: Trial): boolean => t.state === "diverged" || t.state === "failed";

/** What of a trial the board shows. */
const signature = (t: Trial): string => JSON.stringify([t.state, t.rung, t.step, t.value, t.metrics, t.reason, t.error]);

interface RowProps {
  trial: Trial;
  rank: number; // from 1; 0 for one that has no rank
  first: boolean; // of its rung
  layout: Layout;
  layoutKey: string;
}

function RowCells({ trial: t, rank, first, layout }: RowProps) {
  const row = useRef<HTMLTableRowElement>(null);
  useFlash(row, signature(t));
  const out = isOut(t);
  return (
    <tr ref={row} data-trial={t.number} class={`${rank === 1 ? "first-place" : ""}${first ? " rung-start" : ""}${out ? " out" : ""}`}>
      <td class="num rank">{rank === 1 ? <><Icon name="crown" size={15} /><span class="hidden">1</span></> : rank > 0 ? grouped(rank) : "–"}</td>
      <th scope="row" class="num"><a href={trialHref(t.sweep, t.number)}>{t.number}</a></th>
      <td>
        <TrialStateText state={t.state} />
        {out && <Why trial={t} />}
      </td>
      {layout.rungs > 0 && <td><Pips rung={t.rung} rungs={layout.rungs} /></td>}
      <td class="num">{grouped(t.step)}</td>
      <td class="num value" title={t.value === null ? "" : String(t.value)}>{fixed(t.value, layout.value.decimals)}</td>
      {layout.params.map((p) => <ParamCell key={p.name} column={p} value={t.params[p.name]} />)}
      {layout.metrics.map((m) => <td key={m.name} class="num metric">{fixed(t.metrics?.[m.name], m.decimals)}</td>)}
    </tr>
  );
}

/** A row that is drawn again only when something it shows has changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const now = this.props;
    return now.rank !== next.rank || now.first !== next.first || now.layoutKey !== next.layoutKey || signature(now.trial) !== signature(next.trial);
  }

  override render() {
    return <RowCells {...this.props} />;
  }
}

interface BoardProps {
  sweep: Sweep;
  board: Trial[];
  loaded: boolean; // whether the board has been read
  total: number;
  hasMore: boolean;
  onMore: () => void;
}

export function Board({ sweep, board, loaded, total, hasMore, onMore }: BoardProps) {
  const layout = layoutOf(sweep, board);
  const layoutKey = JSON.stringify(layout);
  return (
    <section class="card board" aria-labelledby="board-title">
      <div class="card-head">
        <h2 id="board-title">Leaderboard</h2>
        <p class="muted">
          {!loaded ? "" : hasMore ? `${grouped(board.length)} of ${count(Math.max(total, board.length), "trial")}` : count(board.length, "trial")}
        </p>
      </div>
      {!loaded ? (
        <p class="loading board-none" role="status">Loading…</p>
      ) : board.length === 0 ? (
        <p class="muted centre board-none">No trial has started yet. If this stays empty, see “tourney worker list”: somebody has to train them.</p>
      ) : (
        <div class="scroll board-scroll" tabIndex={0} role="region" aria-label="Rows of the leaderboard">
          <table class="grid">
            <caption class="hidden">Trials, the best first</caption>
            <thead>
              <tr>
                <th scope="col" class="num rank">Rank</th>
                <th scope="col" class="num">Trial</th>
                <th scope="col">State</th>
                {layout.rungs > 0 && <th scope="col">Rung</th>}
                <th scope="col" class="num">Step</th>
                <th scope="col" class="num value">{layout.value.name}</th>
                {layout.params.map((p) => <th key={p.name} scope="col" class={p.numeric ? "num param" : "param"}>{p.name}</th>)}
                {layout.metrics.map((m) => <th key={m.name} scope="col" class="num metric">{m.name}</th>)}
              </tr>
            </thead>
            <tbody>
              {board.map((t, i) => (
                <Row key={t.number} trial={t} rank={isOut(t) || t.value === null ? 0 : i + 1} first={i > 0 && board[i - 1]?.rung !== t.rung} layout={layout} layoutKey={layoutKey} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasMore && (
        <p class="more">
          <button type="button" class="button" onClick={onMore}>Load more</button>
        </p>
      )}
    </section>
  );
}
