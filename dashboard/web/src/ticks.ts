// What makes a page read again: events of one sweep or of all, and the
// service's beat. Nothing asks by a clock of its own.

import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { eventsPath, type Event } from "./api";
import { follow } from "./live";

/**
 * A number that grows whenever something has changed. Following begins with the
 * event that after names, once that is known (null: not yet); wanted leaves out
 * events that change nothing here.
 */
export function useTicks(sweep: string | null, after: number | null, wanted: (event: Event) => boolean = () => true, beat = false): ReadonlySignal<number> {
  const ticks = useMemo(() => signal(0), [sweep]);
  const latest = useRef(wanted);
  latest.current = wanted;
  const known = after !== null;
  useEffect(() => {
    if (after === null) return;
    const tick = (): void => void ticks.value++;
    return follow((from) => eventsPath(sweep, from), after, {
      onEvent: (event) => latest.current(event) && tick(),
      onReturn: tick,
      onRefused: tick,
      ...(beat ? { onBeat: tick } : {}),
    });
  }, [sweep, known, ticks, beat]);
  return ticks;
}
