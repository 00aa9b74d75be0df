// What the program of a trial prints. As long as text comes it is asked for
// more; when it is silent, the next event or beat asks again.

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { asProblem, Problem } from "../api";
import { LogText } from "../logtext";
import { getLog } from "../requests";
import { Refusal } from "./refusal";

const pause = 1000; // milliseconds between two readings while text comes

export function Log({ id, n, attempts, ticks }: { id: string; n: number; attempts: number; ticks: ReadonlySignal<number> }) {
  const [attempt, setAttempt] = useState<number | null>(null);
  const [drawn, setDrawn] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [ended, setEnded] = useState(false);
  const [follow, setFollow] = useState(true);
  const log = useRef(new LogText());
  const pane = useRef<HTMLPreElement>(null);

  useEffect(() => {
    log.current = new LogText();
    setEnded(false);
    setDrawn(0);
    const abort = new AbortController();
    let next = 0;
    let of = attempt;
    let busy = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      if (busy || abort.signal.aborted) return;
      busy = true;
      clearTimeout(timer);
      try {
        const page = await getLog(id, n, next, of, abort.signal);
        if (attempt === null && of !== null && page.attempt !== of) next = 0;
        if (page.attempt > 0) of = attempt ?? page.attempt;
        for (const chunk of page.items) log.current.append(chunk.offset, chunk.text);
        const moved = page.next > next;
        next = page.next;
        setEnded(page.ended);
        setProblem(null);
        setDrawn((d) => d + 1);
        if (moved && !page.ended) timer = setTimeout(() => void read(), page.items.length > 0 ? pause : 0);
      } catch (err) {
        if (!abort.signal.aborted) setProblem(asProblem(err));
      } finally {
        busy = false;
      }
    };
    const stop = ticks.subscribe(() => void read());
    return () => {
      stop();
      clearTimeout(timer);
      abort.abort();
    };
  }, [id, n, attempt, ticks]);

  useEffect(() => {
    if (follow && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
  }, [drawn, follow]);

  const { lines, dropped } = log.current;
  return (
    <section class="card panel" aria-labelledby="log-title">
      <div class="card-head">
        <h2 id="log-title">Log <span class="muted">{ended ? "" : "live"}</span></h2>
        <div class="chart-controls">
          {attempts > 1 && (
            <label class="inline">
              Attempt{" "}
              <select value={attempt ?? ""} onChange={(e) => setAttempt(e.currentTarget.value === "" ? null : Number(e.currentTarget.value))}>
                <option value="">newest</option>
                {Array.from({ length: Math.min(attempts, 100) }, (_, i) => <option key={i} value={i + 1}>{i + 1}</option>)}
              </select>
            </label>
          )}
          <label class="inline"><input type="checkbox" checked={follow} onChange={(e) => setFollow(e.currentTarget.checked)} /> keep to the end</label>
        </div>
      </div>
      <Refusal problem={problem} />
      <pre class="log" ref={pane} tabIndex={0} role="log" aria-live="off" aria-label="What the program printed">
        {lines.length === 0 && <span class="muted">{problem === null ? "Nothing has been printed yet." : ""}</span>}
        {dropped > 0 && <span class="muted">… {dropped} lines before these …{"\n"}</span>}
        {lines.map((line, i) => <span key={dropped + i} class={`log-${line.from === "err" ? "err" : line.from === "tourney" ? "own" : "out"}`}>{line.text}{"\n"}</span>)}
      </pre>
    </section>
  );
}
