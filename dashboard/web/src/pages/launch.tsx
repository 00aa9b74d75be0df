// A new sweep: as a form or as YAML, checked by the service while it is written.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api";
import { Refusal } from "../components/refusal";
import { ProblemCard } from "../components/problem";
import { count, grouped, paramText } from "../format";
import { createSweep, getDatasets, getSweepOf, getTrainers, newKey, validate, type Dataset, type FieldError, type Forecast, type TrainerInfo } from "../requests";
import { useResource } from "../resource";
import { go, query, sweepHref } from "../router";
import { canChange } from "../session";
import { at, blank, errorsAt, fileOf, methods, rangeOf, reshaped, shapes, typed, typedList, withValue, yamlOf, type File, type Value } from "../sweepfile";

const patience = 300; // milliseconds without a change before the service is asked

export default function Launch() {
  const from = query.value.get("from");
  const dataset = query.value.get("dataset");
  useEffect(() => {
    document.title = "Launch · Tourney";
  }, []);
  const all = useResource(`launch ${from}`, async (signal) => {
    const [trainers, datasets, sweep] = await Promise.all([getTrainers(signal), getDatasets(signal), from === null ? null : getSweepOf(from, signal)]);
    return { trainers: trainers.items, datasets: datasets.items, sweep };
  });
  const data = all.data.value;
  if (data === null) {
    const problem = all.problem.value;
    return problem === null ? <p class="loading" role="status">Loading…</p> : <ProblemCard problem={problem} onRetry={() => all.ask()} />;
  }
  const start = data.sweep !== null ? fileOf(data.sweep.spec) : { ...blank, dataset: dataset ?? data.datasets[0]?.name ?? "" };
  return <Editor key={`${from} ${dataset}`} start={start} of={data.sweep === null ? null : data.sweep.spec.name || data.sweep.id} trainers={data.trainers} datasets={data.datasets} />;
}

interface EditorProps {
  start: File;
  of: string | null; // the sweep that it is a copy of
  trainers: TrainerInfo[];
  datasets: Dataset[];
}

function Editor({ start, of, trainers, datasets }: EditorProps) {
  const [file, setFile] = useState(start);
  const [yaml, setYaml] = useState<string | null>(null); // null: the form is in force
  const [forecast, setForecast] = useState<{ of: File | string; is: Forecast } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef({ text: "", key: newKey() });
  const current: File | string = yaml ?? file;

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      validate(current, abort.signal).then(
        (is) => {
          setForecast({ of: current, is });
          setProblem(null);
        },
        (err) => !abort.signal.aborted && setProblem(asProblem(err)),
      );
    }, patience);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [current]);

  const fresh = forecast !== null && forecast.of === current;
  const errors = forecast?.is.errors ?? [];
  const create = async (): Promise<void> => {
    const text = typeof current === "string" ? current : JSON.stringify(current);
    if (key.current.text !== text) key.current = { text, key: newKey() }; // the same again is the same sweep
    setBusy(true);
    try {
      go(sweepHref((await createSweep(current, key.current.key)).id));
    } catch (err) {
      setProblem(asProblem(err));
      setBusy(false);
    }
  };
  const toForm = (): void => {
    if (forecast?.is.spec === undefined || !fresh) return;
    setFile(fileOf(forecast.is.spec));
    setYaml(null);
  };
  return (
    <>
      <div class="page-head">
        <h1>{of === null ? "New sweep" : `New sweep after ${of}`}</h1>
        <div class="controls">
          <div class="segments" role="group" aria-label="Edit as">
            <button type="button" aria-pressed={yaml === null} disabled={yaml !== null && !(fresh && forecast.is.valid)} onClick={toForm}>Form</button>
            <button type="button" aria-pressed={yaml !== null} onClick={() => yaml === null && setYaml(yamlOf(file))}>YAML</button>
          </div>
          <button type="button" class="button primary" disabled={busy || !canChange.value || !fresh || !forecast.is.valid} onClick={() => void create()}>Start the sweep</button>
        </div>
      </div>
      <Refusal problem={problem} />
      <div class="launch">
        {yaml === null ? <Form file={file} change={setFile} errors={errors} trainers={trainers} datasets={datasets} /> : <Yaml text={yaml} change={setYaml} errors={errors} stuck={fresh && !forecast.is.valid} />}
        <Preview forecast={forecast?.is ?? null} fresh={fresh} />
      </div>
    </>
  );
}

function Yaml({ text, change, errors, stuck }: { text: string; change: (text: string) => void; errors: FieldError[]; stuck: boolean }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const goTo = (line: number): void => {
    const element = area.current;
    if (element === null) return;
    const lines = element.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
    element.focus();
    element.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  return (
    <section class="card panel">
      <label for="launch-yaml"><h2>Sweep file</h2></label>
      <textarea id="launch-yaml" ref={area} class="field yaml" rows={Math.max(18, text.split("\n").length + 2)} spellcheck={false} value={text} aria-invalid={errors.length > 0} onInput={(e) => change(e.currentTarget.value)} />
      <ul class="field-errors" aria-live="polite">
        {errors.map((e, i) => (
          <li key={i}>
            {e.line !== undefined && e.line > 0 && <><button type="button" class="link" onClick={() => goTo(e.line as number)}>line {e.line}</button>: </>}
            {e.path !== "" && `${e.path}: `}{e.message}
          </li>
        ))}
      </ul>
      <p class="muted small">{stuck ? "The form opens again once the file is valid." : "Back in the form, comments are gone and defaults are written out."}</p>
    </section>
  );
}

interface Edit {
  file: File;
  change: (file: File) => void;
  errors: FieldError[];
}

interface FieldProps extends Edit {
  path: string[];
  label: string;
  hint?: string | undefined;
  kind?: "text" | "number" | "list";
  options?: { value: string; label?: string }[] | undefined;
  suggestions?: string[] | undefined;
}

const textOf = (value: Value | undefined): string => (value === undefined || value === null ? "" : Array.isArray(value) ? value.map(String).join(", ") : String(value));

function Field({ file, change, errors, path, label, hint, kind = "text", options, suggestions }: FieldProps) {
  const id = useId();
  const value = at(file, path);
  // What is typed stays as it is typed: "1e-" is on its way to a number.
  const [draft, setDraft] = useState(textOf(value));
  const shown = useRef(textOf(value));
  if (textOf(value) !== shown.current) {
    shown.current = textOf(value);
    if (textOf(kind === "list" ? typedList(draft) : kind === "number" ? typed(draft) : draft) !== shown.current) setDraft(shown.current);
  }
  const wrong = errorsAt(errors, path.join("."), kind === "list");
  const set = (text: string): void => {
    setDraft(text);
    const next = kind === "list" ? typedList(text) : kind === "number" ? typed(text) : text === "" ? undefined : text;
    shown.current = textOf(next);
    change(withValue(file, path, next));
  };
  const described = [hint !== undefined ? `${id}-hint` : "", wrong.length > 0 ? `${id}-wrong` : ""].filter((t) => t !== "").join(" ") || undefined;
  return (
    <div class="form-field">
      <label for={id}>{label}</label>
      {options !== undefined ? (
        <select id={id} value={textOf(value)} aria-invalid={wrong.length > 0} aria-describedby={described} onChange={(e) => set(e.currentTarget.value)}>
          {!options.some((o) => o.value === textOf(value)) && <option value={textOf(value)}>{textOf(value) || "choose…"}</option>}
          {options.map((o) => <option key={o.value} value={o.value}>{o.label ?? o.value}</option>)}
        </select>
      ) : (
        <input id={id} class="field" value={draft} inputMode={kind === "number" ? "decimal" : "text"} list={suggestions === undefined ? undefined : `${id}-list`} aria-invalid={wrong.length > 0} aria-describedby={described} onInput={(e) => set(e.currentTarget.value)} />
      )}
      {suggestions !== undefined && <datalist id={`${id}-list`}>{suggestions.map((s) => <option key={s} value={s} />)}</datalist>}
      {hint !== undefined && <p id={`${id}-hint`} class="muted small">{hint}</p>}
      {wrong.length > 0 && <p id={`${id}-wrong`} class="field-wrong">{wrong.join("; ")}</p>}
    </div>
  );
}

const metricsOf: Record<string, string[]> = {
  classification: ["logloss", "accuracy", "auc", "pr_auc", "f1", "brier"],
  regression: ["rmse", "mae", "r2", "mape"],
};

/** Keys that the form shows; the rest of a file is kept and named. */
const formKeys = new Set(["name", "description", "dataset", "trainer", "method", "metric", "run_cap", "parallelism", "order", "seed", "validation", "limits", "early_terminate", "parameters"]);

function Form({ trainers, datasets, ...edit }: Edit & { trainers: TrainerInfo[]; datasets: Dataset[] }) {
  const { file, change, errors } = edit;
  const dataset = datasets.find((d) => d.name === file.dataset);
  const trainer = trainers.find((t) => t.name === file.trainer);
  const others = Object.keys(file).filter((k) => !formKeys.has(k) && file[k] !== undefined);
  const shownTops = [...formKeys];
  const loose = errors.filter((e) => !shownTops.includes(e.path.split(".")[0] ?? ""));
  const whole = errors.filter((e) => ["metric", "validation", "limits", "early_terminate", "parameters"].includes(e.path));
  const kind = textOf(at(file, ["validation", "kind"])) || "holdout";
  const early = textOf(at(file, ["early_terminate", "type"]));
  return (
    <form class="launch-form" onSubmit={(e) => e.preventDefault()}>
      {[...loose, ...whole].length > 0 && <ul class="field-errors" role="status">{[...loose, ...whole].map((e, i) => <li key={i}>{e.path !== "" && `${e.path}: `}{e.message}</li>)}</ul>}
      <section class="card panel form-grid" aria-label="What is searched">
        <h2>What is searched</h2>
        <Field {...edit} path={["name"]} label="Name" hint="Letters, digits, dots, underscores and hyphens." />
        <Field {...edit} path={["dataset"]} label="Dataset" options={datasets.map((d) => ({ value: d.name, label: `${d.name} (${d.task} of ${d.target}, ${grouped(d.rows)} rows)` }))} hint={datasets.length === 0 ? "There is none yet: add one on the page Datasets." : undefined} />
        <Field {...edit} path={["trainer"]} label="Trainer" options={trainers.map((t) => ({ value: t.name }))} />
        <Field {...edit} path={["metric", "name"]} label="Metric" suggestions={metricsOf[dataset?.task ?? ""] ?? []} hint="Empty: logloss of classes, rmse of values. The goal of these is known." />
        <Field {...edit} path={["description"]} label="Description" />
      </section>
      <section class="card panel form-grid" aria-label="How it is searched">
        <h2>How it is searched</h2>
        <Field {...edit} path={["method"]} label="Method" options={methods.map((m) => ({ value: m }))} />
        <Field {...edit} path={["run_cap"]} label="Trials at most" kind="number" />
        <Field {...edit} path={["parallelism"]} label="Trials at a time" kind="number" hint="Empty: by the method." />
        <Field {...edit} path={["seed"]} label="Seed" kind="number" />
        <Field {...edit} path={["order"]} label="Order" options={[{ value: "", label: "fixed (the default)" }, { value: "arrival" }]} />
        <div class="form-field">
          <label for="launch-early">Early termination</label>
          <select id="launch-early" value={early} onChange={(e) => change(withValue(file, ["early_terminate"], e.currentTarget.value === "" ? undefined : { ...((at(file, ["early_terminate"]) as File | undefined) ?? { min_iter: 1, max_iter: 81 }), type: e.currentTarget.value }))}>
            <option value="">none: every trial trains to its end</option>
            {["asha", "hyperband", "median", "pasha", "pbt"].map((t) => <option key={t} value={t}>{t}</option>)}
          </select>
        </div>
        {early !== "" && <Field {...edit} path={["early_terminate", "min_iter"]} label="First rung, steps" kind="number" />}
        {early !== "" && <Field {...edit} path={["early_terminate", "max_iter"]} label="Last rung, steps" kind="number" hint="A step is an epoch, or a tree." />}
        {early !== "" && early !== "median" && early !== "pbt" && <Field {...edit} path={["early_terminate", "eta"]} label="Eta" kind="number" hint="The best one in so many go on." />}
        <div class="form-field">
          <label for="launch-validation">Validation</label>
          <select id="launch-validation" value={kind} onChange={(e) => change(withValue(file, ["validation"], e.currentTarget.value === "kfold" ? { kind: "kfold", folds: 5 } : { kind: e.currentTarget.value, fraction: 0.2 }))}>
            {[...new Set(["holdout", "kfold", "group", "time", kind])].map((k) => <option key={k} value={k}>{k}</option>)}
          </select>
        </div>
        {kind === "kfold" ? <Field {...edit} path={["validation", "folds"]} label="Folds" kind="number" /> : <Field {...edit} path={["validation", "fraction"]} label="Share of the rows" kind="number" />}
      </section>
      <Space {...edit} trainer={trainer} />
      <details class="card panel" open={at(file, ["limits"]) !== undefined}>
        <summary><h2>Limits</h2></summary>
        <div class="form-grid">
          <Field {...edit} path={["limits", "wall"]} label="Time" hint="As in 90m or 2h, or seconds." kind="number" />
          <Field {...edit} path={["limits", "worker_hours"]} label="Worker hours" kind="number" />
          <Field {...edit} path={["limits", "cost"]} label="Cost" kind="number" hint="By the prices of the workers." />
          <Field {...edit} path={["limits", "target"]} label="A value that is good enough" kind="number" />
          <Field {...edit} path={["limits", "no_improvement"]} label="Trials without improvement" kind="number" />
        </div>
      </details>
      {others.length > 0 && <p class="muted small">The file also has {others.join(", ")}: kept as it is, and edited as YAML.</p>}
    </form>
  );
}

function Space({ trainer, ...edit }: Edit & { trainer: TrainerInfo | undefined }) {
  const { file, change } = edit;
  const parameters = (at(file, ["parameters"]) ?? {}) as { [name: string]: File };
  const names = Object.keys(parameters);
  const left = (trainer?.params ?? []).filter((p) => !(p.name in parameters));
  const [free, setFree] = useState("");
  const add = (name: string): void => {
    const known = left.find((p) => p.name === name);
    change(withValue(file, ["parameters", name], known === undefined ? { distribution: "uniform", min: 0, max: 1 } : rangeOf(known)));
  };
  return (
    <section class="card panel" aria-labelledby="space-title">
      <h2 id="space-title">Parameters <span class="muted">{count(names.length, "parameter")}</span></h2>
      {names.map((name) => <Parameter key={name} name={name} {...edit} trainer={trainer} />)}
      <div class="space-add">
        {left.length > 0 && (
          <label class="inline">
            Add{" "}
            <select value="" onChange={(e) => e.currentTarget.value !== "" && add(e.currentTarget.value)}>
              <option value="">a parameter of {trainer?.name}…</option>
              {left.map((p) => <option key={p.name} value={p.name}>{p.name}: {p.help}</option>)}
            </select>
          </label>
        )}
        {trainer === undefined && (
          <>
            <label class="inline">Name <input class="field" value={free} onInput={(e) => setFree(e.currentTarget.value)} /></label>
            <button type="button" class="button" disabled={free.trim() === ""} onClick={() => { add(free.trim()); setFree(""); }}>Add</button>
          </>
        )}
      </div>
    </section>
  );
}

function Parameter({ name, trainer, ...edit }: Edit & { name: string; trainer: TrainerInfo | undefined }) {
  const { file, change, errors } = edit;
  const id = useId();
  const parameter = (at(file, ["parameters", name]) ?? {}) as File;
  const distribution = textOf(parameter.distribution) || "uniform";
  const shape = shapes[distribution] ?? { required: [], optional: [] };
  const known = trainer?.params.find((p) => p.name === name);
  const fields = [...shape.required, ...shape.optional];
  const shown = new Set([...fields.map((f) => `parameters.${name}.${f}`)]);
  const wrong = errors.filter((e) => (e.path === `parameters.${name}` || e.path.startsWith(`parameters.${name}.`)) && ![...shown].some((s) => e.path === s || e.path.startsWith(`${s}.`)));
  const set = (next: File): void => change(withValue(file, ["parameters", name], next));
  return (
    <fieldset class="parameter">
      <legend>{name}</legend>
      <div class="form-field">
        <label for={id}>Distribution</label>
        <select id={id} value={distribution} onChange={(e) => set(reshaped(parameter, e.currentTarget.value))}>
          {Object.keys(shapes).map((d) => <option key={d} value={d}>{d}</option>)}
        </select>
      </div>
      {fields.map((f) => <Field key={`${distribution} ${f}`} {...edit} path={["parameters", name, f]} label={f} kind={f === "values" || f === "probabilities" ? "list" : "number"} />)}
      <button type="button" class="button small" aria-label={`Remove ${name}`} onClick={() => change(withValue(file, ["parameters", name], undefined))}>Remove</button>
      {known !== undefined && <p class="muted small">{known.help}; {known.range}{known.default !== undefined && `; ${paramText(known.default)} by default`}.</p>}
      {parameter.when !== undefined && <p class="muted small">Has a part only when {Object.entries(parameter.when as File).map(([k, v]) => `${k} is ${textOf(v)}`).join(" and ")}.</p>}
      {wrong.length > 0 && <p class="field-wrong">{wrong.map((e) => e.message).join("; ")}</p>}
    </fieldset>
  );
}

function Preview({ forecast, fresh }: { forecast: Forecast | null; fresh: boolean }) {
  const valid = forecast?.valid === true;
  const proposals = forecast?.proposals ?? [];
  const names = [...new Set(proposals.flatMap((p) => Object.keys(p)))].sort();
  return (
    <aside class="card panel preview" aria-labelledby="preview-title" data-valid={valid} data-fresh={fresh}>
      <h2 id="preview-title">What it would do</h2>
      <p role="status" class={forecast !== null && !valid ? "tone-bad" : "muted"}>
        {forecast === null ? "Asking the service…" : valid ? "It can start." : `${count(forecast.errors.length, "thing")} to put right first.`}
      </p>
      {forecast?.warnings.map((w, i) => <p key={i} class="notice">{w.path !== "" && `${w.path}: `}{w.message}</p>)}
      {valid && forecast !== null && (
        <>
          <dl class="pairs">
            <div><dt>Size of the space</dt><dd>{forecast.plan?.size === undefined ? "not finite" : count(forecast.plan.size, "point")}</dd></div>
            <div><dt>Trials</dt><dd>{forecast.trials === undefined ? "until a limit ends it" : grouped(forecast.trials)}</dd></div>
            {forecast.jobs !== undefined && <div><dt>Jobs, about</dt><dd>{grouped(forecast.jobs)}</dd></div>}
            {forecast.steps !== undefined && <div><dt>Steps of training, about</dt><dd>{grouped(forecast.steps)}</dd></div>}
            {forecast.spec !== undefined && <div><dt>Metric</dt><dd>{forecast.spec.metric.name}, {forecast.spec.metric.goal}</dd></div>}
            {forecast.spec?.parallelism !== undefined && <div><dt>Trials at a time</dt><dd>{grouped(forecast.spec.parallelism)}</dd></div>}
          </dl>
          {forecast.rungs !== undefined && forecast.rungs.length > 0 && (
            <table class="grid facts-table">
              <caption>Rungs</caption>
              <thead><tr><th scope="col" class="num">Rung</th><th scope="col" class="num">Steps</th><th scope="col" class="num">Trials, about</th></tr></thead>
              <tbody>{forecast.rungs.map((r) => <tr key={r.rung}><td class="num">{r.rung}</td><td class="num">{grouped(r.budget)}</td><td class="num">{r.trials === 0 ? "–" : grouped(r.trials)}</td></tr>)}</tbody>
            </table>
          )}
          {proposals.length > 0 && (
            <div class="scroll" tabIndex={0} role="region" aria-label="First points">
              <table class="grid facts-table">
                <caption>First points</caption>
                <thead><tr>{names.map((n) => <th key={n} scope="col" class="num">{n}</th>)}</tr></thead>
                <tbody>{proposals.slice(0, 8).map((p, i) => <tr key={i}>{names.map((n) => <td key={n} class="num">{paramText(p[n])}</td>)}</tr>)}</tbody>
              </table>
            </div>
          )}
        </>
      )}
    </aside>
  );
}
