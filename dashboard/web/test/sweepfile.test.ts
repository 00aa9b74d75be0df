import { expect, test } from "vitest";
import { LogText } from "../src/logtext";
import { formatTrials, parseTrials } from "../src/compared";
import { at, errorsAt, rangeOf, reshaped, typed, typedList, withValue, yamlOf } from "../src/sweepfile";

test("a file is written as YAML that cannot be read as something else", () => {
  const text = yamlOf({
    parameters: { lr: { distribution: "log_uniform_values", min: 0.001, max: 1 }, net: { values: ["yes", "a b", "x: 1", "1e-3", 2, true, null] } },
    name: "no",
    run_cap: 10,
    description: "line\nbreak # and \"quotes\"",
  });
  expect(text).toBe(
    'name: "no"\ndescription: "line\\nbreak # and \\"quotes\\""\nrun_cap: 10\nparameters:\n' +
      '  lr: {distribution: log_uniform_values, min: 0.001, max: 1}\n  net: {values: ["yes", "a b", "x: 1", "1e-3", 2, true, null]}\n',
  );
  expect(yamlOf({ parameters: {} })).toBe("parameters: {}\n");
});

test("values are set and taken away along a path, and nothing else changes", () => {
  const file = { name: "a", limits: { wall: 60 } };
  expect(withValue(file, ["limits", "target"], 1)).toEqual({ name: "a", limits: { wall: 60, target: 1 } });
  expect(withValue(file, ["limits", "wall"], undefined)).toEqual({ name: "a" });
  expect(withValue(file, ["parameters", "lr"], { min: 0 })).toEqual({ ...file, parameters: { lr: { min: 0 } } });
  expect(file).toEqual({ name: "a", limits: { wall: 60 } });
  expect(at(file, ["limits", "wall"])).toBe(60);
  expect(at(file, ["name", "wall"])).toBeUndefined();
});

test("what is typed is a number where it is one", () => {
  expect([typed("1e-3"), typed("2h"), typed(" "), typed("0")]).toEqual([0.001, "2h", undefined, 0]);
  expect(typedList("gbdt, 2, true,, null")).toEqual(["gbdt", 2, true, null]);
});

test("a distribution keeps what the new one has too", () => {
  expect(reshaped({ distribution: "uniform", min: 1, max: 5, when: { a: ["b"] } }, "int_uniform")).toEqual({ distribution: "int_uniform", min: 1, max: 5, when: { a: ["b"] } });
  expect(reshaped({ distribution: "uniform", min: 1, max: 5 }, "categorical")).toEqual({ distribution: "categorical", values: [1, 5] });
  expect(reshaped({ distribution: "categorical", values: ["a"] }, "constant")).toEqual({ distribution: "constant", value: "a" });
});

test("a range for a parameter stays within what the trainer takes", () => {
  expect(rangeOf({ name: "boosting", help: "", range: "", words: ["gbdt", "dart"] })).toEqual({ distribution: "categorical", values: ["gbdt", "dart"] });
  expect(rangeOf({ name: "lr", help: "", range: "", default: 0.1, min: 0, max: 0.5 })).toEqual({ distribution: "log_uniform_values", min: 0.01, max: 0.5 });
  expect(rangeOf({ name: "leaves", help: "", range: "", whole: true, default: 31, min: 2, max: 100 })).toEqual({ distribution: "int_uniform", min: 7, max: 100 });
});

test("errors are found at their field and below it", () => {
  const errors = [{ path: "parameters.lr.min", message: "a" }, { path: "parameters.lr", message: "b" }, { path: "parameters.lrx", message: "c" }];
  expect(errorsAt(errors, "parameters.lr")).toEqual(["b"]);
  expect(errorsAt(errors, "parameters.lr", true)).toEqual(["a", "b"]);
});

test("the trials of an address: each once, at most twelve, what makes no sense left out", () => {
  expect(parseTrials("s:1,s:2,s:1,x,:3,s:-1,a:b:4")).toEqual([{ sweep: "s", n: 1 }, { sweep: "s", n: 2 }, { sweep: "a:b", n: 4 }]);
  expect(parseTrials(Array.from({ length: 20 }, (_, i) => `s:${i}`).join(","))).toHaveLength(12);
  expect(formatTrials(parseTrials("s:1,t:2"))).toBe("s:1,t:2");
});

test("lines of a log come in pieces, and what was dropped is said", () => {
  const log = new LogText();
  log.append(0, "out| one\nerr| t");
  log.append(15, "wo\n");
  log.append(500, "tourney| end\n");
  expect(log.lines).toEqual([
    { from: "out", text: "one" },
    { from: "err", text: "two" },
    { from: "tourney", text: "… a part of the log was not kept …" },
    { from: "tourney", text: "end" },
  ]);
});
