// What a person can do to a sweep.

import { useRef } from "preact/hooks";
import type { Action, SweepState } from "../api";
import { isTerminal } from "../sweep";

interface ControlsProps {
  state: SweepState;
  acting: Action | null;
  onAct: (action: Action) => void;
}

export function Controls({ state, acting, onAct }: ControlsProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  if (isTerminal(state)) return null;
  const busy = acting !== null;
  const close = (): void => dialog.current?.close();
  return (
    <div class="controls">
      {state === "paused" ? (
        <button type="button" class="button primary" disabled={busy} onClick={() => onAct("resume")}>Resume</button>
      ) : (
        <button type="button" class="button" disabled={busy || state === "created"} onClick={() => onAct("pause")}>Pause</button>
      )}
      <button type="button" class="button" disabled={busy} onClick={() => dialog.current?.showModal()}>Cancel…</button>
      <dialog ref={dialog} class="dialog" aria-labelledby="cancel-title">
        <h2 id="cancel-title">Cancel this sweep?</h2>
        <p>Running trials stop where they are. What has been reported stays on the board, the test rows stay sealed, and the sweep cannot be resumed.</p>
        <p class="actions">
          <button type="button" class="button" autofocus onClick={close}>Keep it</button>
          <button type="button" class="button danger" onClick={() => { close(); onAct("cancel"); }}>Cancel the sweep</button>
        </p>
      </dialog>
    </div>
  );
}
