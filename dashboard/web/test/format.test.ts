import { describe, expect, it } from "vitest";
import { ago, decimalsFor, duration, fixed, paramText, significant, timesOf } from "../src/format";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [81, "81"],
    [1234567, "1,234,567"],
    [0.1, "0.1"],
    [0.97512345, "0.9751"],
    [12.3456, "12.35"],
    [0.00123456, "0.001235"],
    [0.000123456, "1.235e-4"],
    [-0.5, "-0.5"],
    [2.5e7 + 0.5, "2.5e7"],
    [1e12, "1e12"],
  ])("%f has four digits as %s", (x, text) => expect(significant(x)).toBe(text));

  it.each([
    [[0.91, 0.97, 0.955], 4],
    [[12.5, 13, 11], 2],
    [[52341, 51000], 0],
    [[0.0123, 0.0456], 5],
    [[0.5, 1e9, 0.6], 4], // one wild entry moves nothing
    [[], 4],
  ])("a column like %j has %i decimals", (column, decimals) => expect(decimalsFor(column)).toBe(decimals));

  it("aligns a column and marks what is missing", () => {
    expect([0.5, null, undefined, NaN, 1234.5].map((x) => fixed(x, 2))).toEqual(["0.50", "–", "–", "–", "1,234.50"]);
  });

  it("shows every kind of parameter", () => {
    expect([0.123456, 32, "adam", true, null, undefined].map((v) => paramText(v, 3))).toEqual(["0.123", "32", "adam", "true", "null", "–"]);
  });
});

describe("times", () => {
  it.each([
    [-5, "0s"],
    [59_999, "59s"],
    [60_000, "1m 00s"],
    [3_599_000, "59m 59s"],
    [3_660_000, "1h 01m"],
    [90_000_000, "1d 01h"],
  ])("%i ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

  it("says how long ago", () => {
    const now = Date.parse("2026-03-01T12:00:00Z");
    const of = (then: string): string => ago(then, now);
    expect(of("2026-03-01T11:59:30Z")).toBe("just now");
    expect(of("2026-03-01T11:55:00Z")).toBe("5 min ago");
    expect(of("2026-03-01T09:00:00Z")).toBe("3 h ago");
    expect(of("2026-02-01T12:00:00Z")).toBe("1 Feb 2026");
    expect(of("nonsense")).toBe("–");
  });
});

describe("marks on an axis of time", () => {
  it.each([
    [10, [0, 2, 4, 6, 8, 10]],
    [59, [0, 15, 30, 45]],
    [3600, [0, 900, 1800, 2700, 3600]],
    [90 * 24 * 3600, [0, 672, 1344, 2016].map((h) => h * 3600)],
  ])("stand at whole steps of %d seconds", (seconds, marks) => {
    expect(timesOf(seconds)).toEqual(marks);
  });
});
