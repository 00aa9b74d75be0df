// What is selected, in words, and how to let go of it.

import { paramText } from "../format";
import { clearSelection, select, selection, type Clause } from "../selection";

/** The levels of a parameter by name, to call a place by its value. */
export type LevelsOf = (name: string) => readonly unknown[] | undefined;

function clauseText(clause: Clause, levels: LevelsOf): string {
  const name = clause.name.replace(/^@/, "");
  if ("places" in clause) {
    const known = levels(clause.name);
    return `${name}: ${clause.places.map((p) => (known?.[p] === undefined ? `#${p}` : paramText(known[p]))).join(", ")}`;
  }
  if (clause.low === null) return `${name} ≤ ${paramText(clause.high)}`;
  if (clause.high === null) return `${name} ≥ ${paramText(clause.low)}`;
  return `${name}: ${paramText(clause.low)} to ${paramText(clause.high)}`;
}

export function SelectionBar({ levels }: { levels: LevelsOf }) {
  const clauses = selection.value;
  if (clauses.length === 0) return null;
  return (
    <div class="selection" role="group" aria-label="Selection of trials">
      <span class="muted">Only trials with</span>
      {clauses.map((clause) => (
        <button key={clause.name} type="button" class="chip" onClick={() => select(clause.name, null)} aria-label={`Remove ${clauseText(clause, levels)}`}>
          {clauseText(clause, levels)} <span aria-hidden="true">×</span>
        </button>
      ))}
      <button type="button" class="link" onClick={clearSelection}>Show all</button>
    </div>
  );
}
