import { describe, expect, it } from "vitest";
import type { Spec, Sweep, Trial } from "../src/api";
import { elapsed, progressOf, rungBudgets, rungCounts, topRung } from "../src/sweep";

const spec = (early?: Spec["early_terminate"]): Spec => ({
  name: "s",
  dataset: "d",
  trainer: "linear",
  method: "random",
  metric: { name: "accuracy", goal: "maximize" },
  order: "fixed",
  seed: 1,
  validation: { kind: "holdout" },
  preprocess: {},
  parameters: {},
  ...(early === undefined ? {} : { early_terminate: early }),
});

const sweep = (over: Partial<Sweep>): Sweep => ({
  id: "1",
  spec: spec(),
  plan: { dataset: "v", budget: 1, weight: 1 },
  state: "running",
  created_at: "2026-01-01T00:00:00Z",
  counts: {},
  cursor: 1,
  ...over,
});

const laddered = (ladder: number[], early = true): Sweep =>
  sweep({ spec: spec(early ? { type: "asha" } : undefined), plan: { dataset: "v", budget: 9, weight: 1, ladder } });

describe("rungs", () => {
  it("are those of the plan", () => {
    expect(rungBudgets(laddered([1, 3, 9]))).toEqual([1, 3, 9]);
    expect(topRung(laddered([1, 3, 9]))).toBe(2);
  });

  it("are none without early termination, and the top is then 0", () => {
    expect(rungBudgets(laddered([20], false))).toEqual([]);
    expect(topRung(laddered([20], false))).toBe(0);
  });

  it("count trials of the reports, and of the board where the reports are thinned", () => {
    const s = laddered([1, 3, 9]);
    const board = [2, 1, 1, 0].map((rung, number) => ({ rung, number }) as Trial);
    const reached = [5, 2, 1];
    expect(rungCounts(s, board, false, { reached, thinned: true })).toEqual([
      { rung: 0, budget: 1, reached: 5, exact: false },
      { rung: 1, budget: 3, reached: 3, exact: false },
      { rung: 2, budget: 9, reached: 1, exact: false },
    ]);
    expect(rungCounts(s, board, false, { reached, thinned: false })[0]?.exact).toBe(true);
    expect(rungCounts(s, board, true, { reached: [], thinned: true }).map((r) => [r.reached, r.exact])).toEqual([[4, true], [3, true], [1, true]]);
  });
});

describe("progress", () => {
  it("counts ended trials against the smaller of cap and space", () => {
    const counts = { completed: 3, pruned: 4, diverged: 1, failed: 1, cancelled: 1, paused: 5, running: 2, queued: 1 };
    expect(progressOf(sweep({ counts, spec: { ...spec(), run_cap: 100 } }))).toEqual({ ended: 10, waiting: 5, running: 2, started: 18, cap: 100 });
    expect(progressOf(sweep({ counts, spec: { ...spec(), run_cap: 100 }, plan: { dataset: "v", budget: 1, weight: 1, size: 24 } })).cap).toBe(24);
    expect(progressOf(sweep({ counts })).cap).toBe(18);
  });

  it("measures time to the end, or to now", () => {
    const now = Date.parse("2026-01-01T00:01:00Z");
    expect(elapsed(sweep({}), now)).toBe(0);
    expect(elapsed(sweep({ started_at: "2026-01-01T00:00:10Z" }), now)).toBe(50_000);
    expect(elapsed(sweep({ started_at: "2026-01-01T00:00:10Z", ended_at: "2026-01-01T00:00:25Z" }), now)).toBe(15_000);
  });
});
