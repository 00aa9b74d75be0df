// A soft light on what has just changed.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/** Lights up an element when its content changes, but not when it first appears. */
export function useFlash(element: RefObject<HTMLElement>, content: string): void {
  const before = useRef<string | null>(null);
  useLayoutEffect(() => {
    const changed = before.current !== null && before.current !== content;
    before.current = content;
    if (!changed || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    element.current?.animate([{ backgroundColor: "var(--flash)" }, {}], { duration: 1400, easing: "ease-out" });
  }, [content]);
}
