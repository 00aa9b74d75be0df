// All sweeps, newest first.

import { useEffect, useMemo } from "preact/hooks";
import type { Sweep } from "../api";
import { ProblemCard, Trouble } from "../components/problem";
import { ProgressBar } from "../components/progress";
import { Badge } from "../components/state";
import { useNow } from "../clock";
import { ago, count, duration, fullTime, grouped, significant } from "../format";
import { sweepHref } from "../router";
import { elapsed, isTerminal, methodText, progressOf } from "../sweep";
import { SweepsView } from "../store";

function Row({ sweep, now }: { sweep: Sweep; now: number }) {
  const { spec } = sweep;
  const progress = progressOf(sweep);
  const began = sweep.started_at ?? sweep.created_at;
  const value = sweep.best?.value;
  return (
    <tr data-sweep={sweep.id}>
      <th scope="row">
        <a href={sweepHref(sweep.id)}>{spec.name || sweep.id}</a>
        <span class="sub">
          <span class="not-wide">{spec.dataset} · </span>
          {spec.trainer}
          <span class="not-wide"> · {methodText(spec)}</span>
        </span>
        <span class="only-narrow"><Badge state={sweep.state} /></span>
      </th>
      <td class="not-narrow"><Badge state={sweep.state} /></td>
      <td class="progress-cell">
        <span class="progress-count">{grouped(progress.ended)}<span class="muted"> / {grouped(progress.cap)}</span></span>
        <ProgressBar progress={progress} label={`Progress of ${spec.name || sweep.id}`} />
      </td>
      <td class="num best">
        {value === undefined || value === null ? "–" : <strong title={String(value)}>{significant(value, 5)}</strong>}
        <span class="sub">{spec.metric.name} {spec.metric.goal === "maximize" ? "↑" : "↓"}</span>
      </td>
      <td class="only-wide">{spec.dataset}</td>
      <td class="only-wide">{methodText(spec)}</td>
      <td class="num not-narrow"><time dateTime={began} title={fullTime(began)}>{ago(began, now)}</time></td>
      <td class="num not-narrow">{sweep.started_at === undefined ? "–" : duration(elapsed(sweep, now))}</td>
    </tr>
  );
}

function Empty() {
  return (
    <section class="card empty">
      <h2>No sweep yet</h2>
      <p>Start one from a terminal. It appears here by itself:</p>
      <pre><code>tourney run examples/digits.yaml</code></pre>
      <p class="muted">A sweep file names a dataset, a trainer, a metric and the parameters to search. The example searches models of handwritten digits.</p>
    </section>
  );
}

export function SweepsPage() {
  const view = useMemo(() => new SweepsView(), []);
  useEffect(() => {
    document.title = "Sweeps · Tourney";
    view.start();
    return () => view.stop();
  }, [view]);
  const sweeps = view.sweeps.value;
  const active = sweeps.filter((s) => !isTerminal(s.state)).length;
  const now = useNow(active > 0);

  if (view.problem.value !== null) return <ProblemCard problem={view.problem.value} onRetry={() => view.start()} />;
  if (!view.loaded.value) return <p class="loading" role="status">Loading…</p>;
  return (
    <>
      <div class="page-head">
        <h1>Sweeps</h1>
        <p class="muted" role="status">{sweeps.length > 0 && (active > 0 ? `${grouped(active)} active` : "none active")}</p>
      </div>
      <Trouble problem={view.trouble.value} />
      {sweeps.length === 0 ? <Empty /> : (
        <section class="card sweeps">
          <table class="grid">
            <caption class="hidden">Sweeps, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="not-narrow">State</th>
                <th scope="col">Trials</th>
                <th scope="col" class="num best">Best</th>
                <th scope="col" class="only-wide">Dataset</th>
                <th scope="col" class="only-wide">Method</th>
                <th scope="col" class="num not-narrow">Started</th>
                <th scope="col" class="num not-narrow">Duration</th>
              </tr>
            </thead>
            <tbody>{sweeps.map((s) => <Row key={s.id} sweep={s} now={now} />)}</tbody>
          </table>
          {view.hasMore.value && (
            <p class="more">
              <button type="button" class="button" onClick={() => view.more()}>Show more than {count(sweeps.length, "sweep")}</button>
            </p>
          )}
        </section>
      )}
    </>
  );
}
