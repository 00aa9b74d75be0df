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

/**
 * Points beyond which a curve is thinned to half as many. The axis is hardly
 * 1,000 pixels wide, and a live sweep may report for days.
 */
export const curveLimit = 2 * historyLimit;

export class Curve {
  points: CurvePoint[] = [];
  /** Reports that the curve was told of, those that it has let go included. */
  total = 0;
  private stride = 1; // one in so many reports stays that neither improves the curve nor is its end
  private rungs = new Int8Array(1024).fill(-1); // the highest rung that each trial has finished
  private readonly reached: number[] = []; // trials by rung
  /** Whether some reports are not among the points. */
  partial: boolean;
  private readonly thinnedBefore: boolean; // by the service: its reports do not count all trials

  /** Reports above topRung are of the winner's last job: test values, no part of the curve. */
  constructor(
    history: History,
    private readonly goal: Goal,
    private readonly topRung: number,
  ) {
    this.partial = this.thinnedBefore = history.at.length >= historyLimit;
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
    if (!this.reach(point.trial, point.rung)) return false;
    const { points } = this;
    const last = points.length - 1;
    if (this.stride > 1 && last > 0 && (this.total - 1) % this.stride > 0 && points[last]?.best === points[last - 1]?.best) points.pop();
    points.push(point);
    this.total++;
    if (points.length > curveLimit) this.thin();
    return true;
  }

  /** Notes that a trial has finished a rung. It returns whether that is new: a trial's rungs come in order. */
  private reach(trial: number, rung: number): boolean {
    if (trial >= this.rungs.length) {
      const wider = new Int8Array(2 * trial).fill(-1);
      wider.set(this.rungs);
      this.rungs = wider;
    }
    const before = this.rungs[trial] ?? -1;
    if (rung <= before) return false;
    this.rungs[trial] = rung;
    for (let r = before + 1; r <= rung; r++) this.reached[r] = (this.reached[r] ?? 0) + 1;
    return true;
  }

  /** Lets every other point go, of the improvements only if they are most of it. */
  private thin(): void {
    this.partial = true;
    this.stride *= 2;
    const { points } = this;
    const last = points.length - 1;
    const kept = this.improvements().length <= historyLimit / 2;
    this.points = points.filter((p, i) => i % 2 === 0 || i === last || (kept && p.best !== points[i - 1]?.best));
  }

  /** The points that were better than all before them. */
  improvements(): CurvePoint[] {
    return this.points.filter((p, i) => i === 0 || p.best !== this.points[i - 1]?.best);
  }

  /** How many trials have finished each rung. */
  byRung(): ReachedByRung {
    return { reached: this.reached, thinned: this.thinnedBefore };
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
