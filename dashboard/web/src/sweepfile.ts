// A sweep file as the form edits it: an object with the keys of the file. What
// the form does not show stays in it. It is written as YAML here, and read by
// the service alone, so that there is one reader of it.

import type { FieldError, Spec, TrainerParam } from "./requests";

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value | undefined };
export type File = { [key: string]: Value | undefined };

/** Which keys each distribution has. */
export const shapes: Record<string, { required: string[]; optional: string[] }> = {
  constant: { required: ["value"], optional: [] },
  categorical: { required: ["values"], optional: [] },
  ordinal: { required: ["values"], optional: [] },
  categorical_w_probabilities: { required: ["values", "probabilities"], optional: [] },
  int_uniform: { required: ["min", "max"], optional: [] },
  uniform: { required: ["min", "max"], optional: [] },
  log_uniform_values: { required: ["min", "max"], optional: [] },
  inv_log_uniform_values: { required: ["min", "max"], optional: [] },
  q_uniform: { required: ["min", "max"], optional: ["q"] },
  q_log_uniform_values: { required: ["min", "max"], optional: ["q"] },
  normal: { required: [], optional: ["mu", "sigma"] },
  log_normal: { required: [], optional: ["mu", "sigma"] },
  q_normal: { required: [], optional: ["mu", "sigma", "q"] },
  q_log_normal: { required: [], optional: ["mu", "sigma", "q"] },
  beta: { required: [], optional: ["a", "b"] },
  q_beta: { required: [], optional: ["a", "b", "q"] },
};

export const methods = ["auto", "tpe", "gp", "cmaes", "random", "sobol", "grid", "nsga2"];

/** What a form that nobody has filled in says. */
export const blank: File = {
  name: "",
  dataset: "",
  trainer: "gbdt",
  method: "auto",
  run_cap: 100,
  early_terminate: { type: "asha", min_iter: 1, max_iter: 81, eta: 3 },
  parameters: { learning_rate: { distribution: "log_uniform_values", min: 0.01, max: 0.3 } },
};

/** The file of a sweep that is there. */
export function fileOf(spec: Spec): File {
  const file = structuredClone(spec) as unknown as File;
  for (const [key, value] of Object.entries(file)) {
    const empty = value === "" || (Array.isArray(value) && value.length === 0) || (value !== null && typeof value === "object" && Object.keys(value).length === 0);
    if (empty && key !== "parameters") delete file[key];
  }
  return file;
}

/** The value at a path of keys. */
export function at(file: File, path: string[]): Value | undefined {
  let value: Value | undefined = file;
  for (const key of path) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
    value = value[key];
  }
  return value;
}

/** The file with another value at a path; undefined takes the key away, and with it what is empty then. */
export function withValue(file: File, path: string[], value: Value | undefined): File {
  const [key, ...rest] = path;
  if (key === undefined) return file;
  const next: File = { ...file };
  if (rest.length === 0) {
    if (value === undefined) delete next[key];
    else next[key] = value;
    return next;
  }
  const inner = next[key];
  const changed = withValue(inner !== null && typeof inner === "object" && !Array.isArray(inner) ? inner : {}, rest, value);
  if (Object.keys(changed).length === 0 && key !== "parameters") delete next[key];
  else next[key] = changed;
  return next;
}

/** What was typed into a field: a number if it is one. */
export function typed(text: string): Value | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}

/** What was typed into a field of several values, with commas between them. */
export function typedList(text: string): Value[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => {
    if (part === "true") return true;
    if (part === "false") return false;
    if (part === "null") return null;
    return typed(part) as Value;
  });
}

/** A range to begin with for a parameter of a trainer. */
export function rangeOf(p: TrainerParam): File {
  if (p.words !== undefined && p.words.length > 0) return { distribution: "categorical", values: [...p.words] };
  const start = typeof p.default === "number" ? p.default : 0;
  const low = p.min ?? -Infinity;
  const high = p.max ?? Infinity;
  if (p.whole === true) {
    const min = Math.max(Math.ceil(low), Math.floor(start / 4), start > 0 ? 1 : -Infinity);
    return { distribution: "int_uniform", min: Number.isFinite(min) ? min : 1, max: Math.min(high, Math.max(4 * start, (Number.isFinite(min) ? min : 1) + 8)) };
  }
  if (start > 0 && low >= 0) return { distribution: "log_uniform_values", min: tidy(Math.max(low, start / 10)), max: tidy(Math.min(high, start * 10)) };
  if (Number.isFinite(low) && Number.isFinite(high)) return { distribution: "uniform", min: low, max: high };
  return { distribution: "log_uniform_values", min: 0.000001, max: tidy(Math.min(high, 1)) };
}

const tidy = (x: number): number => Number(x.toPrecision(3));

/** The keys of a parameter that another distribution has as well. */
export function reshaped(parameter: File, distribution: string): File {
  const shape = shapes[distribution] ?? { required: [], optional: [] };
  const next: File = { distribution };
  for (const key of [...shape.required, ...shape.optional]) if (parameter[key] !== undefined) next[key] = parameter[key];
  if (shape.required.includes("min") && next.min === undefined) [next.min, next.max] = [distribution.includes("log") ? 0.001 : 0, 1];
  if (shape.required.includes("values") && next.values === undefined) next.values = [parameter.min ?? parameter.value ?? 0, parameter.max ?? 1];
  if (distribution === "constant" && next.value === undefined) next.value = parameter.min ?? (Array.isArray(parameter.values) ? parameter.values[0] : undefined) ?? 0;
  if (parameter.when !== undefined) next.when = parameter.when;
  return next;
}

const order = ["name", "description", "dataset", "target", "split", "trainer", "program", "command", "method", "metric", "metrics", "run_cap", "limits", "parallelism", "order", "seed", "validation", "preprocess", "early_terminate"];

// What YAML would take for something else than a text.
const special = /^(true|false|null|yes|no|on|off|y|n|~)$/i;
const plain = /^[A-Za-z_][A-Za-z0-9_./@-]*$/;

function scalar(value: string | number | boolean | null): string {
  if (typeof value !== "string") return value === null ? "null" : String(value);
  return plain.test(value) && !special.test(value) ? value : JSON.stringify(value);
}

function flow(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => `${scalar(k)}: ${flow(v as Value)}`).join(", ")}}`;
  }
  return scalar(value);
}

/** The file as YAML. Comments of a file that it came from are gone. */
export function yamlOf(file: File): string {
  const keys = Object.keys(file).filter((k) => file[k] !== undefined && k !== "parameters");
  keys.sort((a, b) => (order.indexOf(a) < 0 ? order.length : order.indexOf(a)) - (order.indexOf(b) < 0 ? order.length : order.indexOf(b)));
  const lines = keys.map((k) => `${scalar(k)}: ${flow(file[k] as Value)}`);
  const parameters = file.parameters;
  if (parameters !== null && typeof parameters === "object" && !Array.isArray(parameters)) {
    lines.push(Object.keys(parameters).length === 0 ? "parameters: {}" : "parameters:");
    for (const [name, p] of Object.entries(parameters)) if (p !== undefined) lines.push(`  ${scalar(name)}: ${flow(p)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The errors at a field, and those below it if asked for. */
export function errorsAt(errors: FieldError[], path: string, below = false): string[] {
  return errors.filter((e) => e.path === path || (below && e.path.startsWith(`${path}.`))).map((e) => e.message);
}
