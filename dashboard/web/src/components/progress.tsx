// How far a sweep is. Trials that have ended are solid; those that wait for
// promotion or run are lighter.

import { count, grouped } from "../format";
import type { Progress } from "../sweep";

const share = (part: number, p: Progress): string => `${p.cap > 0 ? (100 * part) / p.cap : 0}%`;

export function ProgressBar({ progress: p, label }: { progress: Progress; label: string }) {
  return (
    <span class="progress" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={p.cap} aria-valuenow={p.ended} aria-valuetext={`${grouped(p.ended)} of ${count(p.cap, "trial")} ended`}>
      <span class="progress-ended" style={{ width: share(p.ended, p) }} />
      <span class="progress-waiting" style={{ width: share(p.waiting, p) }} />
      <span class="progress-running" style={{ width: share(p.running, p) }} />
    </span>
  );
}

/** "37 of 100 trials ended", and what the others do. */
export function progressText(p: Progress): string {
  const parts = [`${grouped(p.ended)} of ${count(p.cap, "trial")} ended`];
  if (p.waiting > 0) parts.push(`${grouped(p.waiting)} waiting for promotion`);
  if (p.running > 0) parts.push(`${grouped(p.running)} running`);
  return parts.join(" · ");
}
