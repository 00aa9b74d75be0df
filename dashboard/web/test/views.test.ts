import { describe, expect, it, vi } from "vitest";
import { toCSV } from "../src/csv";
import { layoutOf } from "../src/views/bracket";
import { clauseOf, extentOf, scaleOf } from "../src/views/parallel";
import { rowsOf } from "../src/views/timeline";

// What the pages ask of a browser when they are loaded.
vi.hoisted(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => {} }));
  vi.stubGlobal("document", { documentElement: { dataset: {} } });
});

describe("a file of rows", () => {
  it("quotes what RFC 4180 asks for", () => {
    expect(toCSV([["a", 'say "x"', "1,2", null, 0.5], ["b\nc", true, undefined, [1], -3]])).toBe('a,"say ""x""","1,2",,0.5\r\n"b\nc",true,,[1],-3\r\n');
  });

  it.each(["=1+1", "+1", "-cmd", "@x"])("lets no text become a formula: %s", (text) => {
    expect(toCSV([[text]])).toBe(`'${text}\r\n`);
  });
});

describe("a brush on an axis", () => {
  const log = scaleOf({ name: "lr", low: 0.001, high: 1, log: true });
  const levels = scaleOf({ name: "opt", low: 0, high: 2, levels: ["a", "b", "c"] });

  it("becomes a range on the axis's own scale", () => {
    expect(log.at(0.001)).toBeCloseTo(0);
    expect(log.at(0.0316228)).toBeCloseTo(0.5, 4);
    expect(clauseOf(log, 1 / 3, 2 / 3)).toEqual({ name: "lr", low: 0.01, high: 0.1 });
    expect(clauseOf(log, 0.5, -1)).toEqual({ name: "lr", low: null, high: 0.03162 });
    expect(clauseOf(log, 0, 1)).toBeNull();
  });

  it("becomes places in a list", () => {
    expect(clauseOf(levels, 0, 0.6)).toEqual({ name: "opt", places: [0, 1] });
    expect(clauseOf(levels, 0.4, 0.45)).toBeNull();
    expect(extentOf(levels, { name: "opt", places: [1] }).map((x) => x.toFixed(4))).toEqual(["0.3333", "0.6667"]);
  });

  it("comes back to where it was", () => {
    const clause = clauseOf(log, 0.25, 0.75);
    expect(clause).not.toBeNull();
    if (clause !== null) expect(extentOf(log, clause).map((x) => x.toFixed(2))).toEqual(["0.25", "0.75"]);
  });
});

describe("attempts that overlap", () => {
  it("go below each other, and share a row where they do not", () => {
    const bar = (worker: number, start: number, end: number) => ({ worker, start, end, trial: 0, attempt: 1, rung: 0 });
    expect(rowsOf([bar(0, 0, 2), bar(0, 1, 3), bar(0, 2, 4), bar(1, 0, 9)])).toEqual({ row: [0, 1, 0, 0], rows: [2, 1] });
  });
});

describe("a bracket", () => {
  const round = (rung: number, seats: number[]) => ({
    rung, budget: 1, reached: 1, promoted: 0, stopped: 0, waiting: 0, training: 0, best: 1, median: 1, cut: null,
    seats: seats.map((trial) => ({ trial, value: 1, fate: "advanced" as const })),
  });
  const made = layoutOf({ rounds: [round(0, [3, 1, 2]), round(1, [1])] }, 800);

  it("has a line for each trial that goes on, from left to right", () => {
    expect(made.links.map((l) => l.trial)).toEqual([1]);
    const [left, right] = made.columns;
    expect(left).toBeLessThan(right ?? 0);
  });

  it("keeps the order of a round from top to bottom, with room between", () => {
    const first = made.nodes.filter((n) => n.rung === 0);
    expect(first.map((n) => n.seat.trial)).toEqual([3, 1, 2]);
    for (let i = 1; i < first.length; i++) expect((first[i]?.y ?? 0) - (first[i - 1]?.y ?? 0)).toBeGreaterThan(12);
  });
});
