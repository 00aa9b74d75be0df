// What workers did when, and what the sweep has cost: attempts as bars on a
// lane for each worker, or where there are many, how busy each was.

import { useState } from "preact/hooks";
import type { ViewTimeline } from "../api";
import { axisStyle, Chart } from "../components/chart";
import { Trouble } from "../components/problem";
import { ago, count, duration, fullTime, grouped, significant, timesOf } from "../format";
import { useNow } from "../clock";
import { useView } from "../resource";
import { go, trialHref } from "../router";
import { isTerminal } from "../sweep";
import type { ViewProps } from ".";

const laneHeight = 26;

/** Puts attempts that overlap on one worker below each other: the row of each bar. */
export function rowsOf(bars: ViewTimeline["bars"]): { row: number[]; rows: number[] } {
  const ends: number[][] = [];
  const row = bars.map((bar) => {
    const lane = (ends[bar.worker] ??= []);
    let k = lane.findIndex((end) => end <= bar.start + 1e-6);
    if (k < 0) k = lane.length;
    lane[k] = bar.end;
    return k;
  });
  return { row, rows: ends.map((lane) => lane?.length ?? 0) };
}

const outcomeText: Record<string, string> = { "": "running", done: "done", diverged: "diverged", failed: "failed", preempted: "preempted", lost: "lost", stopped: "stopped" };

function Bars({ data, id }: { data: ViewTimeline; id: string }) {
  const { row, rows } = rowsOf(data.bars);
  const tops: number[] = [];
  let height = 0;
  data.workers.forEach((_, w) => {
    tops.push(height);
    height += Math.max(laneHeight, 12 + Math.min(rows[w] ?? 1, 8) * 9);
  });
  const share = (seconds: number): string => `${(100 * seconds) / data.seconds}%`;
  const [said, setSaid] = useState("");
  return (
    <>
      <div class="scroll lanes-scroll" tabIndex={0} role="region" aria-label="Attempts by worker">
        <div class="lanes" style={{ height: `${height + 24}px` }}>
          {data.workers.map((name, w) => (
            <div key={name} class="lane" style={{ top: `${tops[w]}px`, height: `${(tops[w + 1] ?? height) - (tops[w] ?? 0)}px` }}>
              <span class="lane-name" title={name}>{name}</span>
            </div>
          ))}
          <div class="lane-bars">
            {data.bars.map((bar, i) => (
              <a
                key={`${bar.trial}/${bar.attempt}`}
                href={trialHref(id, bar.trial)}
                class="attempt"
                data-outcome={bar.outcome ?? "running"}
                tabIndex={i < 400 ? 0 : -1}
                style={{ left: share(bar.start), width: share(Math.max(bar.end - bar.start, 0)), top: `${(tops[bar.worker] ?? 0) + 6 + (Math.min(row[i] ?? 0, 7)) * 9}px` }}
                aria-label={`Trial ${bar.trial}, attempt ${bar.attempt}, rung ${bar.rung}, ${outcomeText[bar.outcome ?? ""] ?? bar.outcome}, ${duration((bar.end - bar.start) * 1000)} on ${data.workers[bar.worker]}`}
                onMouseEnter={(e) => setSaid(e.currentTarget.getAttribute("aria-label") ?? "")}
                onFocus={(e) => setSaid(e.currentTarget.getAttribute("aria-label") ?? "")}
                onClick={(e) => { e.preventDefault(); go(trialHref(id, bar.trial)); }}
              />
            ))}
          </div>
          <div class="lane-times" style={{ top: `${height + 4}px` }} aria-hidden="true">
            {timesOf(data.seconds).map((t) => <span key={t} style={{ left: share(t) }}>{duration(t * 1000).replace(/ 00[smh]$/, "")}</span>)}
          </div>
        </div>
      </div>
      <p class="readout muted">{said === "" ? `From ${fullTime(data.from)}. Point at an attempt to read it; click to open its trial.` : said}</p>
    </>
  );
}

function Lanes({ view, sweep }: ViewProps) {
  const resource = useView(view, "timeline");
  const data = resource.data.value;
  const note = data === null ? "" : `${count(data.total, "attempt")} on ${count(data.workers.length + data.hidden, "worker")}${data.hidden > 0 ? `, ${grouped(data.hidden)} earlier ones not shown` : ""}`;
  if (data === null) return <div class="lanes-wait"><Trouble problem={resource.problem.value} /><p class="loading" role="status">Loading…</p></div>;
  const busy = data.busy ?? [];
  if (busy.length > 0) {
    const width = data.seconds / (busy[0]?.length ?? 1);
    const most = Math.max(0.01, ...busy.flat());
    const cells = busy.flatMap((lane, w) => lane.map((b, k) => [k, w, b] as const).filter((c) => c[2] > 0));
    return (
      <>
        <Trouble problem={resource.problem.value} />
        <Chart
          title="Timeline"
          note={`${note}, attempts at a time`}
          label={`How busy ${count(data.workers.length, "worker")} were over ${duration(data.seconds * 1000)}.`}
          height={Math.max(200, 24 * data.workers.length + 80)}
          revision={data}
          walk={{ series: 0, count: cells.length }}
          option={(p) => ({
            grid: { left: 8, right: 70, top: 10, bottom: 30, containLabel: true },
            xAxis: { ...axisStyle(p), type: "category", data: busy[0]?.map((_, k) => duration(k * width * 1000)) ?? [], splitLine: { show: false } },
            yAxis: { ...axisStyle(p), type: "category", inverse: true, data: data.workers, axisLabel: { color: p.ink2, width: 110, overflow: "truncate" } },
            visualMap: { type: "continuous", min: 0, max: most, right: 2, top: "middle", inRange: { color: p.ramp }, itemWidth: 10, itemHeight: 110, textStyle: { color: p.ink2, fontSize: 11 }, formatter: (v: number) => significant(v, 2) },
            tooltip: { trigger: "item", formatter: ({ value }: { value: [number, number, number] }) => `${data.workers[value[1]]}\nafter ${duration(value[0] * width * 1000)}: ${significant(value[2], 3)} at a time${(data.losses?.[value[1]]?.[value[0]] ?? 0) > 0 ? `\n${data.losses?.[value[1]]?.[value[0]]} lost or preempted` : ""}` },
            series: [{ type: "heatmap", progressive: 0, data: cells.map((c) => [...c]), itemStyle: { borderColor: p.surface, borderWidth: 1 } }],
          })}
          table={() => ({
            columns: [{ name: "Worker" }, { name: "Hours of slots", num: true }, { name: "Lost or preempted", num: true }],
            rows: data.workers.map((name, w) => ({ cells: [name, significant((busy[w] ?? []).reduce((a, b) => a + b, 0) * width / 3600, 3), grouped((data.losses?.[w] ?? []).reduce((a, b) => a + b, 0))] })),
          })}
        />
      </>
    );
  }
  return (
    <section class="card panel timeline" aria-labelledby="timeline-title">
      <div class="card-head">
        <h2 id="timeline-title">Timeline <span class="muted">{note}</span></h2>
        <ul class="legend" aria-label="What the bars mean">
          {["done", "running", "failed", "lost"].map((o) => <li key={o}><i class="attempt-mark" data-outcome={o} /> {o === "lost" ? "lost or preempted" : o === "failed" ? "failed or diverged" : o}</li>)}
        </ul>
      </div>
      <Trouble problem={resource.problem.value} />
      {data.bars.length === 0 ? <p class="muted centre none">No worker has taken a trial yet. If this stays empty, start one: “tourney worker --server URL”.</p> : <Bars data={data} id={sweep.id} />}
    </section>
  );
}

function Costs({ view, sweep }: ViewProps) {
  const resource = useView(view, "progress");
  const now = useNow(!isTerminal(sweep.state));
  const data = resource.data.value;
  if (data === null) return <Trouble problem={resource.problem.value} />;
  const facts: [string, string][] = [
    ["Reports a minute, of late", significant(data.rate, 3)],
    ["Until all trials have started", isTerminal(sweep.state) ? "–" : data.left == null ? "not known" : duration(data.left * 1000)],
    ["Slot hours", significant(data.slot_hours, 3)],
    ["Cost", data.cost === undefined || data.cost === null ? "no price is set" : significant(data.cost, 4)],
    ["Reports since the best", grouped(data.since_best)],
  ];
  return (
    <section class="card panel" aria-labelledby="cost-title">
      <h2 id="cost-title">Pace and cost</h2>
      <Trouble problem={resource.problem.value} />
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      {data.improvements.length > 0 && (
        <div class="scroll chart-table" tabIndex={0} role="region" aria-label="What each improvement has cost">
          <table class="grid">
            <caption class="hidden">The newest improvements, the latest first</caption>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col" class="num">Trial</th>
                <th scope="col" class="num">{sweep.spec.metric.name}</th>
                <th scope="col" class="num">Reports for it</th>
                <th scope="col" class="num">Slot hours</th>
                {data.cost != null && <th scope="col" class="num">Cost</th>}
              </tr>
            </thead>
            <tbody>
              {[...data.improvements].reverse().map((i) => (
                <tr key={`${i.at} ${i.trial}`}>
                  <td><time dateTime={i.at} title={fullTime(i.at)}>{ago(i.at, now)}</time></td>
                  <td class="num"><a href={trialHref(sweep.id, i.trial)}>{i.trial}</a></td>
                  <td class="num">{significant(i.value, 5)}</td>
                  <td class="num">{grouped(i.trials)}</td>
                  <td class="num">{significant(i.slot_hours, 3)}</td>
                  {data.cost != null && <td class="num">{i.cost == null ? "–" : significant(i.cost, 3)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export default function Timeline(props: ViewProps) {
  return (
    <div class="views-1">
      <Lanes {...props} />
      <Costs {...props} />
    </div>
  );
}
