// What follows from a sweep's answer by thought alone.

import type { Goal, Spec, Sweep, SweepState, Trial, TrialState } from "./api";

export const ended: readonly TrialState[] = ["completed", "pruned", "diverged", "failed", "cancelled"];

/** All states of a trial, in the order in which the service numbers them. */
export const trialStates: readonly TrialState[] = ["queued", "running", "paused", ...ended];

export function isTerminal(state: SweepState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** Whether a is a better value than b. */
export function better(goal: Goal, a: number, b: number): boolean {
  return goal === "maximize" ? a > b : a < b;
}

/** The sampler, and the scheduler if there is one. */
export function methodText(spec: Spec): string {
  return spec.early_terminate === undefined ? spec.method : `${spec.method} + ${spec.early_terminate.type}`;
}

export interface Progress {
  ended: number;
  waiting: number; // finished a rung and may be promoted
  running: number;
  started: number; // trials proposed so far
  cap: number; // the most there will be
}

/** How far a sweep is, in trials. */
export function progressOf(sweep: Sweep): Progress {
  const n = (state: TrialState): number => sweep.counts[state] ?? 0;
  const done = ended.reduce((sum, state) => sum + n(state), 0);
  const started = done + n("paused") + n("running") + n("queued");
  const caps = [sweep.spec.run_cap, sweep.plan.size].filter((cap) => cap !== undefined && cap > 0) as number[];
  const cap = caps.length > 0 ? Math.max(started, Math.min(...caps)) : started;
  return { ended: done, waiting: n("paused"), running: n("running"), started, cap };
}

/** Milliseconds from the sweep's start to its end, or to now. */
export function elapsed(sweep: Sweep, now: number): number {
  if (sweep.started_at === undefined) return 0;
  const end = sweep.ended_at === undefined ? now : Date.parse(sweep.ended_at);
  return Math.max(0, end - Date.parse(sweep.started_at));
}

/** The budgets of the rungs, lowest first; empty without early termination. */
export function rungBudgets(sweep: Sweep): number[] {
  return sweep.spec.early_terminate === undefined ? [] : (sweep.plan.ladder ?? []);
}

/** The number of the highest rung. A job above it is the winner's last one, on test rows. */
export function topRung(sweep: Sweep): number {
  return Math.max(0, rungBudgets(sweep).length - 1);
}

export interface RungCount {
  rung: number;
  budget: number; // steps
  reached: number; // trials that have finished it
  exact: boolean; // false: at least so many
}

/**
 * How many trials have finished each rung, from what the page has at hand: the
 * reports tell all of it unless the service has thinned them, and the loaded
 * rows of the board may then know of more.
 */
export function rungCounts(sweep: Sweep, board: Trial[], boardWhole: boolean, reports: ReachedByRung): RungCount[] {
  return rungBudgets(sweep).map((budget, rung) => {
    const onBoard = board.filter((t) => t.rung >= rung).length;
    const reported = reports.reached[rung] ?? 0;
    return { rung, budget, reached: Math.max(onBoard, reported), exact: boardWhole || !reports.thinned };
  });
}

/** How many trials finished each rung, as far as reports say. */
export interface ReachedByRung {
  reached: number[];
  thinned: boolean; // the service left some reports out
}
