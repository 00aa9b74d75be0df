// What a view reads from the service: read when its address changes, and again,
// at most once in an interval, when the sweep has changed.

import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { asProblem, getView, type Problem } from "./api";
import { Coalescer } from "./live";
import type { SweepView } from "./store";

/** Milliseconds between two readings of a view of a live sweep. */
const interval = 1000;

export class Resource<T> {
  readonly data: Signal<T | null>;
  readonly problem = signal<Problem | null>(null);
  readonly loading = signal(false);
  private readonly reads: Coalescer;
  private abort: AbortController | null = null;
  private stopped = false;

  /** What was read before by another address is shown until there is something new. */
  constructor(private readonly read: (signal: AbortSignal) => Promise<T>, before: T | null = null) {
    this.data = signal(before);
    this.reads = new Coalescer(() => this.once(), interval);
  }

  ask(): void {
    this.reads.ask();
  }

  stop(): void {
    this.stopped = true;
    this.reads.stop();
    this.abort?.abort();
  }

  private async once(): Promise<void> {
    this.abort = new AbortController();
    this.loading.value = true;
    try {
      const fresh = await this.read(this.abort.signal);
      if (this.stopped) return;
      this.data.value = fresh;
      this.problem.value = null;
    } catch (err) {
      if (!this.stopped) this.problem.value = asProblem(err);
    } finally {
      this.loading.value = false;
    }
  }
}

/**
 * Reads for a component, and again whenever live ticks. A change of key, which
 * says what is read, starts anew; what was read before stays until then.
 */
export function useResource<T>(key: string, read: (signal: AbortSignal) => Promise<T>, live?: ReadonlySignal<unknown>): Resource<T> {
  const held = useRef<Resource<T> | null>(null);
  const resource = useMemo(() => new Resource(read, held.current?.data.peek() ?? null), [key]);
  held.current = resource;
  useEffect(() => {
    resource.ask();
    const unsubscribe = live?.subscribe(() => resource.ask());
    return () => {
      unsubscribe?.();
      resource.stop();
    };
  }, [resource, live]);
  return resource;
}

/** Reads a view of a sweep, and again whenever the sweep changes. */
export function useView<V extends Parameters<typeof getView>[1]>(view: SweepView, name: V, parameters: Record<string, string | number> = {}) {
  const key = `${view.id} ${name} ${JSON.stringify(parameters)}`;
  return useResource(key, (signal) => getView(view.id, name, parameters, signal), view.changed);
}
