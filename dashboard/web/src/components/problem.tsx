// What is wrong, plainly, and what can be done about it.

import type { Problem } from "../api";

export function ProblemCard({ problem, onRetry }: { problem: Problem; onRetry: () => void }) {
  const comesBack = problem.status === 0 || problem.status >= 500 || problem.status === 429;
  return (
    <section class="card problem" role="alert">
      <h1>{problem.message}</h1>
      {problem.detail !== "" && <p>{problem.detail}</p>}
      {comesBack && <p class="muted">Trying again by itself. If this stays, check that “tourney up” still runs.</p>}
      <p class="actions">
        <button type="button" class="button" onClick={onRetry}>
          Try again now
        </button>
        <a class="button" href="/">
          All sweeps
        </a>
      </p>
    </section>
  );
}

/** One line above a page whose data could not be refreshed. */
export function Trouble({ problem }: { problem: Problem | null }) {
  return (
    <div role="status">
      {problem !== null && (
        <p class="notice tone-bad">
          Could not refresh: {problem.message}
          {problem.detail !== "" && `, ${problem.detail}`}
        </p>
      )}
    </div>
  );
}
