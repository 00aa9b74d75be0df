import { describe, expect, it } from "vitest";
import { formatWhere, parseWhere, withClause } from "../src/selection";

describe("a selection", () => {
  it.each([
    ["learning_rate:0.001..0.1", [{ name: "learning_rate", low: 0.001, high: 0.1 }]],
    ["a:-1e-5..;b:..3", [{ name: "a", low: -1e-5, high: null }, { name: "b", low: null, high: 3 }]],
    ["optimizer:0,2", [{ name: "optimizer", places: [0, 2] }]],
    ["@value:0.9..1", [{ name: "@value", low: 0.9, high: 1 }]],
  ])("%s is read and written alike", (text, clauses) => {
    expect(parseWhere(text)).toEqual(clauses);
    expect(parseWhere(formatWhere(clauses))).toEqual(clauses);
  });

  it.each(["", ";;", "a", ":1..2", "a:..", "a:1..2..3", "a:x..1", "a:1,", "a:<b>", "a:1..NaN", "a:Infinity.."])("leaves out what makes no sense: %s", (text) => {
    expect(parseWhere(text)).toEqual([]);
  });

  it("has one clause of a name", () => {
    const one = parseWhere("a:1..2;b:0");
    expect(formatWhere(withClause(one, "a", { name: "a", low: 3, high: 4 }))).toBe("b:0;a:3..4");
    expect(formatWhere(withClause(one, "b", null))).toBe("a:1..2");
  });
});
