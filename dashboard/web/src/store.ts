// The data behind the two pages: read once, kept fresh by events, never shown
// older than it has been.

import { signal, type ReadonlySignal } from "@preact/signals";
import {
  act,
  asProblem,
  deleteSweep,
  eventsPath,
  extendSweep,
  getHistory,
  getLeaderboard,
  getSweep,
  getSweeps,
  Problem,
  type Action,
  type Event,
  type ExtendRequest,
  type Sweep,
  type Trial,
} from "./api";
import { significant } from "./format";
import { Curve } from "./history";
import { Coalescer, follow } from "./live";
import { topRung } from "./sweep";

const refreshInterval = 500; // milliseconds between two refreshes
const drawInterval = 200; // milliseconds between two drawings of the curve
const pageSize = 100; // rows
const requestLimit = 1000; // rows that one request may ask for

/** What both pages share: loading, failing, trying again, following. */
abstract class View {
  /** Why there is nothing to show, or null. */
  readonly problem = signal<Problem | null>(null);
  /** Why what is shown could not be refreshed, or null. */
  readonly trouble = signal<Problem | null>(null);
  readonly loaded = signal(false);

  protected readonly refreshes = new Coalescer(() => this.attempt(), refreshInterval);
  private unfollow: (() => void) | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  protected stopped = false;

  /** Reads all that the page shows. The first call also says where events start. */
  protected abstract read(): Promise<void>;
  protected abstract path(after: number): string;
  protected abstract firstEvent(): number;
  protected onEvent(_event: Event): void {}

  start(): void {
    this.refreshes.ask();
  }

  stop(): void {
    this.stopped = true;
    this.refreshes.stop();
    clearTimeout(this.retryTimer);
    this.unfollow?.();
  }

  private async attempt(): Promise<void> {
    clearTimeout(this.retryTimer);
    try {
      await this.read();
    } catch (err) {
      if (!this.stopped) this.failed(asProblem(err));
      return;
    }
    if (this.stopped) return;
    this.failures = 0;
    this.problem.value = null;
    this.trouble.value = null;
    this.loaded.value = true;
    this.unfollow ??= follow((after) => this.path(after), this.firstEvent(), {
      onEvent: (event) => {
        this.onEvent(event);
        this.refreshes.ask();
      },
      onReturn: () => this.refreshes.ask(),
      onRefused: () => this.refreshes.ask(), // a request tells why
    });
  }

  private failed(problem: Problem): void {
    if (this.loaded.value) this.trouble.value = problem;
    else this.problem.value = problem;
    // What was refused stays refused; what did not answer may come back.
    if (problem.status !== 0 && problem.status < 500 && problem.status !== 429) return;
    this.retryTimer = setTimeout(() => this.refreshes.ask(), Math.min(15000, 1000 * 2 ** this.failures++));
  }
}

/** Collects pages until there are as many rows as wanted, each row once. */
export async function collect<T>(
  wanted: number,
  key: (row: T) => string | number,
  page: (limit: number, cursor: string) => Promise<{ items: T[]; next?: string }>,
): Promise<{ rows: T[]; next: string }> {
  const rows = new Map<string | number, T>();
  let cursor = "";
  let read = 0;
  do {
    const answer = await page(Math.min(requestLimit, wanted - read), cursor);
    // A row that moved down between two requests comes twice: the first stands.
    for (const row of answer.items) if (!rows.has(key(row))) rows.set(key(row), row);
    read += answer.items.length;
    cursor = answer.items.length === 0 ? "" : (answer.next ?? "");
  } while (cursor !== "" && read < wanted);
  return { rows: [...rows.values()], next: cursor };
}

/** The list of sweeps. */
export class SweepsView extends View {
  readonly sweeps = signal<Sweep[]>([]);
  readonly hasMore = signal(false);
  private wanted = pageSize;

  more(): void {
    this.wanted += pageSize;
    this.refreshes.ask();
  }

  protected async read(): Promise<void> {
    const { rows, next } = await collect(this.wanted, (s) => s.id, getSweeps);
    const shown = new Map(this.sweeps.peek().map((s) => [s.id, s]));
    this.sweeps.value = rows.map((s) => newer(shown.get(s.id), s));
    this.hasMore.value = next !== "";
  }

  protected path(after: number): string {
    return eventsPath(null, after);
  }

  protected firstEvent(): number {
    return Math.max(0, ...this.sweeps.peek().map((s) => s.cursor));
  }
}

/** The one that knows of more events; the fresh one if they know the same. */
export function newer(shown: Sweep | null | undefined, fresh: Sweep): Sweep {
  return shown != null && shown.cursor > fresh.cursor ? shown : fresh;
}

/** One sweep. */
export class SweepView extends View {
  readonly sweep = signal<Sweep | null>(null);
  readonly board = signal<Trial[]>([]);
  readonly hasMore = signal(false);
  readonly curve = signal<Curve | null>(null);
  readonly drawn = signal(0); // grows when the curve has changed
  readonly acting = signal<Action | "extend" | "delete" | null>(null);
  readonly refusal = signal<Problem | null>(null); // of the last action
  private readonly said = signal("");
  /** Grows with every event: what views read again by. */
  readonly changed = signal(0);
  private waiting: Event[] | null = []; // events that came before the curve did
  private readingCurve = false;
  private readonly draws = new Coalescer(async () => void this.drawn.value++, drawInterval);
  private wanted = pageSize;

  constructor(readonly id: string) {
    super();
  }

  /** What a screen reader is told. */
  get announcement(): ReadonlySignal<string> {
    return this.said;
  }

  override stop(): void {
    super.stop();
    this.draws.stop();
  }

  more(): void {
    this.wanted += pageSize;
    this.refreshes.ask();
  }

  act(action: Action): Promise<boolean> {
    return this.change(action, async () => this.accept(await act(this.id, action)));
  }

  extend(request: ExtendRequest): Promise<boolean> {
    return this.change("extend", async () => this.accept(await extendSweep(this.id, request)));
  }

  delete(): Promise<boolean> {
    return this.change("delete", async () => deleteSweep(this.id));
  }

  /** Does something to the sweep, and tells whether the service did it. */
  private async change(name: Action | "extend" | "delete", work: () => Promise<void>): Promise<boolean> {
    this.acting.value = name;
    this.refusal.value = null;
    try {
      await work();
      return true;
    } catch (err) {
      this.refusal.value = asProblem(err);
      return false;
    } finally {
      this.acting.value = null;
      this.refreshes.ask();
    }
  }

  // The sweep comes first: its cursor is where the events start, and what is
  // read after it knows at least as much.
  protected async read(): Promise<void> {
    const sweep = await getSweep(this.id);
    if (this.stopped) return;
    this.sweep.value ??= sweep; // a page that opens shows its head, and its view begins to read
    const board = await collect(this.wanted, (t: Trial) => t.number, (limit, cursor) => getLeaderboard(this.id, limit, cursor));
    if (this.stopped) return;
    this.accept(sweep);
    this.board.value = board.rows;
    this.hasMore.value = board.next !== "";
    void this.readCurve(sweep);
  }

  // The curve comes after the board: its history takes longer to read, and
  // nobody who wants to see who leads should wait for it.
  private async readCurve(sweep: Sweep): Promise<void> {
    if (this.waiting === null || this.readingCurve) return;
    this.readingCurve = true;
    try {
      const curve = new Curve(await getHistory(this.id), sweep.spec.metric.goal, topRung(sweep));
      for (const event of this.waiting) curve.append(event);
      this.waiting = null;
      if (!this.stopped) this.curve.value = curve;
    } catch (err) {
      this.trouble.value = asProblem(err); // tried again with the next refresh
    } finally {
      this.readingCurve = false;
    }
  }

  protected path(after: number): string {
    return eventsPath(this.id, after);
  }

  protected firstEvent(): number {
    return this.sweep.peek()?.cursor ?? 0;
  }

  protected override onEvent(event: Event): void {
    this.changed.value++;
    if (this.waiting !== null) {
      if (event.kind === "reported") this.waiting.push(event);
    } else if (this.curve.peek()?.append(event)) this.draws.ask();
  }

  private accept(fresh: Sweep): void {
    const shown = this.sweep.peek();
    const next = newer(shown, fresh);
    if (shown !== null && next.state !== shown.state) {
      this.said.value = `The sweep is now ${next.state}.`;
    } else if (shown !== null && next.best !== undefined && next.best.number !== shown.best?.number) {
      const value = next.best.value === null ? "" : `: ${next.spec.metric.name} ${significant(next.best.value)}`;
      this.said.value = `Trial ${next.best.number} is the new incumbent${value}.`;
    }
    this.sweep.value = next;
  }
}
