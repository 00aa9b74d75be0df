// The curve of the best value so far: what /history says, and the reports that
// have come by event since.

import { historyLimit, type Event, type Goal, type History, type Reported } from "./api";
import { better, type ReachedByRung } from "./sweep";

/** One point of the curve. */
export interface CurvePoint {
  at: number; // milliseconds
  trial: number;
  rung: number;
  step: number;
  value: number;
  best: number; // of this point and those before it
}

export class Curve {
  readonly points: CurvePoint[] = [];
  private readonly seen = new Set<string>();
  private readonly reached: Set<number>[] = [];
  private readonly thinned: boolean;

  /** Reports above topRung are of the winner's last job: test values, no part of the curve. */
  constructor(
    history: History,
    private readonly goal: Goal,
    private readonly topRung: number,
  ) {
    this.thinned = history.at.length >= historyLimit;
    history.at.forEach((at, i) => {
      this.add({
        at: Date.parse(at),
        trial: history.trial[i] ?? 0,
        rung: history.rung[i] ?? 0,
        step: history.step[i] ?? 0,
        value: history.value[i] ?? NaN,
        best: history.best[i] ?? NaN,
      });
    });
  }

  /** Takes in an event. It returns whether the curve has changed. */
  append(event: Event): boolean {
    if (event.kind !== "reported") return false;
    const body = event.body as Reported;
    if (typeof body.value !== "number") return false;
    const last = this.points.at(-1);
    const at = Date.parse(event.at);
    if (last !== undefined && at < last.at) return false; // before the history's end: it was thinned out
    const best = last === undefined || better(this.goal, body.value, last.best) ? body.value : last.best;
    return this.add({ at, trial: body.trial, rung: body.rung, step: body.best_step, value: body.value, best });
  }

  private add(point: CurvePoint): boolean {
    if (point.rung > this.topRung || !Number.isFinite(point.value)) return false;
    const key = `${point.trial}/${point.rung}`;
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    this.points.push(point);
    for (let rung = 0; rung <= point.rung; rung++) (this.reached[rung] ??= new Set()).add(point.trial);
    return true;
  }

  /** The points that were better than all before them. */
  improvements(): CurvePoint[] {
    return this.points.filter((p, i) => i === 0 || p.best !== this.points[i - 1]?.best);
  }

  /** Which trials have finished which rung. */
  byRung(): ReachedByRung {
    return { reached: this.reached, thinned: this.thinned };
  }
}

/**
 * The range of values worth showing: all of the good side, and nine tenths of
 * the reports. A few hopeless trials would press the rest into a line.
 */
export function valueRange(points: CurvePoint[], goal: Goal): [low: number, high: number] {
  if (points.length === 0) return [0, 1];
  const sorted = points.map((p) => p.value).sort((a, b) => (goal === "minimize" ? a - b : b - a));
  const good = sorted[0] ?? 0;
  const bad = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.9))] ?? good;
  const pad = Math.abs(bad - good) * 0.08 || Math.abs(good) * 0.05 || 0.5;
  return [Math.min(good, bad) - pad, Math.max(good, bad) + pad];
}
