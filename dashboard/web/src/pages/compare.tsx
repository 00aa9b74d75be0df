// Trials side by side, of one sweep or of several: first what they differ in.

import { useEffect, useState } from "preact/hooks";
import { Problem, type Goal, type Sweep, type Trial } from "../api";
import { Learning, Legend, type Line } from "../components/learning";
import { ProblemCard } from "../components/problem";
import { TrialStateText } from "../components/state";
import { count, duration, paramText, significant } from "../format";
import { getNewestSweeps, getPoints, getSweepOf, getTrialOf, orNull, type Point } from "../requests";
import { useResource } from "../resource";
import { formatTrials, most, parseTrials, type Ref } from "../compared";
import { query, setQuery, sweepHref, trialHref } from "../router";
import { better } from "../sweep";

const change = (refs: Ref[]): void => setQuery({ trials: formatTrials(refs) });

interface Compared {
  ref: Ref;
  trial: Trial;
  sweep: Sweep;
  points: Point[];
}

export default function Compare() {
  const refs = parseTrials(query.value.get("trials") ?? "");
  const key = formatTrials(refs);
  useEffect(() => {
    document.title = "Compare · Tourney";
  }, []);
  const all = useResource(`compare ${key}`, async (signal): Promise<{ key: string; found: Compared[]; missing: Ref[] }> => {
    const sweeps = new Map<string, Promise<Sweep | null>>();
    for (const { sweep } of refs) if (!sweeps.has(sweep)) sweeps.set(sweep, orNull(getSweepOf(sweep, signal)));
    const read = await Promise.all(refs.map(async (ref): Promise<Compared | null> => {
      const sweep = await sweeps.get(ref.sweep);
      if (sweep === null || sweep === undefined) return null;
      const trial = await orNull(getTrialOf(ref.sweep, ref.n, signal));
      if (trial === null) return null;
      return { ref, trial, sweep, points: (await getPoints(ref.sweep, ref.n, signal)).items };
    }));
    return { key, found: read.filter((c) => c !== null), missing: refs.filter((_, i) => read[i] === null) };
  });
  const data = all.data.value;
  if (data === null) {
    const problem = all.problem.value;
    return problem === null ? <p class="loading" role="status">Loading…</p> : <ProblemCard problem={problem instanceof Problem ? problem : new Problem(0, "Not read", "")} onRetry={() => all.ask()} />;
  }
  const found = data.found.filter((c) => refs.some((r) => r.sweep === c.ref.sweep && r.n === c.ref.n));
  return (
    <>
      <div class="page-head">
        <h1>Compare</h1>
        <p class="muted" role="status">{found.length > 0 && count(found.length, "trial")}</p>
      </div>
      <Add refs={refs} />
      {data.missing.length > 0 && <p class="notice tone-bad" role="alert">Not there: {data.missing.map((r) => `trial ${r.n} of ${r.sweep}`).join(", ")}.</p>}
      {found.length === 0 ? <Empty /> : <Table compared={found} refs={refs} />}
    </>
  );
}

function Empty() {
  return (
    <section class="card empty">
      <h2>Nothing to compare yet</h2>
      <p>Add a trial above, or follow “Compare” from a trial or from the pinned ones of a sweep. What is compared stands in the address, so that it can be sent to somebody.</p>
    </section>
  );
}

function Add({ refs }: { refs: Ref[] }) {
  const sweeps = useResource("compare sweeps", (signal) => getNewestSweeps(signal));
  const [sweep, setSweep] = useState("");
  const items = sweeps.data.value?.items ?? [];
  const chosen = items.find((s) => s.id === sweep) ?? items.find((s) => s.id === refs.at(-1)?.sweep) ?? items[0];
  if (chosen === undefined) return null;
  return (
    <form
      class="compare-add"
      onSubmit={(event) => {
        event.preventDefault();
        const n = Number(new FormData(event.currentTarget).get("n"));
        if (Number.isInteger(n) && n >= 0) change([...refs, { sweep: chosen.id, n }]);
      }}
    >
      <label class="inline">
        Sweep{" "}
        <select value={chosen.id} onChange={(e) => setSweep(e.currentTarget.value)}>
          {items.map((s) => <option key={s.id} value={s.id}>{s.spec.name || s.id}</option>)}
        </select>
      </label>
      <label class="inline">Trial <input class="field" name="n" type="number" min={0} step={1} required defaultValue={String(chosen.best?.number ?? 0)} key={chosen.id} /></label>
      <button type="submit" class="button" disabled={refs.length >= most}>Add</button>
      {chosen.best !== undefined && <button type="button" class="button" disabled={refs.length >= most} onClick={() => change([...refs, { sweep: chosen.id, n: chosen.best?.number ?? 0 }])}>Add its incumbent</button>}
    </form>
  );
}

interface Row {
  name: string;
  cells: unknown[];
  differs: boolean;
  best: number; // the place of the best, or -1
}

function row(name: string, cells: unknown[], best = -1): Row {
  return { name, cells, differs: cells.some((c) => c !== cells[0]), best };
}

/** The goals of the metrics that trainers tell of. */
const goals: Record<string, Goal> = {
  logloss: "minimize", accuracy: "maximize", auc: "maximize", pr_auc: "maximize", f1: "maximize", brier: "minimize",
  rmse: "minimize", mae: "minimize", r2: "maximize", mape: "minimize",
};

function bestOf(compared: Compared[], name: string, values: (number | undefined)[]): number {
  const goal = compared.map((c) => [c.sweep.spec.metric, ...(c.sweep.spec.metrics ?? [])].find((m) => m.name === name)?.goal).find((g) => g === "minimize" || g === "maximize") ?? goals[name.replace(/^test_/, "")];
  if (goal === undefined || values.filter((v) => v !== undefined).length < 2) return -1;
  let top = -1;
  values.forEach((v, i) => {
    if (v !== undefined && (top < 0 || better(goal, v, values[top] as number))) top = i;
  });
  return top;
}

function Table({ compared, refs }: { compared: Compared[]; refs: Ref[] }) {
  const several = new Set(compared.map((c) => c.ref.sweep)).size > 1;
  const label = (c: Compared): string => (several ? `${c.sweep.spec.name || c.ref.sweep}, trial ${c.ref.n}` : `Trial ${c.ref.n}`);
  const keys = (of: (c: Compared) => object): string[] => [...new Set(compared.flatMap((c) => Object.keys(of(c))))].sort();
  const params = keys((c) => c.trial.params).map((name) => row(name, compared.map((c) => c.trial.params[name])));
  const metrics = keys((c) => c.trial.metrics).map((name) => {
    const values = compared.map((c) => c.trial.metrics[name]);
    return row(name, values, bestOf(compared, name, values));
  });
  const setting = [
    row("sweep", compared.map((c) => c.sweep.spec.name || c.sweep.id)),
    row("dataset", compared.map((c) => c.sweep.spec.dataset)),
    row("trainer", compared.map((c) => c.sweep.spec.trainer)),
    row("method", compared.map((c) => c.sweep.spec.method)),
    row("rung", compared.map((c) => (c.trial.rung < 0 ? undefined : c.trial.rung))),
    row("steps", compared.map((c) => c.trial.step)),
    row("attempts", compared.map((c) => c.trial.attempts)),
    row("time", compared.map((c) => (c.trial.ended_at === undefined ? undefined : duration(Date.parse(c.trial.ended_at) - Date.parse(c.trial.created_at))))),
  ];
  const parts: [string, Row[]][] = [
    ["Parameters that differ", params.filter((r) => r.differs)],
    ["Metrics", metrics],
    ["Other differences", setting.filter((r) => r.differs)],
    ["Alike", [...params, ...setting].filter((r) => !r.differs && r.cells[0] !== undefined)],
  ];
  const lines: Line[] = compared.map((c) => ({ name: label(c), points: c.points, href: trialHref(c.ref.sweep, c.ref.n) }));
  const metric = compared[0]?.sweep.spec.metric.name ?? "";
  return (
    <>
      <section class="card compare">
        <div class="scroll" tabIndex={0} role="region" aria-label="Trials side by side">
          <table class="grid">
            <caption class="hidden">Trials side by side, differences first</caption>
            <thead>
              <tr>
                <th scope="col"><span class="hidden">What</span></th>
                {compared.map((c, i) => (
                  <th key={`${c.ref.sweep}:${c.ref.n}`} scope="col" class="num" data-series={(i % 7) + 1}>
                    <a href={trialHref(c.ref.sweep, c.ref.n)}>Trial {c.ref.n}</a>
                    {several && <span class="sub"><a href={sweepHref(c.ref.sweep)}>{c.sweep.spec.name || c.ref.sweep}</a></span>}
                    <span class="sub"><TrialStateText state={c.trial.state} /></span>
                    <button type="button" class="link" aria-label={`Leave out ${label(c)}`} onClick={() => change(refs.filter((r) => r.sweep !== c.ref.sweep || r.n !== c.ref.n))}>leave out</button>
                  </th>
                ))}
              </tr>
            </thead>
            {parts.map(([title, rows]) => rows.length > 0 && (
              <tbody key={title}>
                <tr class="part-row"><th scope="rowgroup" colSpan={compared.length + 1}>{title}</th></tr>
                {rows.map((r) => (
                  <tr key={r.name}>
                    <th scope="row">{r.name}</th>
                    {r.cells.map((cell, i) => (
                      <td key={i} class="num" title={cell === undefined ? undefined : String(cell)}>
                        {r.best >= 0 && cell === r.cells[r.best] ? <strong>{typeof cell === "number" ? significant(cell, 5) : paramText(cell)}<span class="hidden"> (best)</span></strong> : typeof cell === "number" ? significant(cell, 5) : paramText(cell)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        </div>
      </section>
      <Learning lines={lines} metric={metric} title="Learning curves" empty="None of these trials has reported yet." />
      <Legend lines={lines} />
    </>
  );
}
