// The tournament as rounds: rungs from left to right, a line for each trial
// that goes on, bright for those that are still in, faint for those that are
// out. Drawn as SVG, so that it can be walked through and read.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ViewBracket, ViewSeat } from "../api";
import { Trouble } from "../components/problem";
import { count, decimalsFor, fixed, grouped, significant } from "../format";
import { useView } from "../resource";
import { go, trialHref } from "../router";
import type { ViewProps } from ".";

const lowestSeat = 17; // pixels; few seats are higher
const highestSeat = 34;
const top = 74;
const nodeRadius = 4.5;

interface Node {
  seat: ViewSeat;
  rung: number;
  x: number;
  y: number;
}

export interface Layout {
  nodes: Node[];
  links: { key: string; path: string; trial: number; faint: boolean }[];
  width: number;
  height: number;
  columns: number[];
}

/**
 * Where everything goes: a column for each round, its seats from the best to
 * the worst, each column in the middle of the height like the rounds of a
 * printed bracket.
 */
export function layoutOf(data: ViewBracket, width: number): Layout {
  const rounds = data.rounds;
  const tallest = Math.max(1, ...rounds.map((r) => r.seats.length));
  const seatHeight = Math.min(highestSeat, Math.max(lowestSeat, 400 / tallest));
  const height = top + tallest * seatHeight + 24;
  const left = 86;
  const right = 92;
  const gap = rounds.length > 1 ? Math.max(190, (width - left - right) / (rounds.length - 1)) : 0;
  const columns = rounds.map((_, k) => left + k * gap);
  const at = new Map<string, Node>();
  const nodes: Node[] = [];
  rounds.forEach((round, k) => {
    const free = tallest - round.seats.length;
    // Fewer seats stand further apart, up to twice, around the middle.
    const step = round.seats.length > 0 ? Math.min(seatHeight * 2, seatHeight * (1 + free / Math.max(round.seats.length, 1) / 2)) : seatHeight;
    const first = top + (tallest * seatHeight - step * (round.seats.length - 1)) / 2;
    round.seats.forEach((seat, i) => {
      const node = { seat, rung: k, x: columns[k] ?? 0, y: first + i * step };
      nodes.push(node);
      at.set(`${k}/${seat.trial}`, node);
    });
  });
  const links: Layout["links"] = [];
  for (const node of nodes) {
    const next = at.get(`${node.rung + 1}/${node.seat.trial}`);
    if (next === undefined) continue;
    const [from, to] = [node.x + 58, next.x - 40]; // clear of the numbers
    const bend = (to - from) * 0.5;
    links.push({
      key: `${node.rung}/${node.seat.trial}`,
      trial: node.seat.trial,
      faint: next.seat.fate === "out",
      path: `M${from},${node.y} C${from + bend},${node.y} ${to - bend},${next.y} ${to},${next.y}`,
    });
  }
  return { nodes, links, width: Math.max(width, (columns.at(-1) ?? 0) + right), height, columns };
}

const fateText: Record<ViewSeat["fate"], string> = {
  advanced: "went on",
  waiting: "waits for promotion",
  out: "is out",
  training: "is on the way",
  won: "leads the final",
};

const roundName = (rung: number, last: number): string =>
  rung === last ? "Final" : rung === last - 1 ? "Semifinal" : rung === last - 2 && last > 2 ? "Quarterfinal" : `Round ${rung + 1}`;

function useWidth(): [(element: HTMLDivElement | null) => void, number] {
  const [width, setWidth] = useState(0);
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  useLayoutEffect(() => {
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return [setElement, width];
}

export default function Bracket({ view, sweep }: ViewProps) {
  const resource = useView(view, "bracket");
  const [holder, width] = useWidth();
  const [lit, setLit] = useState<number | null>(null);
  const [asTable, setAsTable] = useState(false);
  const drawing = useRef<SVGSVGElement>(null);
  const data = resource.data.value;
  const champion = data?.rounds.at(-1)?.seats.find((s) => s.fate === "won")?.trial ?? null;
  const focus = lit ?? champion;
  const last = (data?.rounds.length ?? 1) - 1;
  const layout = data === null || width === 0 ? null : layoutOf(data, width);
  const decimals = decimalsFor((data?.rounds ?? []).flatMap((r) => r.seats.map((s) => s.value ?? NaN)));
  const eta = sweep.spec.early_terminate?.eta;

  const onKeyDown = (event: KeyboardEvent): void => {
    const nodes = [...(drawing.current?.querySelectorAll<SVGAElement>("a.seat") ?? [])];
    const now = nodes.indexOf(document.activeElement as unknown as SVGAElement);
    const here = layout?.nodes[now];
    if (here === undefined || layout === null) return;
    const near = (rung: number): number => {
      const same = layout.nodes.findIndex((n) => n.rung === rung && n.seat.trial === here.seat.trial);
      if (same >= 0) return same;
      return layout.nodes.findIndex((n) => n.rung === rung);
    };
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, ArrowRight: near(here.rung + 1), ArrowLeft: near(here.rung - 1) }[event.key];
    const target = to === undefined ? undefined : nodes[to];
    if (target === undefined) return;
    event.preventDefault();
    target.focus();
  };

  return (
    <section class="card panel bracket" aria-labelledby="bracket-title">
      <div class="card-head">
        <div>
          <h2 id="bracket-title">
            The tournament <span class="muted">{eta === undefined ? "" : `of each ${eta} trials, one goes on`}</span>
          </h2>
        </div>
        <div class="chart-controls">
          <ul class="legend" aria-label="What the marks mean">
            <li><i class="mark won" /> leads</li>
            <li><i class="mark advanced" /> went on</li>
            <li><i class="mark waiting" /> waits</li>
            <li><i class="mark training" /> on the way</li>
            <li><i class="mark out" /> out</li>
          </ul>
          <div class="segments" role="group" aria-label="Show the tournament as">
            <button type="button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>Bracket</button>
            <button type="button" aria-pressed={asTable} onClick={() => setAsTable(true)}>Table</button>
          </div>
        </div>
      </div>
      <Trouble problem={resource.problem.value} />
      <div class="bracket-body" ref={holder}>
        {data === null ? (
          <p class="loading" role="status">Loading…</p>
        ) : data.rounds.every((r) => r.seats.length === 0) ? (
          <p class="muted centre">No trial is on its way yet. The first round begins when a worker takes one; see “tourney worker list” if this stays empty.</p>
        ) : asTable ? (
          <BracketTable data={data} id={sweep.id} last={last} />
        ) : layout !== null ? (
          <div class="scroll" tabIndex={0} role="region" aria-label="Rounds of the tournament">
            <svg ref={drawing} width={layout.width} height={layout.height} class="bracket-drawing" onKeyDown={onKeyDown} onMouseLeave={() => setLit(null)} role="group" aria-label="Rounds from left to right, the best trial of each at the top. Arrow keys go from trial to trial, Enter opens one.">
              {data.rounds.map((r, k) => (
                <g key={k} class="round-head" transform={`translate(${layout.columns[k] ?? 0},0)`}>
                  <text y={16} class={k === last ? "round-name final" : "round-name"} text-anchor="middle">{roundName(k, last)}</text>
                  <text y={33} class="round-sub" text-anchor="middle">{count(r.budget, "step")}</text>
                  <text y={50} class="round-sub" text-anchor="middle">{r.reached === 0 ? (r.training > 0 ? `${grouped(r.training)} on the way` : "not reached") : `${grouped(r.reached)} in${k < last ? `, ${grouped(r.promoted)} on` : ""}`}</text>
                </g>
              ))}
              <g fill="none">
                {layout.links.map((l) => (
                  <path key={l.key} d={l.path} class={`link-line${l.faint ? " faint" : ""}${l.trial === focus ? " lit" : ""}`} />
                ))}
              </g>
              {layout.nodes.map((n) => {
                const { trial, value, fate } = n.seat;
                const text = value === null ? "…" : fixed(value, decimals);
                return (
                  <a
                    key={`${n.rung}/${trial}`}
                    href={trialHref(sweep.id, trial)}
                    class={`seat ${fate}${trial === focus ? " lit" : ""}`}
                    style={{ transform: `translate(${n.x}px, ${n.y}px)` }}
                    onMouseEnter={() => setLit(trial)}
                    onFocus={() => setLit(trial)}
                    onClick={(event) => { event.preventDefault(); go(trialHref(sweep.id, trial)); }}
                  >
                    <title>{`${roundName(n.rung, last)}: trial ${trial} ${value === null ? "" : `with ${significant(value, 4)} `}${fateText[fate]}`}</title>
                    <rect x={-62} y={-8} width={146} height={16} fill="transparent" />
                    <circle r={fate === "won" ? nodeRadius + 2 : nodeRadius} />
                    <text x={-11} y={4} text-anchor="end" class="seat-number" aria-hidden="true">{trial}</text>
                    <text x={11} y={4} class="seat-value" aria-hidden="true">{text}</text>
                  </a>
                );
              })}
            </svg>
          </div>
        ) : null}
      </div>
      {data !== null && <p class="muted bracket-note">{noteOf(data)}</p>}
    </section>
  );
}

/** What the drawing leaves out. */
function noteOf(data: ViewBracket): string {
  const hidden = data.rounds.map((r) => r.reached + r.training - r.seats.length).filter((n) => n > 0);
  if (hidden.length === 0) return "Every trial is shown. The line of the leader is marked; point at another to follow it.";
  return `${grouped(Math.max(...hidden))} trials of the first round are not drawn: of each round the best has a seat, those that sit further up, and others from best to worst.`;
}

function BracketTable({ data, id, last }: { data: ViewBracket; id: string; last: number }) {
  return (
    <div class="scroll chart-table" tabIndex={0} role="region" aria-label="Rounds as a table">
      <table class="grid">
        <caption class="hidden">Rounds of the tournament, the first one first</caption>
        <thead>
          <tr>
            <th scope="col">Round</th>
            {["Steps", "On the way", "Finished it", "Went on", "Wait", "Out", "Best", "Median", "Worst that went on"].map((name) => <th key={name} scope="col" class="num">{name}</th>)}
            <th scope="col" class="num">Leader</th>
          </tr>
        </thead>
        <tbody>
          {data.rounds.map((r) => {
            const leader = r.seats.find((s) => s.value !== null)?.trial;
            return (
              <tr key={r.rung}>
                <th scope="row">{roundName(r.rung, last)}</th>
                {[r.budget, r.training, r.reached, r.promoted, r.waiting, r.stopped].map((n, i) => <td key={i} class="num">{grouped(n)}</td>)}
                {[r.best, r.median, r.cut].map((x, i) => <td key={i} class="num">{x === null ? "–" : significant(x, 5)}</td>)}
                <td class="num">{leader === undefined ? "–" : <a href={trialHref(id, leader)}>{leader}</a>}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
