// A question before something that cannot be taken back; the answer at hand is no.

import type { ComponentChildren, RefObject } from "preact";
import { useId } from "preact/hooks";

interface ConfirmProps {
  dialog: RefObject<HTMLDialogElement>;
  title: string;
  children: ComponentChildren;
  keep: string;
  yes: string;
  onYes: () => void;
}

export function Confirm({ dialog, title, children, keep, yes, onYes }: ConfirmProps) {
  const id = useId();
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <div>{children}</div>
      <p class="actions">
        <button type="button" class="button" autofocus onClick={() => dialog.current?.close()}>{keep}</button>
        <button type="button" class="button danger" onClick={() => { dialog.current?.close(); onYes(); }}>{yes}</button>
      </p>
    </dialog>
  );
}
