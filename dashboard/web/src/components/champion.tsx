// The trial that all others have to beat.

import { useRef } from "preact/hooks";
import type { Sweep, Trial } from "../api";
import { leadOf, standardError, validationRows, within } from "../confidence";
import type { Curve } from "../history";
import { ago, count, fixed, fullTime, grouped, paramText, significant } from "../format";
import { getDataset, orNull } from "../requests";
import { useResource } from "../resource";
import { trialHref } from "../router";
import { isTerminal } from "../sweep";
import { useFlash } from "./flash";
import { Icon } from "./icon";

/** The sealed metrics, once they are unsealed: name without the prefix, and value. */
function testMetrics(sweep: Sweep): [name: string, value: number][] {
  return Object.entries(sweep.best?.metrics ?? {})
    .filter(([name]) => name.startsWith("test_"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function sealText(sweep: Sweep): string {
  if (sweep.state === "finishing") return "Refitting the winner to measure it on the sealed test rows.";
  if (isTerminal(sweep.state)) return "The test rows stayed sealed.";
  return "Test rows stay sealed until the sweep ends.";
}

/** When the incumbent took the lead, as far as the curve knows. */
function Since({ curve, number, now }: { curve: Curve | null; number: number; now: number }) {
  const point = curve?.improvements().findLast((p) => p.trial === number);
  if (point === undefined) return null;
  const at = new Date(point.at).toISOString();
  return (
    <p class="muted champion-by">
      took the lead{" "}
      <time dateTime={at} title={fullTime(at)}>
        {ago(at, now)}
      </time>
    </p>
  );
}

/**
 * How sure the lead is: the standard error where one is known, and who is next.
 * What was measured once is said to be no more.
 */
function Confidence({ sweep, board, value }: { sweep: Sweep; board: Trial[]; value: number }) {
  const { spec, plan } = sweep;
  const asked = spec.metric.name === "accuracy" && spec.dataset !== "" && spec.trainer !== "command" && spec.trainer !== "external";
  const name = spec.dataset.split("@")[0] ?? "";
  const read = useResource(`dataset ${asked ? `${name} ${plan.dataset}` : ""}`, async (signal) => {
    const newest = asked ? await orNull(getDataset(name, signal)) : null;
    if (newest === null || newest.version === plan.dataset) return { found: newest };
    return { found: await orNull(getDataset(`${name}@${plan.dataset}`, signal)) }; // the table has been added again since
  });
  const dataset = read.data.value?.found ?? null;
  const coming = asked && read.data.value === null && read.problem.value === null; // it has its place from the start
  const error = dataset === null ? null : standardError(spec.metric.name, value, spec.validation, dataset);
  const lead = board[0]?.number === sweep.best?.number ? leadOf(board) : null;
  if (error === null && lead === null && !coming && board.length > 0) return null;
  const near = error === null ? 0 : within(board, error, spec.metric.goal);
  return (
    <p class="muted champion-by confidence">
      {coming && <span>{"\u00a0"}</span>}
      {error !== null && dataset !== null && (
        <span title="The square root of p(1 − p)/n: how much the value would differ on other rows of the kind">
          ± {significant(error, 2)} on {grouped(validationRows(spec.validation, dataset))} rows
          {near > 0 && `, ${count(near, "other")} within it`}
        </span>
      )}
      {board.length === 0 && <span>{"\u00a0"}</span>}
      {lead !== null && (
        <span>
          {lead.by === 0 ? "equal to " : `${significant(lead.by, 2)} ahead of `}
          <a href={trialHref(sweep.id, lead.next.number)}>trial {lead.next.number}</a>
        </span>
      )}
    </p>
  );
}

function Value({ value }: { value: number }) {
  const element = useRef<HTMLParagraphElement>(null);
  useFlash(element, String(value));
  return (
    <p class="champion-value" ref={element} title={String(value)}>
      {significant(value, 5)}
    </p>
  );
}

export function Champion({ sweep, board, curve, now }: { sweep: Sweep; board: Trial[]; curve: Curve | null; now: number }) {
  const best = sweep.best;
  const won = sweep.state === "completed";
  const { name } = sweep.spec.metric;
  const test = testMetrics(sweep);
  return (
    <section class="card champion" aria-labelledby="champion-title">
      <h2 id="champion-title" class="kicker">
        <Icon name="crown" size={16} /> {won ? "Winner" : "Incumbent"}
      </h2>
      {best === undefined || best.value === null ? (
        <p class="champion-none muted">No trial has a value yet. The first to report takes the lead.</p>
      ) : (
        <>
          <Value value={best.value} />
          <p class="muted champion-by">
            {name} by <a href={trialHref(sweep.id, best.number)}>trial {best.number}</a> at step {best.best_step}
          </p>
          <Confidence sweep={sweep} board={board} value={best.value} />
          <Since curve={curve} number={best.number} now={now} />
          <dl class="pairs">
            {Object.entries(best.params).map(([param, value]) => (
              <div key={param}>
                <dt>{param}</dt>
                <dd title={String(value)}>{paramText(value)}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <div class="sealed">
        {test.length > 0 ? (
          <>
            <h3 class="kicker">On the sealed test rows</h3>
            <dl class="pairs">
              {test.map(([metric, value]) => (
                <div key={metric}>
                  <dt>{metric}</dt>
                  <dd title={String(value)}>{fixed(value, 4)}</dd>
                </div>
              ))}
            </dl>
          </>
        ) : (
          <p class="muted seal-line">
            <Icon name="seal" /> {sealText(sweep)}
          </p>
        )}
      </div>
    </section>
  );
}
