// The leaderboard in full: sorted by any column, of the selection, with the
// columns that the reader chooses, rows kept in sight, and only those drawn
// that can be seen.

import { Component } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getTrial, getView, type Trial } from "../api";
import { Icon } from "../components/icon";
import { Trouble } from "../components/problem";
import { TrialStateText } from "../components/state";
import { count, decimalsFor, duration, fixed, grouped, paramText } from "../format";
import { useResource } from "../resource";
import { compareHref, query, setQuery, trialHref } from "../router";
import { hasPage } from "../pages";
import { pinned, select, selection, togglePin, where } from "../selection";
import { rungBudgets, trialStates } from "../sweep";
import { toCSV } from "../csv";
import type { ViewProps } from ".";

const rowHeight = 37; // pixels, as in views.css
const overscan = 20; // rows
const csvLimit = 100_000; // rows
const pageLimit = 1000; // rows of one request

interface Column {
  key: string; // as it is sorted by
  name: string;
  num: boolean;
  sortable: boolean;
  text: (t: Trial) => string;
  raw: (t: Trial) => unknown; // for a file
}

const seconds = (t: Trial): number | null => (t.ended_at == null ? null : (Date.parse(t.ended_at) - Date.parse(t.created_at)) / 1000);

/** All columns that a board of the sweep can have. */
function columnsOf(sweep: ViewProps["sweep"], rows: Trial[]): Column[] {
  const { spec } = sweep;
  const metrics = [...new Set(rows.flatMap((t) => Object.keys(t.metrics ?? {})))].filter((m) => m !== spec.metric.name).sort();
  const column = (key: string, name: string, num: boolean, sortable: boolean, raw: Column["raw"], text?: Column["text"]): Column => ({ key, name, num, sortable, raw, text: text ?? ((t) => paramText(raw(t) ?? undefined, 5)) });
  const decimals = (of: (t: Trial) => number | null | undefined): number => Math.min(8, 1 + decimalsFor(rows.map(of).filter((v) => v != null)));
  const ofValue = decimals((t) => t.value);
  return [
    column("value", spec.metric.name, true, true, (t) => t.value, (t) => fixed(t.value, ofValue)),
    ...(rungBudgets(sweep).length > 0 ? [column("rung", "rung", true, true, (t) => t.rung, (t) => (t.rung < 0 ? "–" : String(t.rung)))] : []),
    column("step", "step", true, true, (t) => t.step, (t) => grouped(t.step)),
    ...Object.entries(spec.parameters).filter(([, p]) => p.distribution !== "constant").map(([name, p]) => column(name, name, !p.values?.some((v) => typeof v !== "number"), true, (t) => t.params[name], (t) => paramText(t.params[name], 4))),
    ...metrics.map((m) => {
      const places = decimals((t) => t.metrics?.[m]);
      return column(`metric ${m}`, m, true, false, (t) => t.metrics?.[m], (t) => fixed(t.metrics?.[m], places));
    }),
    column("duration", "duration", true, true, seconds, (t) => { const s = seconds(t); return s === null ? "–" : duration(s * 1000); }),
    column("attempts", "attempts", true, false, (t) => t.attempts),
  ];
}

function useStored(key: string): [string[], (value: string[]) => void] {
  const read = (): string[] => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "[]") as string[];
    } catch {
      return [];
    }
  };
  const [value, setValue] = useState(read);
  return [value, (next) => {
    setValue(next);
    try {
      localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // No storage: the choice lasts as long as the page.
    }
  }];
}

interface RowProps {
  t: Trial;
  rank: string;
  columns: Column[];
  id: string;
  isPinned: boolean;
}

/** A row that is drawn again only when something it shows has changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const now = this.props;
    return now.t !== next.t || now.rank !== next.rank || now.columns !== next.columns || now.isPinned !== next.isPinned;
  }

  override render() {
    return <RowCells {...this.props} />;
  }
}

function RowCells({ t, rank, columns, id, isPinned }: RowProps) {
  return (
    <tr data-trial={t.number} class={rank === "1" ? "first-place" : t.state === "failed" || t.state === "diverged" ? "out" : ""}>
      <td class="pin-cell">
        <button type="button" class="pin" aria-pressed={isPinned} aria-label={`Keep trial ${t.number} in sight`} onClick={() => togglePin(t.number)}>
          <Icon name="pin" size={14} />
        </button>
      </td>
      <td class="num rank">{rank}</td>
      <th scope="row" class="num"><a href={trialHref(id, t.number)}>{t.number}</a></th>
      <td><TrialStateText state={t.state} /></td>
      {columns.map((c) => <td key={c.key} class={`${c.num ? "num" : ""}${c.key === "value" ? " value" : ""}`} title={String(c.raw(t) ?? "")}>{c.text(t)}</td>)}
    </tr>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export default function FullBoard({ view, sweep }: ViewProps) {
  const sort = query.value.get("sort") ?? "";
  const [first, setFirst] = useState(0);
  const [seen, setSeen] = useState(30); // rows that fit
  const scroller = useRef<HTMLDivElement>(null);
  const [hidden, setHidden] = useStored("tourney.columns.hidden");
  const [saving, setSaving] = useState("");
  const offset = Math.max(0, Math.floor((first - overscan) / 20) * 20);
  const limit = Math.min(pageLimit, Math.ceil((seen + 2 * overscan + 20) / 20) * 20);
  const parameters = { sort, where: where.value, offset, limit };
  const resource = useResource(`table ${sweep.id} ${JSON.stringify(parameters)}`, (signal) => getView(sweep.id, "table", parameters, signal), view.changed);
  const data = resource.data.value;
  const kept = pinned.value;
  const pins = useResource(`pins ${sweep.id} ${kept.join()}`, () => Promise.all(kept.map((n) => getTrial(sweep.id, n))), view.changed);
  const items = data?.items ?? [];
  const all = useMemo(() => columnsOf(sweep, items), [sweep.spec, data]);
  const columns = useMemo(() => all.filter((c) => !hidden.includes(c.key)), [all, hidden]);
  const total = data?.total ?? 0;

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const measure = (): void => setSeen(Math.ceil(element.clientHeight / rowHeight) + 1);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [data === null]);
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
    setFirst(0);
  }, [sort, where.value]);

  const sortBy = (key: string): void => {
    // The better end first: a click on the value begins with the best.
    const start = key === "value" && sweep.spec.metric.goal === "maximize" ? "-value" : key;
    const turned = start.startsWith("-") ? start.slice(1) : `-${start}`;
    setQuery({ sort: sort === start ? turned : sort === turned ? null : start });
  };
  const direction = (key: string) => (sort === key ? "ascending" : sort === `-${key}` ? "descending" : "none");
  const state = selection.value.find((c) => c.name === "@state");

  const save = async (): Promise<void> => {
    const rows: Trial[] = [];
    try {
      for (let from = 0; from < Math.min(total, csvLimit); from += pageLimit) {
        setSaving(`${grouped(Math.min(from, total))} of ${grouped(Math.min(total, csvLimit))}`);
        const page = await getView(sweep.id, "table", { sort, where: where.value, offset: from, limit: pageLimit });
        rows.push(...page.items);
        if (page.items.length === 0) break;
      }
      const shown = columnsOf(sweep, rows).filter((c) => !hidden.includes(c.key));
      download(`${sweep.spec.name || sweep.id}.csv`, toCSV([["trial", "state", ...shown.map((c) => c.name)], ...rows.map((t) => [t.number, t.state, ...shown.map((c) => c.raw(t))])]));
      setSaving("");
    } catch {
      setSaving("The download failed; try again.");
    }
  };

  const head = (
    <thead>
      <tr>
        <th scope="col"><span class="hidden">Keep in sight</span></th>
        <th scope="col" class="num rank">{sort === "" ? "Rank" : "Row"}</th>
        {[{ key: "number", name: "Trial", num: true, sortable: true }, { key: "state", name: "State", num: false, sortable: true }, ...columns].map((c) => (
          <th key={c.key} scope="col" class={c.num ? "num" : ""} aria-sort={c.sortable ? direction(c.key) : undefined}>
            {c.sortable ? (
              <button type="button" class="sort" onClick={() => sortBy(c.key)}>
                {c.name}
                <span aria-hidden="true" class="sort-mark">{direction(c.key) === "ascending" ? "↑" : direction(c.key) === "descending" ? "↓" : ""}</span>
              </button>
            ) : c.name}
          </th>
        ))}
      </tr>
    </thead>
  );
  const pinnedRows = (pins.data.value ?? []).filter((t) => kept.includes(t.number));
  return (
    <section class="card board full-board" aria-labelledby="board-title">
      <div class="card-head">
        <h2 id="board-title">
          Leaderboard <span class="muted" role="status">{data === null ? "" : total < data.of ? `${grouped(total)} of ${count(data.of, "trial")}` : count(total, "trial")}</span>
        </h2>
        <div class="chart-controls">
          <label class="inline">
            State{" "}
            <select value={state !== undefined && "places" in state ? (state.places[0] ?? "") : ""} onChange={(e) => select("@state", e.currentTarget.value === "" ? null : { name: "@state", places: [Number(e.currentTarget.value)] })}>
              <option value="">any</option>
              {trialStates.map((s, i) => <option key={s} value={i}>{s}</option>)}
            </select>
          </label>
          <details class="menu">
            <summary class="button">Columns</summary>
            <fieldset>
              <legend class="hidden">Columns that are shown</legend>
              {all.map((c) => (
                <label key={c.key}>
                  <input type="checkbox" checked={!hidden.includes(c.key)} onChange={() => setHidden(hidden.includes(c.key) ? hidden.filter((h) => h !== c.key) : [...hidden, c.key])} /> {c.name}
                </label>
              ))}
            </fieldset>
          </details>
          {hasPage("compare") && kept.length > 1 && <a class="button" href={compareHref(sweep.id, kept)}>Compare {kept.length}</a>}
          <button type="button" class="button" disabled={total === 0 || /\d/.test(saving)} onClick={() => void save()}>Download CSV</button>
        </div>
      </div>
      {saving !== "" && <p class="muted saving" role="status">{/\d/.test(saving) ? `Reading ${saving} rows…` : saving}</p>}
      {total > csvLimit && <p class="hidden">A file has the first {grouped(csvLimit)} rows.</p>}
      <Trouble problem={resource.problem.value} />
      {data === null ? <p class="loading" role="status">Loading…</p> : total === 0 && pinnedRows.length === 0 ? (
        <p class="muted centre board-none">{where.value === "" ? "No trial has started yet. If this stays empty, see “tourney worker list”: somebody has to train them." : "No trial is in this selection. Let go of a part of it."}</p>
      ) : (
        <div
          class="scroll board-scroll virtual"
          ref={scroller}
          tabIndex={0}
          role="region"
          aria-label="Rows of the leaderboard"
          onScroll={(event) => setFirst(Math.floor(event.currentTarget.scrollTop / rowHeight))}
        >
          <table class="grid" aria-rowcount={total + 1}>
            <caption class="hidden">Trials, in the order of {sort === "" ? "the board" : sort}</caption>
            {head}
            {pinnedRows.length > 0 && <tbody class="pinned">{pinnedRows.map((t) => <Row key={t.number} t={t} rank="" columns={columns} id={sweep.id} isPinned />)}</tbody>}
            <tbody>
              {data.offset > 0 && <tr aria-hidden="true" class="spacer"><td colSpan={4 + columns.length} style={{ height: `${data.offset * rowHeight}px` }} /></tr>}
              {items.map((t, i) => <Row key={t.number} t={t} rank={sort === "" && (t.value === null || t.state === "failed" || t.state === "diverged") ? "–" : grouped(data.offset + i + 1)} columns={columns} id={sweep.id} isPinned={kept.includes(t.number)} />)}
              {data.offset + items.length < total && <tr aria-hidden="true" class="spacer"><td colSpan={4 + columns.length} style={{ height: `${(total - data.offset - items.length) * rowHeight}px` }} /></tr>}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
