// Why the last action was refused.

import type { Problem } from "../api";

export function Refusal({ problem }: { problem: Problem | null }) {
  return (
    <div role="alert">
      {problem !== null && (
        <div class="notice tone-bad">
          {problem.message}
          {problem.detail !== "" && `: ${problem.detail}`}
          {problem.errors.length > 1 && <ul>{problem.errors.map((e, i) => <li key={i}>{e.path === "" ? e.message : `${e.path}: ${e.message}`}</li>)}</ul>}
        </div>
      )}
    </div>
  );
}
