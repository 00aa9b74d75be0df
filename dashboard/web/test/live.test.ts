import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Coalescer, connected, follow, patience, stale } from "../src/live";

/** An EventSource that does what the test says. */
class FakeSource extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    FakeSource.all.push(this);
  }
  close(): void {
    this.readyState = 2;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  breaks(forGood: boolean): void {
    this.readyState = forGood ? 2 : 0;
    this.onerror?.();
  }
  sends(id: number): void {
    this.dispatchEvent(new MessageEvent("reported", { data: JSON.stringify({ id }) }));
  }
}

const page = Object.assign(new EventTarget(), { visibilityState: "visible" });

function start(after: number) {
  const events: number[] = [];
  const onReturn = vi.fn();
  const stop = follow((from) => `/events?after=${from}`, after, { onEvent: (e) => events.push(e.id), onReturn });
  return { events, onReturn, stop, source: () => FakeSource.all.at(-1) as FakeSource };
}

function see(visibility: "visible" | "hidden"): void {
  page.visibilityState = visibility;
  page.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSource.all = [];
  page.visibilityState = "visible";
  const frame = new EventTarget();
  vi.stubGlobal("EventSource", FakeSource);
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", frame.addEventListener.bind(frame));
  vi.stubGlobal("removeEventListener", frame.removeEventListener.bind(frame));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a stream", () => {
  it("hands on each event once", () => {
    const s = start(7);
    expect(s.source().url).toBe("/events?after=7");
    s.source().opens();
    for (const id of [7, 8, 9, 8, 10]) s.source().sends(id);
    expect(s.events).toEqual([8, 9, 10]);
    s.stop();
  });

  it("is stale after it was cut for a while, and not before", () => {
    const s = start(0);
    s.source().opens();
    expect(connected.value).toBe(true);
    s.source().breaks(false);
    vi.advanceTimersByTime(patience - 1);
    expect([stale.value, connected.value]).toEqual([false, false]);
    vi.advanceTimersByTime(1);
    expect(stale.value).toBe(true);
    s.source().opens();
    expect([stale.value, connected.value]).toEqual([false, true]);
    expect(s.onReturn).toHaveBeenCalledTimes(1);
    s.stop();
  });

  it("says nothing of a short cut", () => {
    const s = start(0);
    s.source().opens();
    s.source().breaks(false);
    vi.advanceTimersByTime(patience / 2);
    s.source().opens();
    vi.advanceTimersByTime(patience * 2);
    expect(stale.value).toBe(false);
    s.stop();
  });

  it("is opened again where the browser gives up, from the last event on", () => {
    const s = start(0);
    s.source().opens();
    s.source().sends(41);
    s.source().breaks(true);
    vi.advanceTimersByTime(1000);
    expect(FakeSource.all.map((f) => f.url)).toEqual(["/events?after=0", "/events?after=41"]);
    s.source().breaks(true);
    vi.advanceTimersByTime(1999);
    expect(FakeSource.all).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(FakeSource.all).toHaveLength(3);
    s.stop();
    vi.advanceTimersByTime(60_000);
    expect(FakeSource.all).toHaveLength(3);
  });

  it("is closed while nobody looks, and goes on after", () => {
    const s = start(0);
    s.source().opens();
    s.source().sends(5);
    see("hidden");
    expect(s.source().readyState).toBe(FakeSource.CLOSED);
    vi.advanceTimersByTime(60_000);
    expect(stale.value).toBe(false);
    see("visible");
    expect(FakeSource.all.map((f) => f.url)).toEqual(["/events?after=0", "/events?after=5"]);
    s.source().opens();
    expect(s.onReturn).toHaveBeenCalledTimes(1);
    s.stop();
    see("visible");
    expect(FakeSource.all).toHaveLength(2);
  });
});

describe("refreshes", () => {
  it("are few however many are asked for", async () => {
    const work = vi.fn(async () => undefined);
    const c = new Coalescer(work, 500, () => Date.now());
    for (let i = 0; i < 1000; i++) {
      c.ask();
      await vi.advanceTimersByTimeAsync(10);
    }
    // In the 10 s: one at once, and one at the end of each half second.
    expect(work).toHaveBeenCalledTimes(1 + 20);
  });

  it("never run twice at a time, and one follows what was asked meanwhile", async () => {
    let finish = (): void => undefined;
    let running = 0;
    let most = 0;
    let runs = 0;
    const c = new Coalescer(
      () => {
        runs++;
        most = Math.max(most, ++running);
        return new Promise((resolve) => {
          finish = () => {
            running--;
            resolve(undefined);
          };
        });
      },
      500,
      () => Date.now(),
    );
    c.ask();
    await vi.advanceTimersByTimeAsync(0);
    c.ask();
    c.ask();
    await vi.advanceTimersByTimeAsync(5000);
    expect(runs).toBe(1);
    finish();
    await vi.advanceTimersByTimeAsync(500);
    expect([runs, most]).toEqual([2, 1]);
    finish();
    await vi.advanceTimersByTimeAsync(5000);
    expect(runs).toBe(2);
    c.stop();
    c.ask();
    await vi.advanceTimersByTimeAsync(5000);
    expect(runs).toBe(2);
  });
});
