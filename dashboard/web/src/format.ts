// Numbers, times and names as people read them.

const none = "–";

/** A number with at most the given significant digits and no trailing zeros. */
export function significant(x: number, digits = 4): string {
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (Number.isInteger(x) && size < 1e9) return grouped(x);
  if (size >= 1e-3 && size < 1e6) {
    const decimals = Math.max(0, Math.min(8, digits - 1 - Math.floor(Math.log10(size))));
    return trimZeros(x.toFixed(decimals));
  }
  const [mantissa = "", exponent = ""] = x.toExponential(digits - 1).split("e");
  return `${trimZeros(mantissa)}e${exponent.replace("+", "")}`;
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A whole number with its thousands set apart. */
export function grouped(n: number): string {
  return n.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/**
 * How many decimals a column of numbers needs, so that its typical entry shows
 * four significant digits and all entries align at the point. Entries that
 * are wild do not count: the median decides.
 */
export function decimalsFor(values: number[]): number {
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  if (sizes.length === 0) return 4;
  sizes.sort((a, b) => a - b);
  const median = sizes[sizes.length >> 1] ?? 1;
  return Math.max(0, Math.min(8, 3 - Math.floor(Math.log10(median))));
}

/** A number of a column with that many decimals. */
export function fixed(x: number | null | undefined, decimals: number): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return none;
  if (Math.abs(x) >= 1e9) return significant(x);
  return x.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** The value of a parameter. */
export function paramText(value: unknown, digits = 4): string {
  if (value === undefined) return none;
  if (typeof value === "number") return significant(value, digits);
  return value === null ? "null" : String(value);
}

/** A span of time with its two largest units. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 1 && milliseconds < 1000) return `${Math.floor(milliseconds)}ms`;
  const s = Math.max(0, Math.floor(milliseconds / 1000));
  if (s < 60) return `${s}s`;
  const two = (n: number): string => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d ${two(Math.floor((s % 86400) / 3600))}h`;
}

/** Distances between marks on an axis of time that read well, in seconds. */
export const timeSteps = [1, 2, 5, 10, 15, 30].flatMap((s) => [s, 60 * s]).concat([1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672].map((h) => 3600 * h)).sort((a, b) => a - b);

/** Times from 0 to an end at which marks read well, four to six of them, in seconds. */
export function timesOf(seconds: number): number[] {
  const fitting = timeSteps.find((step) => seconds / step <= 5) ?? timeSteps.at(-1) ?? 1;
  const step = seconds / fitting > 5 ? fitting * Math.ceil(seconds / fitting / 5) : fitting;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, k) => k * step);
}

/** A moment as seen from another: "just now", "5 min ago", then the date. */
export function ago(then: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(then)) / 1000);
  if (Number.isNaN(seconds)) return none;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(then).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** A moment in full, in the reader's own time zone. */
export function fullTime(then: string): string {
  return new Date(then).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** A count and its noun. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/** "user_error" as words. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}
