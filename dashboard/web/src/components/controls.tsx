// What a person can do to a sweep. What cannot be undone is asked for twice.

import type { ComponentChildren, RefObject } from "preact";
import { useId, useRef } from "preact/hooks";
import type { ExtendRequest, Sweep } from "../api";
import { grouped } from "../format";
import { hasPage } from "../pages";
import { go } from "../router";
import type { SweepView } from "../store";
import { isTerminal, progressOf } from "../sweep";

interface AskProps {
  dialog: RefObject<HTMLDialogElement>;
  title: string;
  children: ComponentChildren;
  keep: string;
  yes: string;
  onYes: () => void;
}

/** A question before something that cannot be undone; the answer at hand is no. */
function Ask({ dialog, title, children, keep, yes, onYes }: AskProps) {
  const id = useId();
  const close = (): void => dialog.current?.close();
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <p>{children}</p>
      <p class="actions">
        <button type="button" class="button" autofocus onClick={close}>{keep}</button>
        <button type="button" class="button danger" onClick={() => { close(); onYes(); }}>{yes}</button>
      </p>
    </dialog>
  );
}

function Extend({ dialog, sweep, onYes }: { dialog: RefObject<HTMLDialogElement>; sweep: Sweep; onYes: (request: ExtendRequest) => void }) {
  const id = useId();
  const cap = sweep.amended?.run_cap ?? sweep.spec.run_cap ?? progressOf(sweep).started;
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>Give this sweep more trials</h2>
      <p>
        It may have {grouped(cap)} now.
        {sweep.state === "completed" && " It goes on from where it ended. Its test metrics are known by then, and the sweep is marked for that."}
      </p>
      <form
        method="dialog"
        onSubmit={(event) => {
          const trials = Number(new FormData(event.currentTarget).get("trials"));
          if (Number.isInteger(trials) && trials > 0) onYes({ run_cap: trials });
        }}
      >
        <label for={id}>Trials in all</label>
        <input id={id} class="field" name="trials" type="number" min={cap + 1} max={2000000} step={1} required defaultValue={String(2 * cap)} />
        <p class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>Leave it</button>
          <button type="submit" class="button primary">Extend</button>
        </p>
      </form>
    </dialog>
  );
}

export function Controls({ view, sweep }: { view: SweepView; sweep: Sweep }) {
  const cancel = useRef<HTMLDialogElement>(null);
  const remove = useRef<HTMLDialogElement>(null);
  const extend = useRef<HTMLDialogElement>(null);
  const { state } = sweep;
  const busy = view.acting.value !== null;
  const over = isTerminal(state);
  const extends_ = state !== "failed" && state !== "cancelled" && state !== "finishing";
  return (
    <div class="controls">
      {state === "paused" && <button type="button" class="button primary" disabled={busy} onClick={() => void view.act("resume")}>Resume</button>}
      {!over && state !== "paused" && <button type="button" class="button" disabled={busy || state === "created"} onClick={() => void view.act("pause")}>Pause</button>}
      {!over && <button type="button" class="button" disabled={busy} onClick={() => cancel.current?.showModal()}>Cancel…</button>}
      {extends_ && <button type="button" class="button" disabled={busy} onClick={() => extend.current?.showModal()}>Extend…</button>}
      {hasPage("launch") && <a class="button" href={`/launch?from=${encodeURIComponent(sweep.id)}`}>Clone and edit</a>}
      <button type="button" class="button" disabled={busy} onClick={() => remove.current?.showModal()}>Delete…</button>
      <Ask dialog={cancel} title="Cancel this sweep?" keep="Keep it" yes="Cancel the sweep" onYes={() => void view.act("cancel")}>
        Running trials stop where they are. What has been reported stays on the board, the test rows stay sealed, and the sweep cannot be resumed.
      </Ask>
      <Ask
        dialog={remove}
        title="Delete this sweep?"
        keep="Keep it"
        yes="Delete the sweep"
        onYes={() => void view.delete().then((done) => done && go("/"))}
      >
        {over ? "" : "It is cancelled first. "}Its trials, curves, checkpoints and models are removed, and nothing brings them back.
      </Ask>
      {extends_ && <Extend dialog={extend} sweep={sweep} onYes={(request) => void view.extend(request)} />}
    </div>
  );
}
