import { describe, expect, it } from "vitest";
import type { Sweep } from "../src/api";
import { placeIn } from "../src/components/board";
import { routeOf, sweepHref, tabs, trialHref } from "../src/router";
import { collect, newer } from "../src/store";

describe("pages of a list", () => {
  /** A list that moves: its rows go one place down before each further page. */
  const list = (n: number, asked: [number, string][]) => (limit: number, cursor: string) => {
    asked.push([limit, cursor]);
    const from = Number(cursor || "0");
    const rows = Array.from({ length: n }, (_, i) => i);
    const items = rows.slice(Math.max(0, from - 1), from + limit);
    return Promise.resolve(from + limit < n ? { items, next: String(from + limit) } : { items });
  };

  it("are collected until there is enough, each row once", async () => {
    const asked: [number, string][] = [];
    const { rows, next } = await collect(2500, (r) => r, list(5000, asked));
    expect(asked.map(([limit]) => limit)).toEqual([1000, 1000, 499]);
    expect(rows).toEqual([...rows].sort((a, b) => a - b));
    expect(new Set(rows).size).toBe(rows.length);
    expect(next).not.toBe("");
  });

  it("end where the list ends", async () => {
    const asked: [number, string][] = [];
    const { rows, next } = await collect(100, (r) => r, list(7, asked));
    expect([rows.length, next, asked]).toEqual([7, "", [[100, ""]]]);
    expect(await collect(100, (r) => r as number, () => Promise.resolve({ items: [], next: "x" }))).toEqual({ rows: [], next: "" });
  });
});

describe("what is shown", () => {
  const at = (cursor: number): Sweep => ({ cursor }) as Sweep;
  it("never goes back", () => {
    expect(newer(at(5), at(4)).cursor).toBe(5);
    expect(newer(at(5), at(6)).cursor).toBe(6);
    expect(newer(null, at(1)).cursor).toBe(1);
    const fresh = at(5);
    expect(newer(at(5), fresh)).toBe(fresh);
  });
});

describe("addresses", () => {
  it.each([
    ["/", { page: "sweeps" }],
    ["/sweeps", { page: "sweeps" }],
    ["/sweeps/01a", { page: "sweep", id: "01a", tab: "overview" }],
    ["/sweeps/a%2Fb/", { page: "sweep", id: "a/b", tab: "overview" }],
    ["/sweeps/01a/bracket", { page: "sweep", id: "01a", tab: "bracket" }],
    ["/sweeps/01a/trials/17", { page: "trial", id: "01a", n: 17 }],
    ["/sweeps/01a/trials/x", { page: "unknown" }],
    ["/sweeps/01a/trials", { page: "unknown" }],
    ["/sweeps/%E0%A4%A", { page: "unknown" }],
    ["/sweeps/a/b", { page: "unknown" }],
    ["/fleet", { page: "fleet" }],
    ["/launch", { page: "launch" }],
    ["/else", { page: "unknown" }],
  ])("%s is %j", (path, route) => expect(routeOf(path)).toEqual(route));

  it("come back from what they were made of", () => {
    for (const id of ["01a", "a/b", "<img src=x>", "ü?#"]) expect(routeOf(sweepHref(id))).toEqual({ page: "sweep", id, tab: "overview" });
    for (const tab of tabs) expect(routeOf(sweepHref("a/b", tab))).toEqual({ page: "sweep", id: "a/b", tab });
    expect(routeOf(trialHref("a/b", 12))).toEqual({ page: "trial", id: "a/b", n: 12 });
  });
});

describe("the place of a value in its range", () => {
  it.each([
    ["uniform", 0, 10, 2.5, 0.25],
    ["log_uniform_values", 1e-4, 1, 1e-2, 0.5],
    ["int_uniform", 1, 5, 5, 1],
    ["uniform", 0, 1, 7, 1],
    ["uniform", 3, 3, 3, null],
    ["uniform", 0, 1, "x", null],
  ])("%s from %d to %d has %s at %s", (distribution, min, max, value, place) => {
    const got = placeIn({ distribution, min, max }, value);
    if (place === null) expect(got).toBeNull();
    else expect(got).toBeCloseTo(place, 12);
  });
});
