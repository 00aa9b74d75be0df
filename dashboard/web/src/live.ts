// The stream of events: it never ends by itself, tells when it is cut, and
// turns a burst of events into few refreshes.

import { signal } from "@preact/signals";
import type { Event } from "./api";

/** All kinds of event: a stream tells only those that are listened to by name. */
const kinds = [
  "engine", "warmed", "proposed", "queued", "reported", "lost", "acted", "asked", "extended", "amended", "retried",
  "limited", "halted", "ended", "turned",
];

/** How long the stream may be cut before the page says so, in milliseconds. */
export const patience = 3000;

/** Whether the page shows old data because the stream has been cut for a while. */
export const stale = signal(false);

/** Whether the stream is open now. */
export const connected = signal(false);

interface Handlers {
  onEvent(event: Event): void;
  /** Called when the stream is open again after it was cut. */
  onReturn(): void;
  /** Called when the stream was answered with an error, which it does not tell. */
  onRefused?(): void;
  /** Called by the service's beat, every 15 seconds, and when a worker comes or goes. */
  onBeat?(): void;
}

/**
 * Follows a stream until the returned function is called. pathAfter gives the
 * address of the stream from an event on. The browser reconnects by itself when
 * the network fails; when the service or a proxy answers with an error it gives
 * up, and a new stream is opened here, later and later up to every 15 seconds.
 *
 * A page that nobody sees holds no stream: browsers open at most six
 * connections to a server, also for pages kept for the back button, and a
 * seventh page would wait for ever. What it missed comes when it is seen again.
 */
export function follow(pathAfter: (after: number) => string, after: number, handlers: Handlers): () => void {
  let source: EventSource | null = null;
  let staleTimer: ReturnType<typeof setTimeout> | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let retries = 0;
  let cut = false;

  const onMessage = (message: MessageEvent<string>): void => {
    let event: Event;
    try {
      event = JSON.parse(message.data) as Event;
    } catch {
      return; // not an event of ours
    }
    if (!(event.id > after)) return; // seen before
    after = event.id;
    handlers.onEvent(event);
  };

  const open = (): void => {
    clearTimeout(retryTimer);
    source = new EventSource(pathAfter(after));
    source.onopen = () => {
      clearTimeout(staleTimer);
      staleTimer = undefined;
      stale.value = false;
      connected.value = true;
      retries = 0;
      if (cut) handlers.onReturn();
      cut = false;
    };
    source.onerror = () => {
      cut = true;
      connected.value = false;
      staleTimer ??= setTimeout(() => (stale.value = true), patience);
      if (source?.readyState === EventSource.CLOSED) {
        source.close();
        handlers.onRefused?.();
        retryTimer = setTimeout(open, Math.min(15000, 1000 * 2 ** retries++));
      }
    };
    for (const kind of kinds) source.addEventListener(kind, onMessage);
    if (handlers.onBeat !== undefined) for (const kind of ["ping", "worker"]) source.addEventListener(kind, () => handlers.onBeat?.());
  };

  const close = (): void => {
    source?.close();
    source = null;
    clearTimeout(staleTimer);
    clearTimeout(retryTimer);
    staleTimer = undefined;
    cut = true;
    stale.value = false;
    connected.value = false;
  };
  const onVisibility = (): void => {
    if (document.visibilityState === "hidden") close();
    else if (source === null) open();
  };
  addEventListener("pagehide", close);
  addEventListener("pageshow", onVisibility);
  document.addEventListener("visibilitychange", onVisibility);
  onVisibility();

  return () => {
    removeEventListener("pagehide", close);
    removeEventListener("pageshow", onVisibility);
    document.removeEventListener("visibilitychange", onVisibility);
    close();
  };
}

/**
 * Runs work soon after it is asked for, at most once in each interval and never
 * twice at the same time; what is asked for meanwhile is one more run after.
 */
export class Coalescer {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  private again = false;
  private stopped = false;
  private last = -Infinity;

  constructor(
    private readonly work: () => Promise<void>,
    private readonly interval: number, // milliseconds
    private readonly now: () => number = () => performance.now(),
  ) {}

  ask(): void {
    if (this.stopped || this.timer !== undefined) return;
    if (this.running) {
      this.again = true;
      return;
    }
    const wait = Math.max(0, this.last + this.interval - this.now());
    this.timer = setTimeout(() => void this.run(), wait);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    this.running = true;
    this.last = this.now();
    try {
      await this.work();
    } finally {
      this.running = false;
      if (this.again) {
        this.again = false;
        this.ask();
      }
    }
  }
}
