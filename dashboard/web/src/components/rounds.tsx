// The rungs as rounds of a tournament: the widest field at the bottom, the
// final at the top.

import type { Spec } from "../api";
import { count, grouped } from "../format";
import type { RungCount } from "../sweep";

function nameOf(rung: number, top: number): string {
  return rung === top && top > 0 ? "Final" : `Round ${rung + 1}`;
}

export function Rounds({ spec, rungs, field }: { spec: Spec; rungs: RungCount[]; field: number }) {
  const widest = Math.max(1, field, ...rungs.map((r) => r.reached));
  const top = rungs.length - 1;
  return (
    <section class="card rounds" aria-labelledby="rounds-title">
      <h2 id="rounds-title">Rounds</h2>
      <p class="muted">Of each {spec.early_terminate?.eta ?? 0} trials, one goes on.</p>
      <table>
        <caption class="hidden">Trials that have finished each rung, the highest first</caption>
        <tbody>
          {[...rungs].reverse().map((r) => (
            <tr key={r.rung} data-rung={r.rung} class={r.rung === top ? "final" : ""}>
              <th scope="row">
                {nameOf(r.rung, top)} <span class="muted">{count(r.budget, "step")}</span>
                <span class="round-count">
                  {r.exact ? "" : "≥ "}
                  {grouped(r.reached)}
                </span>
              </th>
              <td aria-hidden="true">
                <span class="round-bar" style={{ width: `${(100 * r.reached) / widest}%` }} data-empty={r.reached === 0} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
