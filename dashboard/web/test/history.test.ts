import { describe, expect, it } from "vitest";
import { historyLimit, type Event, type History } from "../src/api";
import { Curve, curveLimit, valueRange } from "../src/history";

const time = (second: number): string => new Date(second * 1000).toISOString();

/** Rows of second, trial, rung, value, best as the service's columns. */
function history(rows: [number, number, number, number, number][]): History {
  return {
    at: rows.map((r) => time(r[0])),
    trial: rows.map((r) => r[1]),
    rung: rows.map((r) => r[2]),
    step: rows.map((r) => r[2]),
    value: rows.map((r) => r[3]),
    best: rows.map((r) => r[4]),
  };
}

function reported(second: number, trial: number, rung: number, value?: number): Event {
  return { id: second, sweep: "s", seq: second, at: time(second), kind: "reported", body: { trial, rung, outcome: "done", step: 1, best_step: 1, value } } as unknown as Event;
}

const loss = history([
  [1, 0, 0, 0.9, 0.9],
  [2, 1, 0, 0.7, 0.7],
  [3, 2, 0, 0.8, 0.7],
]);

describe("a curve", () => {
  it("goes on with the reports that come", () => {
    const curve = new Curve(loss, "minimize", 1);
    expect(curve.append(reported(4, 3, 0, 0.75))).toBe(true);
    expect(curve.append(reported(5, 1, 1, 0.6))).toBe(true);
    expect(curve.points.map((p) => p.best)).toEqual([0.9, 0.7, 0.7, 0.7, 0.6]);
    expect(curve.improvements().map((p) => p.trial)).toEqual([0, 1, 1]);
    expect(curve.byRung().reached).toEqual([4, 1]);
  });

  it("knows which way is better", () => {
    const curve = new Curve(history([[1, 0, 0, 0.7, 0.7]]), "maximize", 0);
    curve.append(reported(2, 1, 0, 0.6));
    curve.append(reported(3, 2, 0, 0.8));
    expect(curve.points.map((p) => p.best)).toEqual([0.7, 0.7, 0.8]);
  });

  it.each([
    ["a report that it has", reported(3, 2, 0, 0.8)],
    ["a report that the service thinned out", reported(2, 9, 0, 0.1)],
    ["a report without a value", reported(4, 3, 0)],
    ["the winner's test value", reported(4, 1, 2, 0.1)],
    ["another event", { ...reported(4, 3, 0, 0.1), kind: "ended" } as Event],
  ])("leaves out %s", (_what, event) => {
    const curve = new Curve(loss, "minimize", 1);
    expect(curve.append(event)).toBe(false);
    expect(curve.points).toHaveLength(3);
  });

  it("knows that a history of the full length may be thinned", () => {
    const rows = Array.from({ length: historyLimit }, (_, i): [number, number, number, number, number] => [i, i, 0, 1, 1]);
    expect(new Curve(history(rows), "minimize", 0).byRung().thinned).toBe(true);
    expect(new Curve(history(rows.slice(1)), "minimize", 0).byRung().thinned).toBe(false);
  });
});

describe("a curve of a long sweep", () => {
  it("keeps its improvements, its ends and its counts, and stays small", () => {
    const curve = new Curve(history([]), "minimize", 1);
    const improved: number[] = [];
    let most = 0;
    for (let i = 0; i < 50_000; i++) {
      const better = i % 997 === 0;
      if (better) improved.push(i);
      curve.append(reported(i, i, i % 3 === 0 ? 1 : 0, better ? 1 / (i + 1) : 2 + (i % 7)));
      most = Math.max(most, curve.points.length);
    }
    expect(most).toBeLessThanOrEqual(curveLimit);
    const late = curve.points.filter((p) => p.trial >= 25_000).length / curve.points.length;
    expect(Math.abs(late - 0.5)).toBeLessThan(0.1); // as dense late as early
    expect(curve.improvements().map((p) => p.trial)).toEqual(improved);
    expect(curve.points.at(-1)?.trial).toBe(49_999);
    expect(curve.total).toBe(50_000);
    expect(curve.partial).toBe(true);
    expect(curve.byRung()).toEqual({ reached: [50_000, 16_667], thinned: false });
  });

  it("stays small where every report is an improvement", () => {
    const curve = new Curve(history([]), "minimize", 0);
    for (let i = 0; i < 20_000; i++) curve.append(reported(i, i, 0, -i));
    expect(curve.points.length).toBeLessThanOrEqual(curveLimit);
    expect(curve.points.at(-1)?.best).toBe(-19_999);
  });
});

describe("the range of values", () => {
  const points = (values: number[]) => new Curve(history(values.map((v, i) => [i, i, 0, v, v])), "minimize", 0).points;
  it("leaves out the hopeless tenth", () => {
    const [low, high] = valueRange(points([...Array.from({ length: 19 }, (_, i) => 0.1 + i / 100), 1e6]), "minimize");
    expect(low).toBeLessThan(0.1);
    expect(high).toBeGreaterThan(0.28);
    expect(high).toBeLessThan(0.4);
  });
  it("has room around one value, and around none", () => {
    expect(valueRange(points([2]), "minimize")).toEqual([1.9, 2.1]);
    expect(valueRange([], "minimize")).toEqual([0, 1]);
  });
});
