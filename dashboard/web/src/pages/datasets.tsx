// The tables that sweeps train on: what is in them, and what may hurt.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api";
import { bytes } from "../bytes";
import { useNow } from "../clock";
import { Confirm } from "../components/confirm";
import { ProblemCard, Trouble } from "../components/problem";
import { Refusal } from "../components/refusal";
import { Badge } from "../components/state";
import { ago, count, fullTime, grouped, significant } from "../format";
import { deleteDataset, getDataset, getDatasets, getNewestSweeps, getSample, orNull, uploadDataset, type Column, type Dataset, type Sweep } from "../requests";
import { useResource } from "../resource";
import { go, query, sweepHref } from "../router";
import { canChange } from "../session";
import { useTicks } from "../ticks";

const datasetHref = (ref: string): string => `/datasets?name=${encodeURIComponent(ref)}`;

export default function Datasets() {
  const name = query.value.get("name");
  return name === null ? <List /> : <One key={name} name={name} />;
}

function List() {
  const [after, setAfter] = useState<number | null>(null);
  const ticks = useTicks(null, after, (e) => e.kind === "turned", true);
  const all = useResource("datasets", async (signal) => {
    const [datasets, sweeps] = await Promise.all([getDatasets(signal), getNewestSweeps(signal)]);
    return { datasets: datasets.items, sweeps: sweeps.items };
  }, ticks);
  const data = all.data.value;
  useEffect(() => {
    document.title = "Datasets · Tourney";
  }, []);
  useEffect(() => {
    if (data !== null) setAfter((a) => a ?? Math.max(0, ...data.sweeps.map((s) => s.cursor)));
  }, [data]);
  const now = useNow(false);
  if (data === null) {
    const problem = all.problem.value;
    return problem === null ? <p class="loading" role="status">Loading…</p> : <ProblemCard problem={problem} onRetry={() => all.ask()} />;
  }
  return (
    <>
      <div class="page-head">
        <h1>Datasets</h1>
        <p class="muted" role="status">{data.datasets.length > 0 && count(data.datasets.length, "dataset")}</p>
      </div>
      <Trouble problem={all.problem.value} />
      {canChange.value && <Add taken={() => all.ask()} open={data.datasets.length === 0} />}
      {data.datasets.length === 0 ? (
        <section class="card empty">
          <h2>No dataset yet</h2>
          <p>Add a table above, or from a terminal:</p>
          <pre tabIndex={0} aria-label="The command"><code>tourney dataset add NAME FILE.csv --target COLUMN --server {location.origin}</code></pre>
          <p class="muted">CSV, Parquet, Arrow and LIBSVM are read; test rows are sealed when the table is taken in.</p>
        </section>
      ) : (
        <section class="card sweeps">
          <div class="scroll" tabIndex={0} role="region" aria-label="Datasets">
            <table class="grid">
              <caption class="hidden">The newest version of each dataset</caption>
              <thead><tr><th scope="col">Name</th><th scope="col">Task</th><th scope="col" class="num">Rows</th><th scope="col" class="num">Test rows</th><th scope="col" class="num">Columns</th><th scope="col" class="num">Size</th><th scope="col" class="num">Warnings</th><th scope="col" class="num">Sweeps</th><th scope="col" class="num">Added</th></tr></thead>
              <tbody>
                {data.datasets.map((d) => (
                  <tr key={d.name} data-dataset={d.name}>
                    <th scope="row" class="free"><a href={datasetHref(d.name)}>{d.name}</a><span class="sub">{d.version.slice(0, 12)}</span></th>
                    <td>{d.task}<span class="sub">of {d.target}</span></td>
                    <td class="num">{grouped(d.rows)}</td>
                    <td class="num">{grouped(d.test_rows)}</td>
                    <td class="num">{grouped(d.columns.length)}</td>
                    <td class="num">{bytes(d.bytes)}</td>
                    <td class="num">{(d.warnings?.length ?? 0) > 0 ? <span class="tone-bad">{d.warnings?.length}</span> : "none"}</td>
                    <td class="num">{grouped(data.sweeps.filter((s) => s.plan.dataset === d.version).length)}</td>
                    <td class="num"><time dateTime={d.created_at} title={fullTime(d.created_at)}>{ago(d.created_at, now)}</time></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
    </>
  );
}

function Add({ taken, open }: { taken: () => void; open: boolean }) {
  const [part, setPart] = useState<number | null>(null); // of the bytes that are sent; null: nothing is on its way
  const [problem, setProblem] = useState<Problem | null>(null);
  const abort = useRef<AbortController | null>(null);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const add = async (data: FormData): Promise<void> => {
    const file = data.get("file");
    if (!(file instanceof File) || file.size === 0) return;
    const text = (name: string): string => String(data.get(name) ?? "").trim();
    abort.current = new AbortController();
    setProblem(null);
    setPart(0);
    try {
      const dataset = await uploadDataset({ name: text("name"), file, target: text("target"), task: text("task"), test: text("test") }, setPart, abort.current.signal);
      taken();
      go(datasetHref(dataset.name));
    } catch (err) {
      setProblem(asProblem(err));
    }
    setPart(null);
  };
  const guess = (input: HTMLInputElement): void => {
    const name = form.current?.elements.namedItem("name");
    const file = input.files?.[0];
    if (name instanceof HTMLInputElement && name.value === "" && file !== undefined) name.value = file.name.replace(/\.[^.]*(\.gz|\.zst)?$/, "").replace(/[^A-Za-z0-9._-]+/g, "_").replace(/^[^A-Za-z0-9]+/, "").slice(0, 128);
  };
  return (
    <details class="card panel add-dataset" open={open}>
      <summary><h2>Add a table</h2></summary>
      <Refusal problem={problem} />
      <form ref={form} class="form-grid" onSubmit={(event) => { event.preventDefault(); void add(new FormData(event.currentTarget)); }}>
        <div class="form-field"><label for="add-file">File</label><input id="add-file" class="field" type="file" name="file" required onChange={(e) => guess(e.currentTarget)} /><p class="muted small">CSV, Parquet, Arrow or LIBSVM, also compressed.</p></div>
        <div class="form-field"><label for="add-name">Name</label><input id="add-name" class="field" name="name" required maxLength={128} pattern="[A-Za-z0-9][A-Za-z0-9._\-]*" /></div>
        <div class="form-field"><label for="add-target">Target</label><input id="add-target" class="field" name="target" /><p class="muted small">The column to learn.</p></div>
        <div class="form-field"><label for="add-task">Task</label><select id="add-task" name="task"><option value="">told from the target</option><option value="classification">classification</option><option value="regression">regression</option></select></div>
        <div class="form-field"><label for="add-test">Sealed as test rows</label><input id="add-test" class="field" name="test" type="number" min="0.01" max="0.9" step="0.01" placeholder="0.2" /></div>
        <p class="actions">
          <button type="submit" class="button primary" disabled={part !== null}>Add</button>
          {part !== null && <button type="button" class="button" onClick={() => abort.current?.abort()}>Stop</button>}
        </p>
      </form>
      <div role="status">
        {part !== null && (
          <>
            <p class="small">{part < 1 ? `${Math.floor(100 * part)} % sent` : "All is sent; the service reads, shuffles and writes it."}</p>
            <progress class="upload" aria-label="Upload" {...(part < 1 ? { value: part } : {})} max={1} />
          </>
        )}
      </div>
    </details>
  );
}

function One({ name }: { name: string }) {
  const all = useResource(`dataset ${name}`, async (signal) => {
    const dataset = await orNull(getDataset(name, signal));
    if (dataset === null) return { dataset: null, sweeps: [] as Sweep[] };
    return { dataset, sweeps: (await getNewestSweeps(signal)).items };
  });
  useEffect(() => {
    document.title = `${name} · Tourney`;
  }, [name]);
  const data = all.data.value;
  const now = useNow(false);
  if (data === null) {
    const problem = all.problem.value;
    return problem === null ? <p class="loading" role="status">Loading…</p> : <ProblemCard problem={problem} onRetry={() => all.ask()} />;
  }
  const { dataset } = data;
  if (dataset === null) {
    return (
      <section class="card problem">
        <h1>Not found</h1>
        <p>There is no dataset {name}.</p>
        <p class="actions"><a class="button" href="/datasets">All datasets</a></p>
      </section>
    );
  }
  const users = data.sweeps.filter((s) => s.spec.dataset.split("@")[0] === dataset.name || s.plan.dataset === dataset.version);
  const facts: [string, ComponentChildren][] = [
    ["Task", dataset.task],
    ["Target", dataset.target],
    ["Rows", grouped(dataset.rows)],
    ["Sealed test rows", `${grouped(dataset.test_rows)}, ${dataset.split.kind ?? "random"}`],
    ["Columns", grouped(dataset.columns.length)],
    ["Size", `${bytes(dataset.bytes)}, ${count(dataset.shards.length + dataset.test.length, "shard")}`],
    ["Added", <time dateTime={dataset.created_at} title={fullTime(dataset.created_at)}>{ago(dataset.created_at, now)}</time>],
    ["Version", <code title={dataset.version}>{dataset.version.slice(0, 12)}</code>],
  ];
  if (dataset.classes !== undefined) facts.splice(2, 0, ["Classes", `${dataset.classes.length}: ${dataset.classes.slice(0, 6).join(", ")}${dataset.classes.length > 6 ? ", …" : ""}`]);
  for (const role of ["group", "time", "weight"] as const) if (dataset[role]) facts.push([{ group: "Groups by", time: "In the order of", weight: "Weights" }[role], dataset[role]]);
  return (
    <>
      <p class="crumbs"><a href="/datasets">Datasets</a></p>
      <div class="page-head">
        <div class="title"><h1>{dataset.name}</h1></div>
        {canChange.value && <div class="controls"><a class="button primary" href={`/launch?dataset=${encodeURIComponent(dataset.name)}`}>New sweep</a><Delete name={name} used={users.length} /></div>}
      </div>
      <dl class="facts">{facts.map(([key, value]) => <div key={key}><dt>{key}</dt><dd>{value}</dd></div>)}</dl>
      <Warnings dataset={dataset} />
      <Columns dataset={dataset} />
      <Sample name={name} />
      <Users sweeps={users} version={dataset.version} />
    </>
  );
}

function Delete({ name, used }: { name: string; used: number }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const remove = (): void => {
    deleteDataset(name).then(() => go("/datasets"), (err) => setRefusal(asProblem(err)));
  };
  return (
    <>
      <button type="button" class="button" onClick={() => dialog.current?.showModal()}>Delete…</button>
      <Refusal problem={refusal} />
      <Confirm dialog={dialog} title={`Delete ${name}?`} keep="Keep it" yes="Delete the dataset" onYes={remove}>
        {name.includes("@") ? "This version" : "All its versions"} and the rows that no other dataset has are removed. {used > 0 && `${count(used, "sweep")} used it: they keep their boards, but no trial of theirs can be trained again.`}
      </Confirm>
    </>
  );
}

function Warnings({ dataset }: { dataset: Dataset }) {
  const warnings = dataset.warnings ?? [];
  if (warnings.length === 0) return null;
  return (
    <section class="card panel warnings" aria-labelledby="warnings-title">
      <h2 id="warnings-title" class="tone-bad">What may hurt <span class="muted">{count(warnings.length, "warning")}</span></h2>
      <ul>{warnings.slice(0, 50).map((w, i) => <li key={i}>{w.column !== undefined && <strong>{w.column}: </strong>}{w.message}</li>)}</ul>
      {warnings.length > 50 && <p class="muted small">The first 50.</p>}
    </section>
  );
}

interface Bar {
  name: string;
  count: number;
}

const barsOf = (c: Column): Bar[] =>
  c.histogram !== undefined && c.histogram.length > 0
    ? c.histogram.map((b) => ({ name: `${significant(b.low, 3)} to ${significant(b.high, 3)}`, count: b.count }))
    : (c.top ?? []).slice(0, 24).map((t) => ({ name: t.value, count: t.count }));

/** Bars so small that they need no axes: their title says what they are. */
function Histogram({ column }: { column: Column }) {
  const bars = barsOf(column);
  if (bars.length === 0) return <span class="muted">–</span>;
  const most = Math.max(1, ...bars.map((b) => b.count));
  const top = bars.reduce((a, b) => (b.count > a.count ? b : a));
  const width = 100 / bars.length;
  return (
    <svg class="histogram" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={`Most are ${top.name}, ${grouped(top.count)} of ${count(bars.reduce((s, b) => s + b.count, 0), "row")} shown.`}>
      {bars.map((b, i) => (
        <rect key={i} x={i * width + width * 0.06} width={width * 0.88} y={28 - (27 * b.count) / most} height={(27 * b.count) / most}>
          <title>{`${b.name}: ${grouped(b.count)}`}</title>
        </rect>
      ))}
    </svg>
  );
}

function valuesText(c: Column): string {
  if (c.min !== undefined && c.max !== undefined) {
    if (c.kind === "date") return `${new Date(c.min * 1000).toISOString().slice(0, 10)} to ${new Date(c.max * 1000).toISOString().slice(0, 10)}`;
    return `${significant(c.min)} to ${significant(c.max)}`;
  }
  const names = (c.top ?? []).map((t) => t.value).concat(c.categories ?? []);
  return [...new Set(names)].slice(0, 4).join(", ") + (names.length > 4 ? ", …" : "");
}

const columnsShown = 200;

function Columns({ dataset }: { dataset: Dataset }) {
  const [filter, setFilter] = useState("");
  const [all, setAll] = useState(false);
  const seen = dataset.rows - dataset.test_rows;
  const found = dataset.columns.filter((c) => c.name.toLowerCase().includes(filter.toLowerCase()));
  const shown = all ? found : found.slice(0, columnsShown);
  return (
    <section class="card fleet-card" aria-labelledby="columns-title">
      <div class="card-head">
        <h2 id="columns-title">Columns <span class="muted">of the rows that are not test rows</span></h2>
        <label class="inline">Find <input class="field" type="search" value={filter} onInput={(e) => setFilter(e.currentTarget.value)} /></label>
      </div>
      <div class="scroll columns-scroll" tabIndex={0} role="region" aria-label="Table of columns">
        <table class="grid">
          <caption class="hidden">Schema of {dataset.name}</caption>
          <thead><tr><th scope="col">Column</th><th scope="col">Kind</th><th scope="col">Distribution</th><th scope="col">Values</th><th scope="col" class="num">Mean</th><th scope="col" class="num">Sd</th><th scope="col" class="num">Distinct</th><th scope="col" class="num">Missing</th></tr></thead>
          <tbody>
            {shown.map((c) => (
              <tr key={c.name} data-column={c.name}>
                <th scope="row" class="column-name" title={c.name}>{c.name}{c.name === dataset.target && <span class="badge tone-accent target">target</span>}</th>
                <td title={c.why}>{c.kind}{c.ordered === true && ", ordered"}</td>
                <td><Histogram column={c} /></td>
                <td class="values" title={valuesText(c)}>{valuesText(c)}</td>
                <td class="num">{c.mean === undefined || c.kind === "date" ? "–" : significant(c.mean)}</td>
                <td class="num">{c.sd === undefined || c.kind === "date" ? "–" : significant(c.sd)}</td>
                <td class="num">{c.distinct === undefined ? "–" : grouped(c.distinct)}</td>
                <td class="num">{c.missing === 0 ? "0" : `${grouped(c.missing)} (${significant((100 * c.missing) / Math.max(1, seen), 2)} %)`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length > shown.length && <p class="more"><button type="button" class="button" onClick={() => setAll(true)}>Show all {count(found.length, "column")}</button></p>}
    </section>
  );
}

function Sample({ name }: { name: string }) {
  const sample = useResource(`sample ${name}`, (signal) => getSample(name, 20, signal));
  const data = sample.data.value;
  return (
    <section class="card fleet-card" aria-labelledby="sample-title">
      <h2 id="sample-title">Rows <span class="muted">the first of those that are not test rows, as they were shuffled</span></h2>
      {sample.problem.value !== null && <Trouble problem={sample.problem.value} />}
      {data !== null && (
        <div class="scroll sample" tabIndex={0} role="region" aria-label="Table of rows">
          <table class="grid">
            <caption class="hidden">Some rows of {name}</caption>
            <thead><tr>{data.columns.slice(0, 60).map((c) => <th key={c} scope="col">{c}</th>)}</tr></thead>
            <tbody>{data.rows.map((row, i) => <tr key={i}>{row.slice(0, 60).map((cell, j) => <td key={j} title={cell}>{cell === "" ? <span class="muted">missing</span> : cell}</td>)}</tr>)}</tbody>
          </table>
        </div>
      )}
      {data !== null && data.columns.length > 60 && <p class="muted more">The first 60 of {count(data.columns.length, "column")}.</p>}
    </section>
  );
}

function Users({ sweeps, version }: { sweeps: Sweep[]; version: string }) {
  const versions = [...new Set(sweeps.map((s) => s.plan.dataset))];
  return (
    <section class="card fleet-card" aria-labelledby="users-title">
      <h2 id="users-title">Sweeps that use it <span class="muted">{versions.length > 1 && count(versions.length, "version")}</span></h2>
      {sweeps.length === 0 ? <p class="muted fleet-note">None yet.</p> : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of sweeps">
          <table class="grid">
            <caption class="hidden">Sweeps that use the dataset</caption>
            <thead><tr><th scope="col">Sweep</th><th scope="col">State</th><th scope="col">Trainer</th><th scope="col" class="num">Best</th><th scope="col">Version</th></tr></thead>
            <tbody>
              {sweeps.slice(0, 50).map((s) => (
                <tr key={s.id}>
                  <th scope="row"><a class="plain-link" href={sweepHref(s.id)}>{s.spec.name || s.id}</a></th>
                  <td><Badge state={s.state} /></td>
                  <td>{s.spec.trainer}</td>
                  <td class="num">{s.best?.value === undefined || s.best.value === null ? "–" : significant(s.best.value, 5)}<span class="sub">{s.spec.metric.name}</span></td>
                  <td>{s.plan.dataset === version ? "this one" : <a class="plain-link" href={datasetHref(s.plan.dataset)}>{s.plan.dataset.slice(0, 12)}</a>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
