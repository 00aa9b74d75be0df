// The state of a sweep or trial: a shape and a word, the colour only helps.

import type { SweepState, TrialState } from "../api";
import { Icon } from "./icon";

const tones: Record<SweepState | TrialState, "plain" | "accent" | "good" | "bad"> = {
  created: "plain",
  queued: "plain",
  running: "accent",
  paused: "plain",
  finishing: "accent",
  completed: "good",
  pruned: "plain",
  diverged: "bad",
  failed: "bad",
  cancelled: "plain",
};

export function Badge({ state }: { state: SweepState }) {
  return (
    <span class={`badge tone-${tones[state]}`} data-state={state}>
      <Icon name={state} />
      {state}
    </span>
  );
}

export function TrialStateText({ state }: { state: TrialState }) {
  return (
    <span class={`state tone-${tones[state]}`} data-state={state}>
      <Icon name={state} />
      {state}
    </span>
  );
}
