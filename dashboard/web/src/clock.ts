// A clock that ticks once a second while somebody looks at it.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { serviceTime } from "./api";

const now = signal(serviceTime());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The time by the service's clock in milliseconds; with ticking, kept current. */
export function useNow(ticking: boolean): number {
  useEffect(() => {
    if (!ticking) return;
    now.value = serviceTime();
    if (watchers++ === 0) timer = setInterval(() => (now.value = serviceTime()), 1000);
    return () => {
      if (--watchers === 0) clearInterval(timer);
    };
  }, [ticking]);
  return ticking ? now.value : serviceTime();
}
