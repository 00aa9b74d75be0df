// What finished sweeps leave: models, how good they are, and how to ask them.

import { useEffect, useState } from "preact/hooks";
import type { Sweep, Trial } from "../api";
import { bytes } from "../bytes";
import { useNow } from "../clock";
import { ProblemCard, Trouble } from "../components/problem";
import { ago, count, fullTime, grouped, significant } from "../format";
import { getModels, getNewestSweeps, getTrialOf, modelHref, orNull, type ModelInfo } from "../requests";
import { useResource } from "../resource";
import { sweepHref, trialHref } from "../router";
import { useTicks } from "../ticks";

const pageSize = 50; // sweeps

interface Row {
  sweep: Sweep;
  model: ModelInfo;
  trial: Trial | null;
}

/** What is done for each, at most six at a time, as browsers allow. */
async function each<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const out: R[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) out[i] = await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(6, items.length) }, run));
  return out;
}

export default function Models() {
  const [wanted, setWanted] = useState(pageSize);
  const [after, setAfter] = useState<number | null>(null);
  const ticks = useTicks(null, after, (e) => e.kind === "turned");
  const all = useResource(`models ${wanted}`, async (signal) => {
    const sweeps = (await getNewestSweeps(signal)).items;
    const done = sweeps.filter((s) => s.state === "completed" && s.spec.trainer !== "external" && s.spec.trainer !== "command");
    const rows = await each(done.slice(0, wanted), async (sweep): Promise<Row[]> => {
      const models = await orNull(getModels(sweep.id, signal));
      return each(models?.items ?? [], async (model) => ({
        sweep, model, trial: sweep.best?.number === model.trial ? sweep.best : await orNull(getTrialOf(sweep.id, model.trial, signal)),
      }));
    });
    return { rows: rows.flat(), more: done.length > wanted, cursor: Math.max(0, ...sweeps.map((s) => s.cursor)) };
  }, ticks);
  const data = all.data.value;
  useEffect(() => {
    document.title = "Models · Tourney";
  }, []);
  useEffect(() => {
    if (data !== null) setAfter((a) => a ?? data.cursor);
  }, [data]);
  const now = useNow(false);
  if (data === null) {
    const problem = all.problem.value;
    return problem === null ? <p class="loading" role="status">Loading…</p> : <ProblemCard problem={problem} onRetry={() => all.ask()} />;
  }
  return (
    <>
      <div class="page-head">
        <h1>Models</h1>
        <p class="muted" role="status">{data.rows.length > 0 && count(data.rows.length, "model")}</p>
      </div>
      <Trouble problem={all.problem.value} />
      {data.rows.length === 0 ? (
        <section class="card empty">
          <h2>No model yet</h2>
          <p>When a sweep of a built-in trainer is completed, its winner is trained once more on all rows but the sealed ones, measured on those, and kept. It appears here by itself.</p>
          <p class="actions"><a class="button primary" href="/launch">New sweep</a></p>
        </section>
      ) : (
        <section class="card sweeps">
          <div class="scroll" tabIndex={0} role="region" aria-label="Models">
            <table class="grid">
              <caption class="hidden">Models, newest sweep first</caption>
              <thead><tr><th scope="col">Model</th><th scope="col">Trainer</th><th scope="col">Dataset</th><th scope="col" class="num">Validation</th><th scope="col">On the sealed test rows</th><th scope="col" class="num">Steps</th><th scope="col" class="num">Size</th><th scope="col" class="num">Made</th><th scope="col">Get it</th></tr></thead>
              <tbody>{data.rows.map((r) => <ModelRow key={`${r.sweep.id}/${r.model.trial}`} row={r} now={now} />)}</tbody>
            </table>
          </div>
          {data.more && <p class="more"><button type="button" class="button" onClick={() => setWanted(wanted + pageSize)}>Show those of older sweeps</button></p>}
        </section>
      )}
      {data.rows[0] !== undefined && <Use row={data.rows[0]} />}
    </>
  );
}

const isTree = (trainer: string): boolean => trainer === "gbdt" || trainer === "forest" || trainer === "tree";

function ModelRow({ row: { sweep, model, trial }, now }: { row: Row; now: number }) {
  const test = Object.entries(trial?.metrics ?? {}).filter(([name]) => name.startsWith("test_")).sort(([a], [b]) => (a < b ? -1 : 1));
  const own = test.filter(([name]) => name === `test_${sweep.spec.metric.name}`);
  const shown = [...own, ...test.filter(([name]) => name !== `test_${sweep.spec.metric.name}`)].slice(0, 3);
  return (
    <tr data-model={`${sweep.id}/${model.trial}`}>
      <th scope="row" class="free"><a href={trialHref(sweep.id, model.trial)}>{sweep.spec.name || sweep.id}</a><span class="sub">trial {model.trial}</span></th>
      <td>{sweep.spec.trainer}</td>
      <td>{sweep.spec.dataset}</td>
      <td class="num">{trial?.value === null || trial?.value === undefined ? "–" : significant(trial.value, 5)}<span class="sub">{sweep.spec.metric.name}</span></td>
      <td>{shown.length === 0 ? "–" : shown.map(([name, value]) => `${name.slice(5)} ${significant(value, 4)}`).join(", ")}{sweep.amended?.unsealed === true && <span class="sub">unsealed before</span>}</td>
      <td class="num">{grouped(model.step)}</td>
      <td class="num">{bytes(model.bytes)}</td>
      <td class="num">{sweep.ended_at === undefined ? "–" : <time dateTime={sweep.ended_at} title={fullTime(sweep.ended_at)}>{ago(sweep.ended_at, now)}</time>}</td>
      <td class="links">
        <a class="plain-link above" href={modelHref(sweep.id, model.trial)} download={`${(sweep.spec.name || sweep.id).replace(/[^A-Za-z0-9._-]+/g, "_")}-${model.trial}.json`}>JSON</a>
        <a class="plain-link above" href={sweepHref(sweep.id)}>sweep</a>
      </td>
    </tr>
  );
}

/** The commands that get and ask a model; the newest one is the example. */
function Use({ row: { sweep, model } }: { row: Row }) {
  const name = `${sweep.id}/${model.trial}`;
  const at = ` --server ${location.origin}`;
  const commands: [string, string][] = [
    ["Score a table, without keeping the model", `tourney model predict ${name} new.csv -o scored.csv${at}`],
    ["Keep the model as one file, and score with that", `tourney model export ${name} -o model.json${at}\ntourney model predict model.json new.csv -o scored.csv`],
  ];
  if (isTree(sweep.spec.trainer)) commands.push(["As a model file of LightGBM, or to read", `tourney model export ${name} --format lightgbm -o model.txt${at}\ntourney model export ${name} --format text${at}`]);
  commands.push(["By HTTP", `curl -o model.json ${location.origin}${modelHref(sweep.id, model.trial)}`]);
  return (
    <section class="card panel use" aria-labelledby="use-title">
      <h2 id="use-title">How to predict <span class="muted">with {sweep.spec.name || sweep.id}, trial {model.trial}; the others alike</span></h2>
      {commands.map(([what, text]) => (
        <div key={what}>
          <p class="small">{what}</p>
          <pre class="log" tabIndex={0} aria-label={what}><code>{text}</code></pre>
        </div>
      ))}
    </section>
  );
}
