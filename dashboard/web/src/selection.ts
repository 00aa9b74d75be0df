// The selection: which trials all views of a sweep and its table show. It is
// clauses on parameters, as brushes on axes make them, kept in the address
// (?where=) and understood by the service:
//
//	learning_rate:0.001..0.1;optimizer:0,2;@value:0.9..
//
// A range is closed and may be open to a side; a list holds the places of
// values in the parameter's list. Names that begin with @ are the trial's own.

import { computed } from "@preact/signals";
import { query, setQuery } from "./router";

export type Clause =
  | { name: string; low: number | null; high: number | null } // null: open to that side
  | { name: string; places: number[] };

const number = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

function parseClause(text: string): Clause | null {
  const colon = text.indexOf(":");
  if (colon < 1) return null;
  const name = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  const range = rest.split("..");
  if (range.length === 2) {
    const [low = "", high = ""] = range;
    if ((low !== "" && !number.test(low)) || (high !== "" && !number.test(high)) || low + high === "") return null;
    return { name, low: low === "" ? null : Number(low), high: high === "" ? null : Number(high) };
  }
  if (!/^\d+(,\d+)*$/.test(rest)) return null;
  return { name, places: rest.split(",").map(Number) };
}

/** The clauses of a text; those that make no sense are left out. */
export function parseWhere(text: string): Clause[] {
  return text.split(";").map(parseClause).filter((clause) => clause !== null);
}

const side = (x: number | null): string => (x === null ? "" : String(x));

export function formatWhere(clauses: Clause[]): string {
  return clauses.map((c) => `${c.name}:${"places" in c ? c.places.join(",") : `${side(c.low)}..${side(c.high)}`}`).join(";");
}

/** The clauses with the one of that name replaced, or removed if there is none. */
export function withClause(clauses: Clause[], name: string, clause: Clause | null): Clause[] {
  const others = clauses.filter((c) => c.name !== name);
  return clause === null ? others : [...others, clause];
}

export const selection = computed<Clause[]>(() => parseWhere(query.value.get("where") ?? ""));

/** The selection as the service reads it; empty: all trials. */
export const where = computed(() => formatWhere(selection.value));

export function select(name: string, clause: Clause | null): void {
  setQuery({ where: formatWhere(withClause(selection.peek(), name, clause)) });
}

export const clearSelection = (): void => setQuery({ where: null });

/** Numbers of the trials that the reader keeps in sight. */
export const pinned = computed<number[]>(() => {
  const text = query.value.get("pin") ?? "";
  return /^\d+(,\d+)*$/.test(text) ? [...new Set(text.split(",").map(Number))].slice(0, 16) : [];
});

export function togglePin(n: number): void {
  const now = pinned.peek();
  setQuery({ pin: (now.includes(n) ? now.filter((p) => p !== n) : [...now, n]).join(",") });
}
