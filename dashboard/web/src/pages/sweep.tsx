// One sweep: who leads, how it got there, and everybody else.

import { useEffect, useMemo } from "preact/hooks";
import type { Sweep } from "../api";
import { useNow } from "../clock";
import { Board } from "../components/board";
import { Champion } from "../components/champion";
import { Controls } from "../components/controls";
import { CurveCard } from "../components/curve";
import { ProblemCard, Trouble } from "../components/problem";
import { ProgressBar, progressText } from "../components/progress";
import { Rounds } from "../components/rounds";
import { SelectionBar, type LevelsOf } from "../components/selection";
import { Badge } from "../components/state";
import { Lazy } from "../components/lazy";
import { Tabs } from "../components/tabs";
import { duration, significant } from "../format";
import { canChange } from "../session";
import { tabs, type Tab } from "../router";
import { elapsed, isTerminal, methodText, progressOf, rungBudgets, rungCounts, trialStates } from "../sweep";
import { SweepView } from "../store";
import { views } from "../views";
import { NotFound } from "./notfound";

/** Trials with a result in each minute since the start. */
function rateText(sweep: Sweep, now: number): string {
  const progress = progressOf(sweep);
  const minutes = elapsed(sweep, now) / 60000;
  if (minutes * 60 < 1) return "–";
  return `${significant((progress.ended + progress.waiting) / minutes, 3)} trials / min`;
}

function Head({ view, sweep, now }: { view: SweepView; sweep: Sweep; now: number }) {
  const { spec } = sweep;
  const progress = progressOf(sweep);
  const facts: [name: string, value: string][] = [
    ["Metric", `${spec.metric.name}, ${spec.metric.goal}`],
    ["Dataset", spec.dataset],
    ["Trainer", spec.trainer],
    ["Method", methodText(spec)],
    ["Parallelism", spec.parallelism === undefined ? "–" : String(spec.parallelism)],
    ["Seed", String(spec.seed)],
    ["Elapsed", sweep.started_at === undefined ? "–" : duration(elapsed(sweep, now))],
    ["Rate", rateText(sweep, now)],
  ];
  return (
    <header class="sweep-head">
      <div class="page-head">
        <div class="title">
          <h1>{spec.name || sweep.id}</h1>
          <Badge state={sweep.state} />
        </div>
        {canChange.value && <Controls view={view} sweep={sweep} />}
      </div>
      {view.refusal.value !== null && (
        <p class="notice tone-bad" role="alert">
          {view.refusal.value.message}
          {view.refusal.value.detail !== "" && `: ${view.refusal.value.detail}`}
        </p>
      )}
      {spec.description && <p class="description">{spec.description}</p>}
      {sweep.reason && <p class={`notice ${sweep.state === "failed" ? "tone-bad" : ""}`}>{sweep.reason}</p>}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="head-progress">
        <ProgressBar progress={progress} label="Progress of the sweep" />
        <p class="muted">{progressText(progress)}</p>
      </div>
    </header>
  );
}

/** Which views say something about such a sweep. */
function tabsOf(sweep: Sweep): Tab[] {
  const objectives = (sweep.spec.metrics ?? []).filter((m) => (m.goal as string) !== "").length;
  return tabs.filter((tab) => (tab === "overview" || tab in views) && (tab === "pareto" ? objectives > 1 : tab === "bracket" ? rungBudgets(sweep).length > 1 : true));
}

const levelsOf = (sweep: Sweep): LevelsOf => (name) => (name === "@state" ? trialStates : sweep.spec.parameters[name]?.values);

export function SweepPage({ id, tab }: { id: string; tab: Tab }) {
  const view = useMemo(() => new SweepView(id), [id]);
  useEffect(() => {
    view.start();
    return () => view.stop();
  }, [view]);
  const sweep = view.sweep.value;
  const now = useNow(sweep !== null && !isTerminal(sweep.state));
  const title = sweep === null ? "Sweep · Tourney" : `${sweep.spec.name || sweep.id}, ${sweep.state} · Tourney`;
  useEffect(() => {
    document.title = title;
  }, [title]);

  const problem = view.problem.value;
  if (problem?.status === 404) return <NotFound what={`There is no sweep ${id}. It may have been deleted.`} />;
  if (problem !== null) return <ProblemCard problem={problem} onRetry={() => view.start()} />;
  if (sweep === null) return <p class="loading" role="status">Loading…</p>;

  const failures = (sweep.counts.failed ?? 0) + (sweep.counts.diverged ?? 0);
  const shown = tabsOf(sweep);
  const load = views[tab];
  return (
    <>
      <Head view={view} sweep={sweep} now={now} />
      <p class="hidden" role="status">{view.announcement.value}</p>
      <Trouble problem={view.trouble.value} />
      <Tabs id={id} now={tab} shown={shown.includes(tab) ? shown : [...shown, tab]} counts={{ failures }} />
      <SelectionBar levels={levelsOf(sweep)} />
      {load === undefined ? <Overview view={view} sweep={sweep} now={now} /> : <Lazy key={tab} load={load} props={{ view, sweep }} />}
    </>
  );
}

function Overview({ view, sweep, now }: { view: SweepView; sweep: Sweep; now: number }) {
  void view.drawn.value; // the rounds grow with the curve
  const curve = view.curve.value;
  const board = view.board.value;
  const rungs = rungCounts(sweep, board, !view.hasMore.value, curve?.byRung() ?? { reached: [], thinned: false });
  const progress = progressOf(sweep);
  return (
    <>
      <div class={rungs.length > 0 ? "stage with-rounds" : "stage"}>
        <Champion sweep={sweep} board={board} curve={curve} now={now} />
        <CurveCard id={sweep.id} curve={curve} drawn={view.drawn} metric={sweep.spec.metric} started={sweep.started_at} />
        {rungs.length > 0 && <Rounds spec={sweep.spec} rungs={rungs} field={progress.started} />}
      </div>
      <Board sweep={sweep} board={board} loaded={view.loaded.value} total={progress.started} hasMore={view.hasMore.value} onMore={() => view.more()} />
    </>
  );
}
