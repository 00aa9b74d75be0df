import { describe, expect, it } from "vitest";
import type { Trial } from "../src/api";
import { leadOf, standardError, validationRows, within } from "../src/confidence";

const table = { rows: 1000, test_rows: 200 };
const at = (number: number, rung: number, value: number | null): Trial => ({ number, rung, value }) as Trial;

describe("rows of validation", () => {
  it.each([
    ["a share of what is not sealed", { kind: "holdout", fraction: 0.25 }, 200],
    ["all of it in folds", { kind: "kfold", folds: 5 }, 800],
    ["all but the first part in folds of time", { kind: "time", folds: 4 }, 640],
    ["the latest share", { kind: "time", fraction: 0.2 }, 160],
  ])("are %s", (_what, validation, rows) => {
    expect(validationRows(validation, table)).toBe(rows);
  });
});

describe("the standard error", () => {
  it("of a share follows from its rows", () => {
    // √(0.9 · 0.1 / 200) and √(0.5 · 0.5 / 800), by hand
    expect(standardError("accuracy", 0.9, { kind: "holdout", fraction: 0.25 }, table)).toBeCloseTo(0.0212132, 7);
    expect(standardError("accuracy", 0.5, { kind: "kfold", folds: 5 }, table)).toBeCloseTo(0.0176777, 7);
  });
  it("is not known of other metrics, nor of weighted rows", () => {
    expect(standardError("logloss", 0.5, { kind: "holdout", fraction: 0.25 }, table)).toBeNull();
    expect(standardError("accuracy", 0.9, { kind: "holdout", fraction: 0.25 }, { ...table, weight: "w" })).toBeNull();
    expect(standardError("accuracy", 0.9, { kind: "holdout", fraction: 0.25 }, { rows: 0, test_rows: 0 })).toBeNull();
  });
});

describe("the lead", () => {
  const board = [at(6, 2, 0.95), at(4, 2, 0.9375), at(1, 2, 0.5), at(9, 1, 0.99), at(8, -1, null)];
  it("is over the next of the same rung", () => {
    expect(leadOf(board)).toEqual({ next: board[1], by: 0.95 - 0.9375 });
    expect(leadOf([at(6, 2, 0.95), at(9, 1, 0.99)])).toBeNull();
    expect(leadOf([at(6, 2, 0.95)])).toBeNull();
  });
  it("counts those who are near, the edge included", () => {
    expect(within(board, 0.02, "maximize")).toBe(1);
    expect(within([at(1, 0, 0.25), at(2, 0, 0.5), at(3, 0, 0.75)], 0.25, "minimize")).toBe(1);
    expect(within([], 1, "minimize")).toBe(0);
  });
});
