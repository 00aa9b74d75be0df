// The workers: who is there, what they do, what it costs, who went and why.

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { asProblem, type Event, type Problem, type Sweep } from "../api";
import { useNow } from "../clock";
import { Confirm } from "../components/confirm";
import { ProblemCard, Trouble } from "../components/problem";
import { Refusal } from "../components/refusal";
import { ago, count, duration, fullTime, grouped, significant } from "../format";
import { drainWorker, getNewestSweeps, getWorkers, type Lifetime, type Worker } from "../requests";
import { useResource } from "../resource";
import { query, sweepHref } from "../router";
import { canChange } from "../session";
import { isTerminal } from "../sweep";
import { useTicks } from "../ticks";

const minute = 60000; // milliseconds
const silent = 20000; // milliseconds unheard of after which a row says so

/** What the events that came by tell of the pace. */
class Pace {
  readonly ends = signal<number[]>([]); // times of reports in the last minute
  readonly lost = signal(0);

  take(event: Event): void {
    const now = Date.now();
    if (event.kind === "reported") this.ends.value = [...this.ends.peek().filter((t) => now - t < minute), now].slice(-5000);
    if (event.kind === "lost") this.lost.value++;
  }
}

const isHere = (w: Worker): boolean => w.state === "active" || w.state === "draining";

export default function Fleet() {
  const [after, setAfter] = useState<number | null>(null);
  const pace = useMemo(() => new Pace(), []);
  const ticks = useTicks(null, after, (event) => {
    pace.take(event);
    return true;
  }, true);
  const all = useResource("fleet", async (signal) => {
    const [workers, sweeps] = await Promise.all([getWorkers(signal), getNewestSweeps(signal)]);
    return { workers: workers.items, lifetimes: workers.lifetimes, sweeps: sweeps.items };
  }, ticks);
  const data = all.data.value;
  useEffect(() => {
    document.title = "Fleet · Tourney";
  }, []);
  useEffect(() => {
    if (data !== null) setAfter((a) => a ?? Math.max(0, ...data.sweeps.map((s) => s.cursor)));
  }, [data]);
  const now = useNow(true);
  if (data === null) {
    const problem = all.problem.value;
    return problem === null ? <p class="loading" role="status">Loading…</p> : <ProblemCard problem={problem} onRetry={() => all.ask()} />;
  }
  const here = data.workers.filter(isHere);
  const gone = data.workers.filter((w) => !isHere(w));
  const active = data.sweeps.filter((s) => !isTerminal(s.state));
  return (
    <>
      <div class="page-head">
        <h1>Fleet</h1>
        <p class="muted" role="status">{count(here.length, "worker")}</p>
      </div>
      <Trouble problem={all.problem.value} />
      <Summary here={here} all={data.workers} pace={pace} started={now} />
      <Skew workers={here} />
      <Queues sweeps={active} workers={here} />
      {here.length === 0 ? <None waiting={active.length > 0} /> : <Workers workers={here} now={now} changed={() => all.ask()} />}
      {gone.length > 0 && <Gone workers={gone} now={now} />}
      <Lifetimes lifetimes={data.lifetimes} />
    </>
  );
}

function Summary({ here, all, pace, started }: { here: Worker[]; all: Worker[]; pace: Pace; started: number }) {
  const slots = here.reduce((sum, w) => sum + w.slots, 0);
  const running = here.reduce((sum, w) => sum + w.running, 0);
  const prices = here.filter((w) => w.price_per_hour !== undefined);
  const cost = prices.reduce((sum, w) => sum + (w.price_per_hour ?? 0), 0);
  const recent = pace.ends.value.filter((t) => Date.now() - t < minute).length;
  void started; // read again each second, so that old reports leave the rate
  const facts: [string, string][] = [
    ["Slots", grouped(slots)],
    ["Attempts running", grouped(running)],
    ["Heats", grouped(here.reduce((sum, w) => sum + w.heats, 0))],
    ["Rung ends in a minute", grouped(recent)],
    ["Spot", `${grouped(here.filter((w) => w.spot === true).length)} of ${grouped(here.length)}`],
    ["Gave back", grouped(all.reduce((sum, w) => sum + w.preempted, 0))],
    ["Lost", grouped(all.reduce((sum, w) => sum + w.lost, 0))],
  ];
  if (prices.length > 0) facts.push(["Cost", `${significant(cost, 3)} an hour${prices.length < here.length ? `, of ${prices.length} with a price` : ""}`]);
  return <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Skew({ workers }: { workers: Worker[] }) {
  const versions = [...new Set(workers.map((w) => w.version))].sort();
  if (versions.length < 2) return null;
  const text = versions.map((v) => `${v} (${workers.filter((w) => w.version === v).length})`).join(", ");
  return <p class="notice">Workers are of different versions: {text}. The board stays the same only among equal ones: drain the old ones and start them anew.</p>;
}

function Queues({ sweeps, workers }: { sweeps: Sweep[]; workers: Worker[] }) {
  const pools = new Map<string, Sweep[]>();
  for (const sweep of sweeps) {
    const pool = sweep.amended?.pool ?? sweep.spec.pool ?? "default";
    pools.set(pool, [...(pools.get(pool) ?? []), sweep]);
  }
  if (pools.size === 0) return null;
  return (
    <section class="card sweeps fleet-card" aria-labelledby="queues-title">
      <h2 id="queues-title">Queues</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of queues">
        <table class="grid">
          <caption class="hidden">What waits in each pool</caption>
          <thead><tr><th scope="col">Pool</th><th scope="col" class="num">Queued</th><th scope="col" class="num">Running</th><th scope="col" class="num">Workers</th><th scope="col">Sweeps</th></tr></thead>
          <tbody>
            {[...pools].sort(([a], [b]) => (a < b ? -1 : 1)).map(([pool, list]) => {
              const there = workers.filter((w) => w.pool === pool && w.state === "active").length;
              return (
                <tr key={pool}>
                  <th scope="row">{pool}</th>
                  <td class="num">{grouped(list.reduce((sum, s) => sum + (s.counts.queued ?? 0), 0))}</td>
                  <td class="num">{grouped(list.reduce((sum, s) => sum + (s.counts.running ?? 0), 0))}</td>
                  <td class="num">{there === 0 ? <span class="tone-bad">none</span> : grouped(there)}</td>
                  <td class="wrap">{list.slice(0, 8).map((s, i) => <span key={s.id}>{i > 0 && ", "}<a class="plain-link" href={sweepHref(s.id)}>{s.spec.name || s.id}</a></span>)}{list.length > 8 && ` and ${list.length - 8} more`}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function None({ waiting }: { waiting: boolean }) {
  return (
    <section class="card empty">
      <h2>No worker is here</h2>
      <p>{waiting ? "Sweeps wait for one. " : ""}Start one on any machine that reaches this server; it appears here by itself:</p>
      <pre tabIndex={0} aria-label="The command"><code>tourney worker --server {location.origin} --token TOKEN</code></pre>
      <p class="muted">A token of scope worker comes from “tourney token create NAME --scope worker”. On this machine alone, “tourney up --workers 1” brings workers of its own.</p>
    </section>
  );
}

function where(w: Worker): string {
  return [w.cloud, w.instance, w.zone].filter((t) => t !== undefined && t !== "").join(" · ");
}

function Workers({ workers, now, changed }: { workers: Worker[]; now: number; changed: () => void }) {
  const chosen = query.value.get("worker");
  return (
    <section class="card fleet-card" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of workers">
        <table class="grid">
          <caption class="hidden">Workers that are here, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">Pool</th>
              <th scope="col">State</th>
              <th scope="col" class="num">Running</th>
              <th scope="col" class="num">Heats</th>
              <th scope="col" class="num">Slots</th>
              <th scope="col">Where</th>
              <th scope="col" class="num">An hour</th>
              <th scope="col" class="num">Datasets</th>
              <th scope="col" class="num">Gave back / lost</th>
              <th scope="col" class="num">Here for</th>
              <th scope="col" class="num">Heard</th>
              <th scope="col">Version</th>
              <th scope="col"><span class="hidden">Actions</span></th>
            </tr>
          </thead>
          <tbody>{workers.map((w) => <Row key={w.id} worker={w} now={now} chosen={w.id === chosen} changed={changed} />)}</tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ worker: w, now, chosen, changed }: { worker: Worker; now: number; chosen: boolean; changed: () => void }) {
  const quiet = now - Date.parse(w.last_seen_at);
  return (
    <tr data-worker={w.id} data-chosen={chosen}>
      <th scope="row">{w.host}<span class="sub">{w.id}</span></th>
      <td>{w.pool}</td>
      <td>{w.state}{w.why !== undefined && <span class="sub">{w.why}</span>}</td>
      <td class="num">{grouped(w.running)}</td>
      <td class="num">{grouped(w.heats)}</td>
      <td class="num">{grouped(w.slots)}</td>
      <td>{where(w) || "–"}{w.spot === true && <span class="sub">spot</span>}</td>
      <td class="num">{w.price_per_hour === undefined ? "–" : significant(w.price_per_hour, 3)}</td>
      <td class="num">{grouped(w.datasets.length)}</td>
      <td class="num">{grouped(w.preempted)} / {w.lost > 0 ? <span class="tone-bad">{grouped(w.lost)}</span> : "0"}</td>
      <td class="num"><time dateTime={w.enrolled_at} title={fullTime(w.enrolled_at)}>{duration(now - Date.parse(w.enrolled_at))}</time></td>
      <td class="num"><time dateTime={w.last_seen_at} title={fullTime(w.last_seen_at)} class={quiet > 2 * silent ? "tone-bad" : ""}>{quiet < silent ? "now" : `${duration(quiet)} ago`}</time></td>
      <td>{w.version}</td>
      <td>{canChange.value && <Drain worker={w} changed={changed} />}</td>
    </tr>
  );
}

function Drain({ worker, changed }: { worker: Worker; changed: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [finish, setFinish] = useState(true);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const drain = async (): Promise<void> => {
    setBusy(true);
    setRefusal(null);
    try {
      await drainWorker(worker.id, finish ? "finish" : "release");
    } catch (err) {
      setRefusal(asProblem(err));
    }
    setBusy(false);
    changed();
  };
  const hurries = worker.state === "draining";
  return (
    <>
      <button type="button" class="button small" disabled={busy || worker.drain === "release"} onClick={() => dialog.current?.showModal()} aria-label={`${hurries ? "Hurry" : "Drain"} ${worker.host}`}>
        {hurries ? "Hurry…" : "Drain…"}
      </button>
      <Refusal problem={refusal} />
      <Confirm dialog={dialog} title={`Have ${worker.host} leave?`} keep="Let it stay" yes="Drain" onYes={() => void drain()}>
        <p>It claims nothing any more, and its process ends. No trial is lost, and none is charged for it.</p>
        <fieldset class="choices">
          <legend>What it runs now ({grouped(worker.running)})</legend>
          <label><input type="radio" name={`mode-${worker.id}`} checked={finish} onChange={() => setFinish(true)} /> it finishes first</label>
          <label><input type="radio" name={`mode-${worker.id}`} checked={!finish} onChange={() => setFinish(false)} /> it saves at the next step and gives back</label>
        </fieldset>
      </Confirm>
    </>
  );
}

function Gone({ workers, now }: { workers: Worker[]; now: number }) {
  return (
    <section class="card fleet-card" aria-labelledby="gone-title">
      <h2 id="gone-title">Gone in the last hour</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of workers that are gone">
        <table class="grid">
          <caption class="hidden">Workers that left or were lost</caption>
          <thead><tr><th scope="col">Worker</th><th scope="col">Pool</th><th scope="col">How</th><th scope="col" class="num">Was here</th><th scope="col" class="num">Gave back / lost</th><th scope="col" class="num">Went</th></tr></thead>
          <tbody>
            {workers.slice(0, 100).map((w) => {
              const left = w.left_at ?? w.last_seen_at;
              return (
                <tr key={w.id} data-worker={w.id}>
                  <th scope="row">{w.host}<span class="sub">{w.id}</span></th>
                  <td>{w.pool}</td>
                  <td class={w.state === "lost" ? "tone-bad" : ""}>{w.state}{(w.why ?? w.reason) !== undefined && <span class="sub">{w.why ?? w.reason}</span>}</td>
                  <td class="num">{duration(Date.parse(left) - Date.parse(w.enrolled_at))}</td>
                  <td class="num">{grouped(w.preempted)} / {grouped(w.lost)}</td>
                  <td class="num"><time dateTime={left} title={fullTime(left)}>{ago(left, now)}</time></td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Lifetimes({ lifetimes }: { lifetimes: Lifetime[] }) {
  const known = lifetimes.filter((l) => l.hours > 0);
  if (known.length === 0) return null;
  return (
    <section class="card fleet-card" aria-labelledby="lifetimes-title">
      <h2 id="lifetimes-title">How long workers last <span class="muted">those of the last week</span></h2>
      <table class="grid">
        <caption class="hidden">Lifetimes by pool</caption>
        <thead><tr><th scope="col">Pool</th><th scope="col" class="num">Hours in all</th><th scope="col" class="num">Went unasked</th><th scope="col" class="num">Hours between</th></tr></thead>
        <tbody>
          {known.map((l) => (
            <tr key={l.pool}><th scope="row">{l.pool}</th><td class="num">{significant(l.hours, 3)}</td><td class="num">{grouped(l.ends)}</td><td class="num">{l.ends === 0 ? "–" : significant(l.hours / l.ends, 3)}</td></tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
