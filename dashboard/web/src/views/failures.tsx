// What went wrong, the most frequent first, with the last lines that each left.

import { Icon } from "../components/icon";
import { Trouble } from "../components/problem";
import { ago, count, grouped, words } from "../format";
import { useNow } from "../clock";
import { useView } from "../resource";
import { trialHref } from "../router";
import { where } from "../selection";
import type { ViewFailures } from "../api";
import type { ViewProps } from ".";

const advice: Record<string, string> = {
  user_error: "The trainer refused or broke. The lines below are its own.",
  oom: "It ran out of memory. Give workers fewer slots, or make the largest models smaller.",
  timeout: "It ran past its limit.",
  poison: "Its workers died ten times in a row. Look at the worker's machine: memory, disk, drivers.",
  spec_invalid: "No worker can run it. Look at the space for combinations that make no sense.",
  data_corrupt: "Its data never matched their hash. Look at the disk and at the blob store.",
  diverged: "Its loss stopped being a number. Lower the upper end of the learning rate, or of whatever makes steps large.",
};

function Group({ group: g, id, now }: { group: ViewFailures["groups"][number]; id: string; now: number }) {
  const key = g.reason ?? g.state;
  return (
    <section class="card panel fault" aria-label={`${words(key)}: ${g.line}`}>
      <div class="card-head">
        <h2><Icon name={g.state === "diverged" ? "diverged" : "failed"} size={16} /> {words(key)}</h2>
        <p class="muted">
          <strong>{count(g.count, "trial")}</strong>
          {g.attempts > g.count && `, ${grouped(g.attempts)} attempts`}
          {g.newest !== undefined && g.newest !== null && `, the last ${ago(g.newest, now)}`}
        </p>
      </div>
      <p class="muted fault-advice">{advice[key] ?? ""}</p>
      {g.error.trim() !== "" && <pre tabIndex={0} role="region" aria-label={`The last lines of trial ${g.trials[0] ?? ""}`}>{g.error.trim()}</pre>}
      <p class="fault-trials">
        {g.trials.map((n) => <a key={n} href={trialHref(id, n)}>{n}</a>)}
        {g.count > g.trials.length && <span class="muted">and {grouped(g.count - g.trials.length)} more</span>}
      </p>
    </section>
  );
}

export default function Failures({ view, sweep }: ViewProps) {
  const resource = useView(view, "failures", { where: where.value });
  const now = useNow(false);
  const data = resource.data.value;
  if (data === null) return <><Trouble problem={resource.problem.value} /><p class="loading" role="status">Loading…</p></>;
  return (
    <>
      <Trouble problem={resource.problem.value} />
      {data.groups.length === 0 ? (
        <section class="card centre muted none">{where.value === "" ? "No trial has failed or diverged." : "No trial of the selection has failed or diverged."}</section>
      ) : (
        <>
          <p class="muted summary">{count(data.total, "trial")} of {grouped(data.of)} ended badly, in {count(data.groups.length, "way")}.</p>
          <div class="views-1">{data.groups.map((g) => <Group key={`${g.state} ${g.reason ?? ""} ${g.line}`} group={g} id={sweep.id} now={now} />)}</div>
        </>
      )}
    </>
  );
}
