// One trial: what it tried, how it went, where it ran, and what is left of it.

import { useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem, type Sweep, type Trial } from "../api";
import { useNow } from "../clock";
import { bytes } from "../bytes";
import { Appraisal } from "../components/appraisal";
import { Confirm } from "../components/confirm";
import { Learning, Legend, type Line } from "../components/learning";
import { Log } from "../components/log";
import { ProblemCard, Trouble } from "../components/problem";
import { Refusal } from "../components/refusal";
import { TrialStateText } from "../components/state";
import { ago, count, duration, fullTime, grouped, paramText, significant, words } from "../format";
import type { PageProps } from "../pages";
import { artifactHref, getAppraisal, getArtifacts, getAttempts, getModels, getPoints, getSweepOf, getTrialOf, modelHref, newKey, orNull, retryTrial, type Artifact, type Attempt } from "../requests";
import { useResource } from "../resource";
import { compareHref, go, sweepHref, trialHref } from "../router";
import { canChange } from "../session";
import { ended, rungBudgets } from "../sweep";
import { useTicks } from "../ticks";

export default function TrialPage({ route }: PageProps) {
  if (route.page !== "trial") return null;
  return <One key={`${route.id}/${route.n}`} id={route.id} n={route.n} />;
}

function One({ id, n }: { id: string; n: number }) {
  const [after, setAfter] = useState<number | null>(null);
  const [running, setRunning] = useState(true);
  const ticks = useTicks(id, after, (e) => !("trial" in e.body) || e.body.trial === n || e.kind === "reported", running);
  const all = useResource(`trial ${id} ${n}`, async (signal) => {
    const sweep = await getSweepOf(id, signal);
    const [trial, points, attempts] = await Promise.all([getTrialOf(id, n, signal), getPoints(id, n, signal), getAttempts(id, n, signal)]);
    const best = sweep.best !== undefined && sweep.best.number !== n ? sweep.best : null;
    const bestPoints = best === null ? null : await getPoints(id, best.number, signal);
    return { sweep, trial, points: points.items, attempts: attempts.items, best, bestPoints: bestPoints?.items ?? [] };
  }, ticks);
  const data = all.data.value;
  useEffect(() => {
    document.title = `Trial ${n} · Tourney`;
  }, [n]);
  useEffect(() => {
    if (data === null) return;
    setAfter((a) => a ?? data.sweep.cursor);
    setRunning(!ended.includes(data.trial.state));
  }, [data]);
  const now = useNow(running);
  if (data === null) {
    const problem = all.problem.value;
    return problem === null ? <p class="loading" role="status">Loading…</p> : <ProblemCard problem={problem} onRetry={() => all.ask()} />;
  }
  const { sweep, trial, best } = data;
  const lines: Line[] = [{ name: `Trial ${n}`, points: data.points }];
  if (best !== null && data.bestPoints.length > 0) lines.push({ name: `Incumbent, trial ${best.number}`, points: data.bestPoints, href: trialHref(id, best.number) });
  const command = sweep.spec.trainer === "command";
  return (
    <>
      <Head sweep={sweep} trial={trial} now={now} />
      <Trouble problem={all.problem.value} />
      {(trial.reason !== undefined || trial.error !== undefined) && <Failure trial={trial} />}
      <div class="trial-top">
        <Parameters sweep={sweep} trial={trial} best={best} />
        <div>
          <Learning lines={lines} metric={sweep.spec.metric.name} empty={points0(trial)} />
          <Legend lines={lines} />
        </div>
      </div>
      <div class="views-2">
        <Metrics trial={trial} best={best} />
        <Attempts attempts={data.attempts} total={trial.attempts} now={now} rungs={rungBudgets(sweep)} />
      </div>
      {command && <Log id={id} n={n} attempts={trial.attempts} ticks={ticks} />}
      {command && <Artifacts id={id} n={n} key={trial.state} />}
      {trial.state === "completed" && sweep.state === "completed" && <Left id={id} n={n} />}
    </>
  );
}

const points0 = (trial: Trial): string =>
  trial.state === "queued" ? "The trial waits for a worker; its curve begins with its first report." : ended.includes(trial.state) ? "It ended before its first report." : "The curve begins with the first report.";

function Head({ sweep, trial, now }: { sweep: Sweep; trial: Trial; now: number }) {
  const { spec } = sweep;
  const last = trial.ended_at === undefined ? now : Date.parse(trial.ended_at);
  const best = sweep.best;
  const leads = best?.number === trial.number;
  const facts: [string, string][] = [
    [spec.metric.name, trial.value === null ? "–" : significant(trial.value, 5)],
    ["Rung", trial.rung < 0 ? "–" : `${trial.rung}${rungBudgets(sweep).length > 0 ? ` of 0 to ${rungBudgets(sweep).length - 1}` : ""}`],
    ["Steps", `${grouped(trial.step)}${trial.best_step > 0 && trial.best_step !== trial.step ? `, best at ${grouped(trial.best_step)}` : ""}`],
    ["Since proposed", duration(last - Date.parse(trial.created_at))],
    ["Attempts", String(trial.attempts)],
  ];
  if (trial.telemetry !== undefined) {
    facts.push(["Speed", `${grouped(Math.round(trial.telemetry.rows_per_second))} rows / s`], ["Memory of its worker", bytes(trial.telemetry.memory_bytes)]);
  }
  return (
    <header>
      <p class="crumbs"><a href="/">Sweeps</a> / <a href={sweepHref(sweep.id)}>{spec.name || sweep.id}</a></p>
      <div class="page-head">
        <div class="title">
          <h1>Trial {trial.number}</h1>
          <TrialStateText state={trial.state} />
          {leads && <span class="badge tone-accent">{sweep.state === "completed" ? "winner" : "incumbent"}</span>}
          {trial.parent !== undefined && <span class="muted">goes on from <a href={trialHref(sweep.id, trial.parent.trial)}>trial {trial.parent.trial}</a> at step {trial.parent.step}</span>}
          {trial.retry_of !== undefined && <span class="muted">tries <a href={trialHref(sweep.id, trial.retry_of)}>trial {trial.retry_of}</a> again</span>}
        </div>
        <div class="controls">
          <a class="button" href={trialHref(sweep.id, Math.max(0, trial.number - 1))} aria-disabled={trial.number === 0}>Previous</a>
          <a class="button" href={trialHref(sweep.id, trial.number + 1)}>Next</a>
          {best !== undefined && !leads && <a class="button" href={compareHref(sweep.id, [trial.number, best.number])}>Compare with the incumbent</a>}
          {canChange.value && trial.state === "failed" && <Retry id={sweep.id} n={trial.number} />}
        </div>
      </div>
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </header>
  );
}

function Retry({ id, n }: { id: string; n: number }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const key = useRef(newKey());
  const retry = async (): Promise<void> => {
    setBusy(true);
    setRefusal(null);
    try {
      const answer = await retryTrial(id, n, key.current);
      key.current = newKey();
      await getTrialOf(id, answer.trial).then(() => go(trialHref(id, answer.trial)), () => go(sweepHref(id)));
    } catch (err) {
      setRefusal(asProblem(err));
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class="button primary" disabled={busy} onClick={() => dialog.current?.showModal()}>Retry…</button>
      <Refusal problem={refusal} />
      <Confirm dialog={dialog} title={`Try trial ${n} again?`} keep="Leave it" yes="Retry" onYes={() => void retry()}>
        A new trial gets its parameters, beyond the sweep's cap. This one stays as it is. A sweep that has ended goes on for it, and is marked as unsealed if its test metrics were known.
      </Confirm>
    </>
  );
}

function Failure({ trial }: { trial: Trial }) {
  return (
    <section class="card panel failure" aria-labelledby="failure-title">
      <h2 id="failure-title" class="tone-bad">{trial.reason === undefined ? "What went wrong" : words(trial.reason)}</h2>
      {trial.error !== undefined && <pre class="log" tabIndex={0} aria-label="The last lines">{trial.error}</pre>}
    </section>
  );
}

const same = (a: unknown, b: unknown): boolean => a === b;

function difference(a: unknown, b: unknown): string {
  if (typeof a !== "number" || typeof b !== "number" || a === b) return "";
  if (a > 0 && b > 0) {
    const ratio = a / b;
    return ratio >= 1.995 || ratio <= 0.5013 ? `${significant(ratio >= 1 ? ratio : 1 / ratio, 3)} × ${ratio >= 1 ? "larger" : "smaller"}` : `${ratio >= 1 ? "+" : "−"}${significant(100 * Math.abs(ratio - 1), 3)} %`;
  }
  return `${a >= b ? "+" : "−"}${significant(Math.abs(a - b), 3)}`;
}

function Parameters({ sweep, trial, best }: { sweep: Sweep; trial: Trial; best: Trial | null }) {
  const names = [...new Set([...Object.keys(sweep.spec.parameters), ...Object.keys(trial.params)])].filter((name) => name in trial.params || (best !== null && name in best.params)).sort();
  return (
    <section class="card panel" aria-labelledby="parameters-title">
      <h2 id="parameters-title">Parameters {best !== null && <span class="muted">beside the incumbent's, <a href={trialHref(sweep.id, best.number)}>trial {best.number}</a></span>}</h2>
      <table class="grid facts-table">
        <caption class="hidden">Parameters of trial {trial.number}</caption>
        <thead><tr><th scope="col">Parameter</th><th scope="col" class="num">This trial</th>{best !== null && <><th scope="col" class="num">Incumbent</th><th scope="col">Difference</th></>}</tr></thead>
        <tbody>
          {names.map((name) => {
            const differs = best !== null && !same(trial.params[name], best.params[name]);
            return (
              <tr key={name} data-differs={differs}>
                <th scope="row">{name}</th>
                <td class="num" title={String(trial.params[name])}>{paramText(trial.params[name], 5)}</td>
                {best !== null && (
                  <>
                    <td class="num" title={String(best.params[name])}>{paramText(best.params[name], 5)}</td>
                    <td class="muted">{differs ? difference(trial.params[name], best.params[name]) || "differs" : "same"}</td>
                  </>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Metrics({ trial, best }: { trial: Trial; best: Trial | null }) {
  const names = Object.keys(trial.metrics).sort();
  return (
    <section class="card panel" aria-labelledby="metrics-title">
      <h2 id="metrics-title">Metrics {trial.best_step > 0 && <span class="muted">at step {trial.best_step}</span>}</h2>
      {names.length === 0 ? <p class="muted">Nothing has been reported yet.</p> : (
        <table class="grid facts-table">
          <caption class="hidden">Metrics of trial {trial.number}</caption>
          <thead><tr><th scope="col">Metric</th><th scope="col" class="num">This trial</th>{best !== null && <th scope="col" class="num">Incumbent</th>}</tr></thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="num" title={String(trial.metrics[name])}>{significant(trial.metrics[name] ?? NaN, 5)}</td>
                {best !== null && <td class="num">{best.metrics[name] === undefined ? "–" : significant(best.metrics[name], 5)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const outcomes: Record<string, string> = { done: "done", diverged: "diverged", failed: "failed", preempted: "preempted", lost: "lost", stopped: "stopped", "": "running" };

function Attempts({ attempts, total, now, rungs }: { attempts: Attempt[]; total: number; now: number; rungs: number[] }) {
  const lost = attempts.filter((a) => a.outcome === "lost" || a.outcome === "preempted").length;
  return (
    <section class="card panel" aria-labelledby="attempts-title">
      <h2 id="attempts-title">Attempts {lost > 0 && <span class="muted">{lost} preempted or lost, which does not count against the trial</span>}</h2>
      {attempts.length === 0 ? <p class="muted">No worker has claimed it yet.</p> : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of attempts">
          <table class="grid facts-table">
            <caption class="hidden">Where the trial ran</caption>
            <thead><tr><th scope="col" class="num">#</th><th scope="col">Worker</th><th scope="col" class="num">Rung</th><th scope="col" class="num">To step</th><th scope="col">Outcome</th><th scope="col" class="num">Began</th><th scope="col" class="num">Took</th></tr></thead>
            <tbody>
              {attempts.map((a) => (
                <tr key={a.attempt}>
                  <td class="num">{a.attempt}</td>
                  <td><a href={`/fleet?worker=${encodeURIComponent(a.worker)}`} title={a.worker}>{a.host ?? a.worker}</a>{a.pool !== undefined && a.pool !== "default" && <span class="muted"> {a.pool}</span>}</td>
                  <td class="num">{rungs.length > 0 && a.rung >= rungs.length ? "final" : a.rung}</td>
                  <td class="num">{a.outcome === undefined ? "–" : grouped(a.step)}</td>
                  <td class={a.outcome === "failed" || a.outcome === "lost" || a.outcome === "diverged" ? "tone-bad" : ""}>{outcomes[a.outcome ?? ""] ?? a.outcome}</td>
                  <td class="num"><time dateTime={a.started_at} title={fullTime(a.started_at)}>{ago(a.started_at, now)}</time></td>
                  <td class="num">{duration((a.ended_at === undefined ? now : Date.parse(a.ended_at)) - Date.parse(a.started_at))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {total > attempts.length && <p class="muted small">The newest {attempts.length} of {count(total, "attempt")}.</p>}
    </section>
  );
}

function Artifacts({ id, n }: { id: string; n: number }) {
  const files = useResource<{ items: Artifact[] } | null>(`artifacts ${id} ${n}`, (signal) => orNull(getArtifacts(id, n, signal)));
  const items = files.data.value?.items ?? [];
  return (
    <section class="card panel" aria-labelledby="artifacts-title">
      <h2 id="artifacts-title">Artifacts</h2>
      {items.length === 0 ? <p class="muted">The program has left no files.</p> : (
        <ul class="files">
          {items.map((file) => <li key={file.name}><a href={artifactHref(id, n, file.name)} download>{file.name}</a> <span class="muted">{bytes(file.size)}</span></li>)}
        </ul>
      )}
    </section>
  );
}

/** The model of a finalist, and how it did. */
function Left({ id, n }: { id: string; n: number }) {
  const left = useResource(`left ${id} ${n}`, async (signal) => {
    const models = await getModels(id, signal);
    return models.items.some((m) => m.trial === n) ? { appraisal: await getAppraisal(id, n, signal) } : null;
  });
  const data = left.data.value;
  if (data === null) return null;
  return (
    <>
      <p class="actions left"><a class="button" href={modelHref(id, n)} download={`${id}-${n}.json`}>Download the model</a> <a class="button" href="/models">How to predict with it</a></p>
      {data.appraisal !== null && <Appraisal data={data.appraisal} />}
    </>
  );
}
